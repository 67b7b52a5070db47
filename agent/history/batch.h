/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_BATCH_H
#define HISTORY_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "cycle.h"
#include "incident.h"
#include "message.h"

/*
 * The rows that were gathered since the last commit. A catch-up brings thousands of rows into one commit, so a row needs no
 * allocation of its own: the rows of a kind stand in one array, and their texts in one buffer that the rows point into by offset.
 */

/* The offset of a text in the batch's buffer; 0 stands for NULL. */
struct batch_text {
    size_t at;
};

struct batch_run {
    struct run row; /* its pointers are NULL: the texts are below */
    struct batch_text table, error;
};

struct batch_answer {
    struct run_answer row; /* its pointers are NULL, too */
    struct batch_text witness;
};

struct batch_incident {
    struct incident row; /* its pointers are NULL, too */
    struct batch_text table, summary, cause, runbook, scenario, title, first_command, evidence;
    struct batch_text tables; /* row.table_count texts, one after the other */
};

struct batch_fact {
    int64_t id;
    int64_t incident_id;
    int64_t at_ms;
    int64_t offset;
    struct batch_text kind, text;
};

struct batch_message {
    int64_t id;
    struct message *message; /* owned */
    bool silenced;
};

/* The result of an attempt to send an outbox entry. */
struct batch_delivery {
    int64_t outbox_id;
    int64_t attempts;
    int64_t next_attempt_ms;
    int64_t delivered_ms;
    struct batch_text status, last_error;
};

struct batch_outbox {
    struct batch_delivery delivery;
    int64_t incident_id;
    int64_t notification_id;
    int64_t created_ms;
    struct batch_text webhook;
};

/* The rows of one kind. Each row begins with its id. */
struct batch_list {
    void *rows;
    size_t count;
    size_t room;
};

/*
 * The places of the most recent rows, by id modulo BATCH_RECENT. A row whose place was taken by another id is not found and is added
 * a second time: both are written in order, so the last one wins.
 */
enum { BATCH_RECENT = 64 };
struct batch_recent {
    uint32_t index[BATCH_RECENT];
};

struct batch {
    struct strbuf texts;
    struct batch_list cycles;     /* struct cycle */
    struct batch_list runs;       /* struct batch_run */
    struct batch_list answers;    /* struct batch_answer */
    struct batch_list incidents;  /* struct batch_incident */
    struct batch_list facts;      /* struct batch_fact */
    struct batch_list messages;   /* struct batch_message */
    struct batch_list outbox;     /* struct batch_outbox */
    struct batch_list deliveries; /* struct batch_delivery */
    struct batch_recent recent_cycles, recent_runs, recent_incidents;
};

void batch_put_cycle(struct batch *batch, const struct cycle *cycle);
void batch_put_run(struct batch *batch, const struct run *run);
void batch_put_answer(struct batch *batch, const struct run_answer *answer);
void batch_put_incident(struct batch *batch, const struct incident *incident);
void batch_put_fact(struct batch *batch, int64_t id, const struct timeline_entry *entry);
void batch_put_message(struct batch *batch, int64_t id, const struct message *message, bool silenced);
void batch_put_outbox(struct batch *batch, const struct batch_outbox *entry, const char *webhook);
/* Changes the gathered entry of this id, if there is one; else it is for an entry that is committed already. */
void batch_put_delivery(struct batch *batch, const struct batch_delivery *delivery, const char *status,
                        const char *last_error);

/* These return NULL if there is none. */
const char *batch_text(const struct batch *batch, struct batch_text text);
const struct batch_delivery *batch_find_delivery(const struct batch *batch, int64_t outbox_id);
const struct message *batch_find_message(const struct batch *batch, int64_t id);

size_t batch_rows(const struct batch *batch);
size_t batch_bytes(const struct batch *batch);

/* Removes the cycles, the runs and the answers about them, and their texts. */
void batch_drop_runs(struct batch *batch);

/* Removes the rows; the memory is kept for the next ones. */
void batch_clear(struct batch *batch);
void batch_free(struct batch *batch);

#endif

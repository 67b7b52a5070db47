/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_BATCH_H
#define HISTORY_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "cycle.h"
#include "incident.h"
#include "message.h"

/*
 * What was gathered since the last commit, in memory. A catch-up brings thousands of rows into one commit, so a row costs no
 * allocation of its own: rows stand in arrays, their texts in one buffer that they point into by offset.
 */

/* Where a text begins in the batch's buffer; 0 is NULL. */
struct batch_text {
    size_t at;
};

struct batch_run {
    struct run row; /* its pointers are unset: see below */
    struct batch_text table, error;
};

struct batch_incident {
    struct incident row; /* likewise */
    struct batch_text table, summary, cause, scenario, first_command, evidence;
    struct batch_text tables; /* row.table_count texts, one behind the other */
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
    int silenced;
};

/* What became of an outbox entry. */
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

/* Rows of one kind; each begins with its id. */
struct batch_list {
    void *rows;
    size_t count;
    size_t room;
};

/*
 * Where the row of an id stands, for the most recent ids. A row pushed out of here by another id is not found again and is added
 * anew: it is then written twice, in order, and the last one wins all the same.
 */
enum { BATCH_RECENT = 64 };
struct batch_recent {
    uint32_t index[BATCH_RECENT];
};

struct batch {
    struct strbuf texts;
    struct batch_list cycles;     /* struct cycle */
    struct batch_list runs;       /* struct batch_run */
    struct batch_list incidents;  /* struct batch_incident */
    struct batch_list facts;      /* struct batch_fact */
    struct batch_list messages;   /* struct batch_message */
    struct batch_list outbox;     /* struct batch_outbox */
    struct batch_list deliveries; /* struct batch_delivery */
    struct batch_recent recent_cycles, recent_runs, recent_incidents;
};

void batch_put_cycle(struct batch *batch, const struct cycle *cycle);
void batch_put_run(struct batch *batch, const struct run *run);
void batch_put_incident(struct batch *batch, const struct incident *incident);
void batch_put_fact(struct batch *batch, int64_t id, const struct timeline_entry *entry);
void batch_put_message(struct batch *batch, int64_t id, const struct message *message, int silenced);
void batch_put_outbox(struct batch *batch, const struct batch_outbox *entry, const char *webhook);
/* To the gathered entry if it is one, else to an entry that is committed already. */
void batch_put_delivery(struct batch *batch, const struct batch_delivery *delivery, const char *status,
                        const char *last_error);

/* NULL if there is none. */
const char *batch_text(const struct batch *batch, struct batch_text text);
const struct batch_delivery *batch_find_delivery(const struct batch *batch, int64_t outbox_id);
const struct message *batch_find_message(const struct batch *batch, int64_t id);

size_t batch_rows(const struct batch *batch);
size_t batch_bytes(const struct batch *batch);

/* Empty again; the memory is kept for the next rows. */
void batch_clear(struct batch *batch);
void batch_free(struct batch *batch);

#endif

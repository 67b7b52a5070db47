/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "engine.h"
#include "message.h"
#include "source_position.h"

/*
 * The history: SQLite in WAL mode. What the core tells is gathered in memory and goes in with the reading positions, the engine's
 * state and the outbox in one transaction, so that a kill at any moment neither loses nor doubles anything. A commit
 * that fails keeps what was gathered for the next one.
 */
struct history;

enum history_status {
    HISTORY_OK,
    HISTORY_BUSY, /* locked by somebody: try again */
    HISTORY_FULL, /* no space, read-only, I/O error: try again later, go on from memory */
    HISTORY_FATAL
};

/*
 * For the agent itself; missing directories are made. A corrupt database is moved aside and a new one begun: *notice says
 * so. Where there is none and no room for one it begins in memory, which *notice says too; each commit tries again. An old one
 * that cannot be opened is no such case: what it knows would be contradicted. NULL on failure, why in *error.
 */
struct history *history_open(const char *path, struct strbuf *notice, struct strbuf *error);
/* What was gathered and not committed is dropped. */
void history_close(struct history *history);

/* Gathers what the core tells. notify is left to the caller. */
struct engine_sink history_sink(struct history *history);

/* Gathers a notification. Returns its id, fixed before the commit. */
int64_t history_put_message(struct history *history, const struct message *message, bool silenced);
/* Returns the entry's id, fixed before the commit. */
int64_t history_put_outbox(struct history *history, int64_t notification_id, int64_t incident_id, const char *webhook,
                           int64_t created_ms);
void history_put_state(struct history *history, const char *key, struct slice value);
void history_put_sources(struct history *history, const struct source_position *positions, size_t count);

/* What became of an outbox entry: status is "pending", "delivered", "refused", "superseded" or "silenced". */
void history_put_delivery(struct history *history, int64_t outbox_id, const char *status, int64_t attempts,
                          int64_t next_attempt_ms, int64_t delivered_ms, const char *last_error);

/*
 * While commits fail the database cannot say so itself. The file beside it that keeps other agents away has room for a word, on a
 * full disk too, and `status` finds it there.
 */
struct history_trouble {
    int64_t failures; /* 0: all is well */
    int64_t since_ms;
    struct strbuf why;
};

void history_leave_trouble(struct history *history, const struct history_trouble *trouble);
/* What the agent of this pid left beside the database at path; false if nothing. */
bool history_find_trouble(const char *path, int64_t pid, struct history_trouble *trouble);

bool history_dirty(const struct history *history);
size_t history_pending_bytes(const struct history *history);

/*
 * Everything gathered goes in, or nothing: then *error says why. With HISTORY_OK, a text in *error is a notice: the database
 * was corrupt or gone, and a new one was begun.
 */
enum history_status history_commit(struct history *history, struct strbuf *error);

/* What was put last, or what an earlier life committed. False if there is no such key. */
bool history_get_state(struct history *history, const char *key, struct strbuf *value);
size_t history_get_sources(struct history *history, struct source_position *positions, size_t room);

/* An outbox entry that still wants sending, with its message (owned by the caller). */
struct outbox_entry {
    int64_t id;
    int64_t attempts;
    int64_t next_attempt_ms;
    int64_t created_ms;
    struct message *message;
};

/* A webhook's oldest pending entries with an id above after, those not committed yet too. Returns the count, at most room. */
size_t history_get_outbox(struct history *history, const char *webhook, int64_t after, struct outbox_entry *entries,
                          size_t room);

/* Whether every incident is over and all news of it delivered, as far as it was committed. */
bool history_settled(struct history *history);

/*
 * What a webhook was told, oldest first, of the incidents that are open or ended after since_ms; messages are the
 * caller's. Committed ones only. Returns the count, at most room.
 */
size_t history_get_told(struct history *history, const char *webhook, int64_t since_ms, struct message **messages,
                        size_t room);

/* The first webhook by name above after ("": the first of all) for which something is pending; false if there is none. */
bool history_next_webhook(struct history *history, const char *after, struct strbuf *name);

/* Until when the silences in force at now_ms last; 0: there is none. */
int64_t history_silence_end(struct history *history, int64_t now_ms);

/* Removes a little of what is older than before_ms; true if there is more. Short: it never blocks for long. */
bool history_prune(struct history *history, int64_t before_ms);

/* From time to time, when nothing else is to do: memory given back, and what a reader held tried again by history_tend. */
void history_idle(struct history *history);

/*
 * For whoever is live, once a turn and behind what is urgent: when the WAL has grown, a thread of its own moves it into the
 * database, so that no commit waits for the disk. A history that nobody tends does that in its commits.
 */
void history_tend(struct history *history);

/* Whether that thread is at work: then a commit that is HISTORY_BUSY is soon possible, and no trouble. */
bool history_tending(const struct history *history);

/* Waits for it. history_close does so too. */
void history_tend_wait(struct history *history);

/*
 * How much of the WAL the last checkpoint could not move, because a reader still looks at what was before or the disk failed;
 * more than a few megabytes means that it lasts, and the WAL grows for as long.
 */
int64_t history_held_bytes(const struct history *history);

/*
 * The keys under which archives are kept in the history, so that a restart goes on where the last run stood. They are gathered for
 * the same transaction as the lines that made them.
 */
#define STATE_PARSER "parser"
#define STATE_ENGINE "engine.live"
#define STATE_WINDOWS "engine.windows"
#define STATE_AGENT "agent"
#define STATE_ORIGIN "origin"
#define STATE_REFRESH "refresh." /* and a webhook's name: why an Alertmanager could not be told again; "" if it could */

#endif

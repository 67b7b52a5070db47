/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "engine.h"
#include "message.h"
#include "silence.h"
#include "source_position.h"

/*
 * The room agent/history: all that the agent keeps. It is the only room that writes the SQLite database (the history) and the files
 * beside it: -wal, -shm, -lock, and .corrupt-*, to which a damaged database is moved. It knows the rows and notifications of the core,
 * but decides nothing about them. Other programs may read the database while the agent runs; reader.h is for the commands that do.
 *
 * The functions below are for the one process that follows the log. What it puts is gathered in memory. A commit writes it in one
 * transaction, together with the reading positions, the engine's state and the outbox, so that a kill at any moment neither loses
 * nor doubles anything. After a commit that failed, what was gathered stays and is part of the next commit. Not thread-safe.
 *
 * Times are in milliseconds since 1970 (UTC). 0 stands for what has not happened.
 */
struct history;

enum history_status {
    HISTORY_OK,
    HISTORY_BUSY,   /* another process has a lock: try again soon */
    HISTORY_FULL,   /* no space, read-only or an I/O error: go on from memory, and try again later */
    HISTORY_REOPEN, /* see history_on_disk */
    HISTORY_FATAL   /* SQLite refused a statement, which is a fault of the agent or of whoever changed the tables */
};

/*
 * Opens the history at path, or creates it and its directories. A corrupt database is moved aside and a new one begun; *notice says
 * so. A database that cannot be opened or written now (permissions, a read-only or full disk, a lock) is no failure: *notice says so,
 * the history is read if it can be and else begins empty, and what is put is kept in memory.
 * Returns NULL if another agent keeps the history, or if it is not one that this agent may use, with the reason in *error.
 */
struct history *history_open(const char *path, struct strbuf *notice, struct strbuf *error);

/*
 * To be called once, before anything that an earlier run stored is loaded. If the last STARTS_MAX starts ended before their first
 * commit, the stored state may be to blame: it is moved to other keys, and *notice says so. The reading positions stay.
 */
void history_begin_start(struct history *history, struct strbuf *notice);

/*
 * False while the history is not on the disk. Then each history_commit tries again to open it; the caller chooses the pauses between
 * them. Either the commit succeeds at last, with all that was put meanwhile. Or it returns HISTORY_REOPEN and writes nothing: the file
 * holds what this run does not know, and the two cannot be merged. Then the caller drops what it knows: history_close, history_open
 * and everything else as at a start, so that the log is read again from the file's position.
 */
bool history_on_disk(const struct history *history);

/* What was gathered and not committed is dropped. */
void history_close(struct history *history);

/* --- Putting: what the next commit writes --- */

/* Takes the rows that the core hands out. Its notify is NULL: the caller sets it. */
struct engine_sink history_sink(struct history *history);

/* These return the new row's id, which stays the same however often its commit must be tried. */
int64_t history_put_message(struct history *history, const struct message *message, bool silenced);
int64_t history_put_outbox(struct history *history, int64_t notification_id, int64_t incident_id, const char *webhook,
                           int64_t created_ms);
/* The result of sending an outbox entry: status is "pending", "delivered", "refused", "superseded" or "silenced". */
void history_put_delivery(struct history *history, int64_t outbox_id, const char *status, int64_t attempts,
                          int64_t next_attempt_ms, int64_t delivered_ms, const char *last_error);
void history_put_sources(struct history *history, const struct source_position *positions, size_t count);
void history_put_state(struct history *history, const char *key, struct slice value);
/* A key that was put or read in this life is removed. */
void history_drop_state(struct history *history, const char *key);
/*
 * The engine's state has gone on: the next commit writes those of its parts that changed, or all of them into a new database. They are read
 * from the engine by that commit and not before, so that 10,000 of them need no copy. So whoever changes the engine after this puts everything
 * again before the commit. The engine is borrowed until then.
 */
void history_put_parts(struct history *history, struct engine *engine);
/* None of the committed parts is the engine's: the next commit with parts replaces them all. */
void history_renew_parts(struct history *history);

/* Whether anything is kept of what this witness said. */
bool history_keeps_witness(struct history *history, const char *name);

/*
 * These witnesses are configured: the next commit removes the rows of all others. One of which nothing is kept was not asked yet. To be
 * called at the start, and when the configuration changes.
 */
void history_expect_witnesses(struct history *history, const char *const *names, size_t count);
/*
 * What a witness said, which replaces what it said before. state is "silent", "well" or "trouble". At most WITNESSES_MAX are kept. An answer
 * that is the same as before makes no commit of its own, and other words in the same state make one a minute at most.
 */
void history_put_witness(struct history *history, const char *name, const char *state, const char *words,
                         int64_t at_ms);

/*
 * The keys for history_put_state: archives with which a restart goes on where the last run stood. The first three change with nearly every
 * line: their names stand together in the order of keys, and so their rows on one page of the file.
 */
#define STATE_AGENT "agent"
#define STATE_ENGINE "agent.engine" /* enum engine_text; likewise the three below */
#define STATE_PARSER "agent.parser"
#define STATE_LIFE "engine.life"
#define STATE_RECURRENCES "engine.recurrences"
#define STATE_CYCLES "engine.cycles"
#define STATE_EARLIER_ENGINE "engine.now" /* the names of two of them before */
#define STATE_EARLIER_PARSER "parser"
#define STATE_OLD_ENGINE "engine.live" /* all of the engine's state, as an agent saved it that knew no parts */
#define STATE_OLD_WINDOWS "engine.windows"
#define STATE_METRICS "metrics" /* the agent's counters, see metrics_store */
#define STATE_REPLAY "replay"   /* the moment (Unix ms) at which a replay that filled the history ended */
#define STATE_ORIGIN "origin"
#define STATE_REFRESH "refresh." /* and a webhook's name: why an Alertmanager could not be told again; "" if it could */

/* --- Committing --- */

bool history_dirty(const struct history *history);
/* True if there is nothing to write but a few rows of cycles and runs. */
bool history_may_wait(const struct history *history);
size_t history_pending_bytes(const struct history *history);

/*
 * Writes all that was gathered, or nothing; then *error says why. With HISTORY_OK, a text in *error is a notice: the database was
 * corrupt or gone, and a new one was begun.
 */
enum history_status history_commit(struct history *history, struct strbuf *error);

/*
 * While commits fail, the database cannot tell so itself. But the lock file beside it has room for a line, even on a full disk, and
 * `status` reads it there.
 */
struct history_trouble {
    int64_t failures; /* commits that failed in a row; 0: all is well */
    int64_t since_ms;
    struct strbuf why;
};

void history_leave_trouble(struct history *history, const struct history_trouble *trouble);
/* Reads the trouble that the agent of this pid left beside the database at path; false if there is none. */
bool history_find_trouble(const char *path, int64_t pid, struct history_trouble *trouble);

/* --- Reading --- */

/* The value that was put last, in this run or committed by an earlier one. False if there is none. */
bool history_get_state(struct history *history, const char *key, struct strbuf *value);
/*
 * Hands over the committed parts of the engine's state of one kind, in the order of their numbers; each is borrowed for the call. Fits struct
 * engine_source. A part that is not as it was stored is left out, and its row removed.
 */
void history_get_parts(struct history *history, enum engine_part part,
                       void (*take)(void *ctx, enum engine_part part, int64_t number, struct slice text), void *ctx);
/* True, with words added, if parts were left out since the last call. */
bool history_take_damage(struct history *history, struct strbuf *words);
size_t history_get_sources(struct history *history, struct source_position *positions, size_t room);

/* An outbox entry that is still to be sent. The caller owns the message. */
struct outbox_entry {
    int64_t id;
    int64_t notification_id;
    int64_t attempts;
    int64_t next_attempt_ms;
    int64_t created_ms;
    struct message *message;
};

/* The oldest pending entries of a webhook with an id above after, committed or not. Returns the count, at most room. */
size_t history_get_outbox(struct history *history, const char *webhook, int64_t after, struct outbox_entry *entries,
                          size_t room);

/*
 * True if the outbox has or had an entry of this incident for the webhook, committed or not; with a notification_id that is not 0, an
 * entry of this notification.
 */
bool history_find_outbox(struct history *history, const char *webhook, int64_t incident_id, int64_t notification_id);

/* True if every committed incident is over and all notifications are delivered. */
bool history_settled(struct history *history);

/*
 * The committed messages that a webhook got about incidents that are open or ended after since_ms, oldest first. The caller owns
 * them. Returns the count, at most room.
 */
size_t history_get_told(struct history *history, const char *webhook, int64_t since_ms, struct message **messages,
                        size_t room);

/* The first webhook, by name, above after ("": the first of all) that has pending entries; false if there is none. */
bool history_next_webhook(struct history *history, const char *after, struct strbuf *name);

/*
 * True if another process may have committed since the last call, or since the history was opened: then what people ask for (below) is read
 * again.
 */
bool history_was_edited(struct history *history);
/* Hands over the newest acknowledgement of each committed open incident that has one; it is borrowed for the call. */
void history_get_acknowledgements(struct history *history,
                                  void (*take)(void *ctx, const struct acknowledgement *acknowledgement), void *ctx);

/*
 * Hands over the silences that are in force at now_ms or begin later, SILENCES_MAX at most; each is borrowed for the call. Those that ended
 * within the last day are among them, because the clock may be set back.
 */
void history_get_silences(struct history *history, int64_t now_ms,
                          void (*take)(void *ctx, const struct silence *silence), void *ctx);

/* --- Upkeep --- */

/*
 * The instant before which rows are too old to be kept, or INT64_MIN if none may be removed now. A clock that is wrong must not empty
 * the history. So the age of a row is its distance from the newest cycle (or from now_ms, if that is earlier), and nothing is removed
 * until the wall clock has gone along with the time since the host booted for an hour, or for retention_ms if that is shorter. Since
 * when it does is kept in the history, so that a restart does not begin to wait anew.
 */
int64_t history_retention_start_ms(struct history *history, int64_t retention_ms, int64_t now_ms,
                                   int64_t since_boot_ms);

/* Removes a few milliseconds' worth of the rows that are older than before_ms. True if there is more to remove. */
bool history_prune(struct history *history, int64_t before_ms);

/* To be called about once an hour, when nothing else is to do. Gives memory back and makes history_checkpoint try again. */
void history_idle(struct history *history);

/*
 * A live agent calls this once a turn, after what is urgent. When the write-ahead log (WAL) has grown, a thread moves it into the
 * database, so that no commit waits for the disk. If nobody calls this, commits do that work themselves.
 */
void history_checkpoint(struct history *history);
/* True while that thread works: a commit that is HISTORY_BUSY then is no trouble and soon succeeds. */
bool history_is_checkpointing(const struct history *history);
/* Waits for the thread's end. history_close does so too. */
void history_wait_checkpoint(struct history *history);

/*
 * How many bytes of the WAL the last checkpoint could not move, because a reader still needs the older state or the disk failed. If
 * they are more than a few megabytes, it has lasted for some time, and the WAL grows.
 */
int64_t history_held_bytes(const struct history *history);

#endif

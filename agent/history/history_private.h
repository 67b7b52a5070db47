/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_HISTORY_PRIVATE_H
#define HISTORY_HISTORY_PRIVATE_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/json.h"
#include "base/thread.h"
#include "batch.h"
#include "history.h"
#include "sql.h"

/* What the history's own files share; everybody else knows shell/history.h. */

/* The last value put or read of a key: an equal one put again costs no write, and a new database can be given it. */
struct history_state {
    char *key;
    struct strbuf value;
    bool dirty;
};

/* In pages of the WAL: how many it had, and how many of them the database has now. */
struct checkpoint {
    int wal_pages, moved_pages;
};

/* The thread owns what comes behind ended, and path, from its start until it sets ended; all else is the owner's. */
struct tending {
    bool live;      /* somebody tends: a commit need not */
    bool running;   /* begun and not joined */
    int seen_pages; /* the WAL at the last time, if it did not begin anew since */
    pthread_t thread;
    atomic_bool ended;
    const char *path;
    struct checkpoint done;
    int code;
};

struct history {
    char *path;
    int lock_fd; /* -1: not locked */
    sqlite3 *db; /* NULL while there is none: see history_revive */
    sqlite3_stmt *statements[SQL_STATEMENTS];
    struct json_maker *json;
    struct batch batch;
    struct history_state *states;
    size_t state_count;
    struct source_position *sources;
    size_t source_count;
    bool sources_dirty;
    bool corrupt; /* seen by whoever used the database; the next commit begins a new one */
    int64_t last_fact, last_message, last_outbox; /* the ids given so far */
    int wal_pages;                                /* at the last commit */
    int64_t
        held_bytes; /* of the WAL, which the last checkpoint could not move: a reader holds it, or the disk refuses */
    unsigned idles;
    bool checkpointing; /* what a checkpoint itself commits calls for no other */
    struct tending tending;
    struct strbuf scratch;
    struct strbuf notice; /* that a new database is to be begun, until a commit has begun it */
};

/* Opens or creates the database, moving a corrupt one aside. Returns a SQLite result code. */
int history_connect(struct history *history, struct strbuf *notice, struct strbuf *error);

void history_disconnect(struct history *history);

/*
 * Keeps other agents away for as long as we live; does nothing if it does so already. SQLITE_BUSY with who it is in *error if
 * there is another. Where locks are not to be had it only leaves a *notice.
 */
int history_lock(struct history *history, struct strbuf *notice, struct strbuf *error);
void history_unlock(struct history *history);

/* Renames the database's files, whatever state they are in. Returns a SQLite result code. */
int history_move_aside(struct history *history, const char *why, struct strbuf *notice, struct strbuf *error);

/*
 * Gives up a database that is corrupt or was taken away, connects to a new one and has everything that is known in memory
 * written again. Does nothing if all is well.
 */
int history_revive(struct history *history, struct strbuf *notice, struct strbuf *error);

/* What holds for every connection that writes. Returns a SQLite result code. */
int history_configure(sqlite3 *db);

/* SQLite's hook after each commit in WAL mode, for a struct history. A checkpoint that fails is tried again: history_held_bytes tells. */
int history_note_wal(void *ctx, sqlite3 *db, const char *schema, int pages);

/* The number that a query gives; 0 if there is none to be had. */
int64_t history_pragma(sqlite3 *db, const char *query);

/* Steps a statement that returns no rows, and resets it. */
int history_run(struct history *history, enum sql sql);

/* Notes corruption, whoever comes across it. Returns code without its extension. */
int history_judge(struct history *history, int code);

/* NULL if the key is not in memory. */
struct history_state *history_find_state(struct history *history, const char *key);
struct history_state *history_add_state(struct history *history, const char *key, struct slice value);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_PARTS_H
#define HISTORY_PARTS_H

#include <stdbool.h>
#include <sqlite3.h>

#include "history_batch.h"
#include "shell/history.h"
#include "shell/json.h"
#include "sql.h"

/* What the history's own files share; everybody else knows shell/history.h. */

/* From this size of the WAL (2 MB) on, an idle moment is spent on a checkpoint. */
enum { IDLE_WAL_PAGES = 500 };

/* The last value put or read of a key: an equal one put again costs no write, and a new database can be given it. */
struct history_state {
    char *key;
    struct strbuf value;
    bool dirty;
};

struct history {
    char *path;
    int lock_fd;             /* -1: not locked */
    sqlite3 *db;             /* NULL while there is none: see history_revive */
    sqlite3_stmt *statements[SQL_STATEMENTS];
    struct json_maker *json;
    struct batch batch;
    struct history_state *states;
    size_t state_count;
    struct source_position *sources;
    size_t source_count;
    bool sources_dirty;
    bool corrupt;            /* seen by whoever used the database; the next commit begins a new one */
    int64_t last_fact, last_message, last_outbox;   /* the ids given so far */
    int wal_pages;           /* at the last commit */
    int64_t held_bytes;      /* of the WAL, which a reader kept the last checkpoint from moving */
    unsigned checkpoints;
    bool checkpointing;      /* what a checkpoint itself commits calls for no other */
    struct strbuf scratch;
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

/* A checkpoint that waits for nobody: moves what no reader holds. Returns a SQLite result code. */
int history_checkpoint(struct history *history, int *wal_pages, int *moved_pages);

/* Steps a statement that returns no rows, and resets it. */
int history_run(struct history *history, enum sql sql);

/* Notes corruption, whoever comes across it. Returns code without its extension. */
int history_judge(struct history *history, int code);

/* NULL if the key is not in memory. */
struct history_state *history_find_state(struct history *history, const char *key);
struct history_state *history_add_state(struct history *history, const char *key, struct slice value);

#endif

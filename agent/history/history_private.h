/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_HISTORY_PRIVATE_H
#define HISTORY_HISTORY_PRIVATE_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/thread.h"
#include "batch.h"
#include "history.h"
#include "sql.h"

/* What the files of this room share. struct history is open to all of them; the comment at each part names the file that writes it. */

/* The value of a key as it was put or read last. Kept in memory, so that an equal value costs no write and a new database gets it. */
struct history_state {
    char *key;
    struct strbuf value;
    bool dirty; /* not committed yet */
    bool gone;  /* there is no such key any more */
};

/* What a witness said last. */
struct history_witness {
    char *name;
    struct strbuf state, words;
    int64_t said_ms;      /* 0: it was not asked yet */
    int64_t since_ms;     /* since when that state holds */
    int64_t committed_ms; /* what said_ms was in the newest commit */
    bool is_new;          /* the next commit takes it along */
    bool is_news;         /* it asks for a commit */
};

/* How many pages the WAL had, and how many of them were moved into the database. */
struct checkpoint_counts {
    int wal_pages, moved_pages;
};

/* The thread owns path, done and code from its start until it sets ended. The rest belongs to the thread that owns the history. */
struct checkpoint {
    bool live;          /* somebody calls history_checkpoint, so commits need not */
    bool running;       /* the thread was started and not joined yet */
    bool in_commit;     /* a commit makes a checkpoint, and its own empty commit must not begin another one */
    int wal_pages;      /* in the WAL after the last commit */
    int seen_pages;     /* in the WAL at the last checkpoint; 0 if the WAL began anew since then */
    int64_t held_bytes; /* left in the WAL by the last checkpoint */
    pthread_t thread;
    atomic_bool ended;
    const char *path;
    struct checkpoint_counts done;
    int code; /* a SQLite result code */
};

enum history_place {
    HISTORY_IN_MEMORY, /* there is no database, or it cannot even be read */
    HISTORY_READ_ONLY, /* the database is open, and commits fail */
    HISTORY_ON_DISK
};

struct history {
    /* open.c */
    char *path;
    enum history_place place;
    sqlite3 *db; /* NULL in memory; the next commit connects again */
    sqlite3_stmt *statements[SQL_STATEMENTS];
    struct strbuf past; /* the positions and ids that the file held when this run began; see history_read_past */
    bool owned;         /* this run goes on from what the file holds, or made the file */

    /* lock.c */
    int lock_fd; /* -1: not locked */

    /* gather.c: what the next commit writes, and the ids given last */
    struct batch batch;
    struct history_state *states;
    size_t state_count;
    struct source_position *sources;
    size_t source_count;
    bool sources_dirty;
    struct engine *engine;             /* parts.c: whose parts the next commit writes; NULL: none */
    bool parts_anew;                   /* all of them, because the database is a new one */
    struct strbuf damage;              /* parts.c: what of them could not be read, in words */
    struct history_witness *witnesses; /* witness.c */
    size_t witness_count;
    bool witnesses_cut; /* the next commit removes the rows of all others */
    int64_t last_fact, last_message, last_outbox;

    struct strbuf scratch; /* commit.c, like the next: rows were given up because the history is not on the disk */
    bool gave_up;

    /* revive.c */
    const char *corrupt;  /* why the next commit must begin a new database, in words; NULL: all is well */
    bool refused;         /* the last commit failed because the database may not be written: connect again */
    struct strbuf notice; /* why a new database must begin; kept until a commit has succeeded in it */

    int64_t
        edited_version; /* asked.c: how often others had committed at the last look, as SQLite counts it for this connection */

    bool counted;                 /* start.c: this start is in the history's count of starts */
    struct checkpoint checkpoint; /* checkpoint.c */
    unsigned idles;               /* prune.c: calls of history_idle */
};

/* open.c */

/* These are no codes of SQLite; the first keeps SQLITE_BUSY in its low byte. */
enum { HELD_BY_AGENT = SQLITE_BUSY | 0x7f00, HAS_ANOTHER_PAST = SQLITE_NOTICE };

/*
 * Opens or creates the database for writing. A corrupt one is moved aside, and *notice says so. Returns a SQLite result code, or
 * HELD_BY_AGENT if another agent keeps the history.
 */
int history_connect(struct history *history, struct strbuf *notice, struct strbuf *error);
/* Opens a database that may not be written, if it can be read. Without it the history is in memory. */
void history_connect_read_only(struct history *history);
/* Reads the ids that were given last, so that none is given a second time. Returns a SQLite result code. */
int history_read_sequences(struct history *history);
/* What tells one run's history from another's: the reading positions and the ids that were given last. "" for an empty history. */
void history_read_past(struct history *history, struct strbuf *past);
void history_disconnect(struct history *history);
/* The files -wal and -shm stay when this connection is closed, so that a user who may only read can still open the history. */
void history_keep_wal(sqlite3 *db);
/* Steps a statement that returns no rows, and resets it. Returns a SQLite result code. */
int history_run_statement(struct history *history, enum sql sql);
/* Prepares a statement, unless that was done. Returns a SQLite result code. */
int history_prepare(struct history *history, enum sql sql);
/* Every result code of the database passes here, so that corruption is noted. Returns the code without its extended part. */
int history_note_result(struct history *history, int code);

/* keep.c: copies a history that is about to be brought to a newer version. *notice says where the copy is, or why there is none. */
void history_keep_old(struct history *history, struct strbuf *notice);

/* read.c */

/* Begins a query, which may use HISTORY_QUESTION_CPU_MS of processor time. */
sqlite3_stmt *history_read_begin(struct history *history, enum sql sql);
/* Ends a query. After an error the caller sees no more rows; the error itself shows at the next commit. */
void history_read_end(struct history *history, sqlite3_stmt *statement, int code);

/* commit.c: what a SQLite result code means for the caller of this room. */
enum history_status history_status_of(int code);

/* stranger.c: what is at a path instead of a history, in words; NULL if it may be one. */
const char *history_stranger(const struct stat *status);
/*
 * The same for the file's contents: text. The file is opened and closed, which ends all POSIX locks that this process has on it (fcntl(2)), those
 * of SQLite among them (sqlite.org/howtocorrupt.html, section 2.2). So this may be asked only where no connection of this process is open.
 */
const char *history_stranger_text(const char *path);
/* True if an agent once kept a history at path: its other files are still there. */
bool history_was_here(const char *path);

/* lock.c */

/*
 * Keeps other agents away until history_unlock; does nothing if the lock is held already. If another agent holds it: HELD_BY_AGENT, and
 * *error says who. Where the file system has no locks, only a *notice is left.
 */
int history_lock(struct history *history, struct strbuf *notice, struct strbuf *error);
void history_unlock(struct history *history);
/* True if no agent holds the lock of the history at path. */
bool history_lock_is_free(const char *path);

/* revive.c */

/* The suffixes of a database's files, in the order in which they may be renamed or removed: the story is in revive.c. */
enum { HISTORY_FILES = 4 };
extern const char *const history_suffixes[HISTORY_FILES];

/* Renames the database's files, whatever their content is. Returns a SQLite result code. */
int history_move_aside(struct history *history, const char *why, struct strbuf *notice, struct strbuf *error);
/*
 * Gives up a database that is corrupt or was taken away, connects to a new one, and marks everything that is known in memory to be
 * written again. Does nothing if all is well.
 */
int history_revive(struct history *history, struct strbuf *notice, struct strbuf *error);

/* start.c: after each commit but the one of history_begin_start; only the first matters. */
void history_end_start(struct history *history, enum history_status first_commit);

/* parts.c: whether parts ask for a commit; in the commit; after it. */
bool history_parts_dirty(const struct history *history);
int history_commit_parts(struct history *history);
void history_parts_committed(struct history *history);
/* stored_text.c: what the row of a text of the saved state holds. */
void history_stored_text(const struct strbuf *value, struct strbuf *out);
/* The text in such a row, as a part of it. False if it is not what was stored. */
bool history_read_text(struct slice stored, struct slice *text);
/* A column's text, which may have NULs if the file was damaged. It is SQLite's. */
struct slice history_column(sqlite3_stmt *row, int column);

/* witness.c: whether it asks for a commit; all of it is to be written again; in the commit; after it. */
bool history_witnesses_dirty(const struct history *history);
void history_witnesses_anew(struct history *history);
int history_commit_witnesses(struct history *history);
void history_witnesses_committed(struct history *history);
void history_free_witnesses(struct history *history);

/* checkpoint.c: SQLite calls it after each commit in WAL mode; ctx is the history. */
int history_note_wal(void *ctx, sqlite3 *db, const char *schema, int pages);

/* gather.c: NULL if the key is not in memory. */
struct history_state *history_find_state(struct history *history, const char *key);
struct history_state *history_add_state(struct history *history, const char *key, struct slice value);

#endif

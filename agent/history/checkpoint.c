/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "defend.h"
#include "history_private.h"

/*
 * A checkpoint moves pages from the write-ahead log (WAL) into the database. It needs three fsyncs, and each can take a second on
 * a busy disk. So while the agent is live, a thread with a connection of its own does it: commits are not locked out while it moves
 * pages, and the loop goes on reading, deciding and sending. A catch-up is in no hurry, and it writes faster than the thread could
 * move: then the commit itself makes the checkpoint, at COMMIT_WAL_PAGES.
 *
 * The first commit after a checkpoint starts the WAL from its beginning again, which needs the third fsync. So the thread makes an
 * empty commit of its own for that. While it does, a commit of the agent gets SQLITE_BUSY and is tried again a moment later
 * (history_is_checkpointing tells the caller that this is no trouble).
 */
enum {
    THREAD_WAL_PAGES = 500,  /* 2 MB more than at the last checkpoint: the thread begins */
    COMMIT_WAL_PAGES = 1500, /* 6 MB: a commit makes the checkpoint, if nobody calls history_checkpoint */
    LIVE_WAL_PAGES = 6000,   /* 24 MB: a commit makes it all the same, because the thread is too slow or cannot begin */
    THREAD_BUSY_MS = 20,     /* how long the thread waits for a lock */
};

/* PASSIVE waits for nobody: it moves the pages that no reader holds. */
static int checkpoint_run(sqlite3 *db, struct checkpoint_counts *done)
{
    int code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &done->wal_pages, &done->moved_pages);
    if (code == SQLITE_OK && done->wal_pages == done->moved_pages)
        code = sqlite3_exec(db, sql_count_checkpoint, NULL, NULL, NULL);
    return code;
}

static void *checkpoint_thread(void *user)
{
    struct checkpoint *checkpoint = user;
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(checkpoint->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = defend_connection(db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, sql_set_wal, NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(db, THREAD_BUSY_MS);
        sqlite3_wal_autocheckpoint(db, 0);
        code = checkpoint_run(db, &checkpoint->done);
    }
    sqlite3_close(db);
    checkpoint->code = code;
    atomic_store(&checkpoint->ended, true);
    return NULL;
}

/* Pages stay in the WAL when a reader holds them, when they were written meanwhile, or when the disk fails. */
static void checkpoint_note_held(struct history *history, int code, const struct checkpoint_counts *done)
{
    int64_t page_bytes = 0, held_pages = done->wal_pages - done->moved_pages;
    int failure = history_note_result(history, code);
    if (failure == SQLITE_BUSY)
        return; /* all pages were moved; only the empty commit failed, and the next commit does its work */
    if (failure != SQLITE_OK)
        held_pages = history->checkpoint.wal_pages;
    sql_read_number(history->db, "PRAGMA page_size", &page_bytes);
    history->checkpoint.held_bytes = held_pages * page_bytes;
}

void history_wait_checkpoint(struct history *history)
{
    struct checkpoint *checkpoint = &history->checkpoint;
    if (!checkpoint->running)
        return;
    pthread_join(checkpoint->thread, NULL);
    checkpoint->running = false;
    checkpoint->seen_pages = checkpoint->code == SQLITE_OK ? checkpoint->done.wal_pages : checkpoint->wal_pages;
    checkpoint_note_held(history, checkpoint->code, &checkpoint->done);
}

static void checkpoint_begin(struct history *history)
{
    struct checkpoint *checkpoint = &history->checkpoint;
    checkpoint->path = history->path;
    checkpoint->done = (struct checkpoint_counts){ 0 };
    atomic_store(&checkpoint->ended, false);
    checkpoint->running = thread_begin(&checkpoint->thread, checkpoint_thread, checkpoint) == 0;
}

void history_checkpoint(struct history *history)
{
    struct checkpoint *checkpoint = &history->checkpoint;
    checkpoint->live = true;
    if (checkpoint->running && atomic_load(&checkpoint->ended))
        history_wait_checkpoint(history);
    if (checkpoint->running || !history->db || history->corrupt)
        return;
    if (checkpoint->wal_pages < checkpoint->seen_pages)
        checkpoint->seen_pages = 0; /* the WAL was started from its beginning again */
    if (checkpoint->wal_pages - checkpoint->seen_pages >= THREAD_WAL_PAGES)
        checkpoint_begin(history);
}

bool history_is_checkpointing(const struct history *history)
{
    return history->checkpoint.running && !atomic_load(&history->checkpoint.ended);
}

int64_t history_held_bytes(const struct history *history)
{
    return history->db ? history->checkpoint.held_bytes : 0;
}

int history_note_wal(void *ctx, sqlite3 *db, const char *schema, int pages)
{
    struct history *history = ctx;
    struct checkpoint *checkpoint = &history->checkpoint;
    struct checkpoint_counts done = { 0 };
    (void)schema;
    checkpoint->wal_pages = pages;
    if (checkpoint->in_commit || pages < (checkpoint->live ? LIVE_WAL_PAGES : COMMIT_WAL_PAGES))
        return SQLITE_OK;
    checkpoint->in_commit = true;
    int code = checkpoint_run(db, &done);
    checkpoint_note_held(history, code, &done);
    checkpoint->in_commit = false;
    return SQLITE_OK;
}

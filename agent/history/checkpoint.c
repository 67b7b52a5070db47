/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history_private.h"

/*
 * A checkpoint costs three fsyncs, and a disk that others keep busy takes a second for each. So while the agent is live it is a
 * thread's work, on a connection of its own: it locks no commit out while it moves pages, and the loop goes on reading, deciding
 * and sending. A catch-up is no hurry and would outrun the thread: there the commit itself pays, at COMMIT_WAL_PAGES.
 *
 * The first commit behind a checkpoint begins the WAL anew, and that costs the third fsync. So the thread itself makes one that
 * says nothing. Only then does it hold the lock that a commit of ours needs, which that one gets over like any other's: it is
 * tried again (history_tending).
 */
enum {
    TEND_WAL_PAGES = 500,    /* 2 MB; and again so much later, if not all could be moved, or it failed */
    COMMIT_WAL_PAGES = 1500, /* 6 MB */
    LIVE_WAL_PAGES = 6000,   /* 24 MB: the thread does not keep up, or cannot begin */
    THREAD_BUSY_MS = 20,
};

/* Always another value: an equal one would be no write. */
static int begin_wal(sqlite3 *db)
{
    return sqlite3_exec(db,
                        "INSERT INTO state (key, value) VALUES ('checkpoints', '1')"
                        " ON CONFLICT (key) DO UPDATE SET value = CAST(value + 1 AS TEXT)",
                        NULL, NULL, NULL);
}

/* Waits for nobody: moves what no reader holds. */
static int checkpoint(sqlite3 *db, struct checkpoint *done)
{
    int code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &done->wal_pages, &done->moved_pages);
    if (code == SQLITE_OK && done->wal_pages == done->moved_pages)
        code = begin_wal(db);
    return code;
}

static void *move_pages(void *user)
{
    struct tending *tending = user;
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(tending->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = history_configure(db);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(db, THREAD_BUSY_MS);
        sqlite3_wal_autocheckpoint(db, 0);
        code = checkpoint(db, &tending->done);
    }
    sqlite3_close(db);
    tending->code = code;
    atomic_store(&tending->ended, true);
    return NULL;
}

/* What could not be moved: a reader holds it, it came while the rest was being moved, or the disk refuses. */
static void note(struct history *history, int code, const struct checkpoint *done)
{
    int held_pages = done->wal_pages - done->moved_pages;
    int failure = history_judge(history, code);
    if (failure == SQLITE_BUSY)
        return; /* all was moved; a commit of ours begins the WAL anew */
    if (failure != SQLITE_OK)
        held_pages = history->wal_pages;
    history->held_bytes = (int64_t)held_pages * history_pragma(history->db, "PRAGMA page_size");
}

void history_tend_wait(struct history *history)
{
    struct tending *tending = &history->tending;
    if (!tending->running)
        return;
    pthread_join(tending->thread, NULL);
    tending->running = false;
    tending->seen_pages = tending->code == SQLITE_OK ? tending->done.wal_pages : history->wal_pages;
    note(history, tending->code, &tending->done);
}

static void begin(struct history *history)
{
    struct tending *tending = &history->tending;
    tending->path = history->path;
    tending->done = (struct checkpoint){ 0 };
    atomic_store(&tending->ended, false);
    tending->running = thread_begin(&tending->thread, move_pages, tending) == 0;
}

void history_tend(struct history *history)
{
    struct tending *tending = &history->tending;
    tending->live = true;
    if (tending->running && atomic_load(&tending->ended))
        history_tend_wait(history);
    if (tending->running || !history->db || history->corrupt)
        return;
    if (history->wal_pages < tending->seen_pages)
        tending->seen_pages = 0; /* it began anew */
    if (history->wal_pages - tending->seen_pages >= TEND_WAL_PAGES)
        begin(history);
}

bool history_tending(const struct history *history)
{
    return history->tending.running && !atomic_load(&history->tending.ended);
}

int64_t history_held_bytes(const struct history *history)
{
    return history->db ? history->held_bytes : 0;
}

int history_note_wal(void *ctx, sqlite3 *db, const char *schema, int pages)
{
    struct history *history = ctx;
    struct checkpoint done = { 0 };
    (void)schema;
    history->wal_pages = pages;
    if (history->checkpointing || pages < (history->tending.live ? LIVE_WAL_PAGES : COMMIT_WAL_PAGES))
        return SQLITE_OK;
    history->checkpointing = true;
    int code = checkpoint(db, &done);
    note(history, code, &done);
    history->checkpointing = false;
    return SQLITE_OK;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "history_parts.h"

/*
 * A call removes at most this much, some milliseconds' worth: the loop has lines to read. Cycles bring up to a dozen runs each.
 */
enum { PRUNE_CYCLES = 40, PRUNE_INCIDENTS = 4, PRUNE_FACTS = 500 };

/* Free pages are what the next rows go into; only a real surplus is given back to the file system, a little at a time. */
enum { SPARE_PAGES = 256, VACUUM_PAGES = 32 };

/* Once in so many checkpoints, which is a few days, the planner's statistics are looked at. */
enum { OPTIMIZE_CHECKPOINTS = 64 };

static int prune_cycles(struct history *history, int64_t before_ms, bool *more)
{
    sqlite3_stmt *runs = history->statements[SQL_PRUNE_RUNS];
    sqlite3_stmt *cycles = history->statements[SQL_PRUNE_CYCLES];
    sqlite3_bind_int64(runs, 1, before_ms);
    sqlite3_bind_int(runs, 2, PRUNE_CYCLES);
    sqlite3_bind_int64(cycles, 1, before_ms);
    sqlite3_bind_int(cycles, 2, PRUNE_CYCLES);
    int code = history_run(history, SQL_PRUNE_RUNS);
    if (code == SQLITE_OK)
        code = history_run(history, SQL_PRUNE_CYCLES);
    if (code == SQLITE_OK && sqlite3_changes(history->db) == PRUNE_CYCLES)
        *more = true;
    return code;
}

static int prune_by_incident(struct history *history, enum sql sql, int64_t incident_id)
{
    sqlite3_bind_int64(history->statements[sql], 1, incident_id);
    return history_run(history, sql);
}

/* A long story goes a piece at a time, the incident itself with the last piece. */
static int prune_incident(struct history *history, int64_t incident_id)
{
    sqlite3_bind_int(history->statements[SQL_PRUNE_TIMELINE], 2, PRUNE_FACTS);
    int code = prune_by_incident(history, SQL_PRUNE_TIMELINE, incident_id);
    if (code != SQLITE_OK || sqlite3_changes(history->db) == PRUNE_FACTS)
        return code;
    code = prune_by_incident(history, SQL_PRUNE_OUTBOX, incident_id);
    if (code == SQLITE_OK)
        code = prune_by_incident(history, SQL_PRUNE_NOTIFICATIONS, incident_id);
    if (code == SQLITE_OK)
        code = prune_by_incident(history, SQL_PRUNE_INCIDENT, incident_id);
    return code;
}

/* Resolved ones with nothing left to send; an open one stays, however old. */
static int prune_incidents(struct history *history, int64_t before_ms, bool *more)
{
    sqlite3_stmt *statement = history->statements[SQL_PICK_INCIDENT];
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < PRUNE_INCIDENTS; i++) {
        sqlite3_bind_int64(statement, 1, before_ms);
        int found = sqlite3_step(statement);
        int64_t id = found == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
        sqlite3_reset(statement);
        if (found != SQLITE_ROW)
            return found == SQLITE_DONE ? SQLITE_OK : history_judge(history, found);
        code = prune_incident(history, id);
    }
    *more = true;
    return code;
}

static int64_t read_pragma(sqlite3 *db, const char *query)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = 0;
    if (sqlite3_prepare_v2(db, query, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static int vacuum_a_little(struct history *history, bool *more)
{
    if (read_pragma(history->db, "PRAGMA freelist_count") <= SPARE_PAGES)
        return SQLITE_OK;
    char query[64];
    sqlite3_snprintf(sizeof query, query, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
    *more = true;
    return history_judge(history, sqlite3_exec(history->db, query, NULL, NULL, NULL));
}

/* What fails here is tried again at the next call, and a reason that lasts shows at the next commit. */
bool history_prune(struct history *history, int64_t before_ms)
{
    if (!history->db || history->corrupt)
        return false;
    bool more = false;
    int code = history_run(history, SQL_BEGIN);
    if (code != SQLITE_OK)
        return false;
    code = prune_cycles(history, before_ms, &more);
    if (code == SQLITE_OK)
        code = prune_incidents(history, before_ms, &more);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(history->statements[SQL_PRUNE_SILENCES], 1, before_ms);
        code = history_run(history, SQL_PRUNE_SILENCES);
    }
    if (code == SQLITE_OK)
        code = history_run(history, SQL_COMMIT);
    if (code == SQLITE_OK)
        code = vacuum_a_little(history, &more);
    if (!sqlite3_get_autocommit(history->db))
        history_run(history, SQL_ROLLBACK);
    return code == SQLITE_OK && more;
}

/*
 * The first commit behind a checkpoint begins the WAL anew, and that costs an fsync: better here, beside the checkpoint's own, than
 * in the one that carries a page.
 */
static void begin_wal(struct history *history)
{
    char count[16];
    sqlite3_snprintf(sizeof count, count, "%u", history->checkpoints);
    sqlite3_stmt *statement = history->statements[SQL_PUT_STATE];
    sqlite3_bind_text(statement, 1, "checkpoints", -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, count, -1, SQLITE_TRANSIENT);
    history_run(history, SQL_PUT_STATE);
}

int history_checkpoint(struct history *history, int *wal_pages, int *moved_pages)
{
    history->checkpointing = true;
    int code = sqlite3_wal_checkpoint_v2(history->db, NULL, SQLITE_CHECKPOINT_PASSIVE, wal_pages, moved_pages);
    if (code == SQLITE_OK)
        history->held_bytes = (*wal_pages - *moved_pages) * read_pragma(history->db, "PRAGMA page_size");
    if (code == SQLITE_OK && *wal_pages == *moved_pages)
        begin_wal(history);
    history->checkpointing = false;
    return history_judge(history, code);
}

static void checkpoint(struct history *history)
{
    int wal_pages = 0, moved_pages = 0;
    history_checkpoint(history, &wal_pages, &moved_pages);
    history->wal_pages = wal_pages - moved_pages;
    if (++history->checkpoints % OPTIMIZE_CHECKPOINTS == 0)
        history_judge(history, sqlite3_exec(history->db, "PRAGMA optimize", NULL, NULL, NULL));
}

int64_t history_idle(struct history *history)
{
    if (!history->db || history->corrupt)
        return 0;
    if (history->wal_pages >= IDLE_WAL_PAGES)
        checkpoint(history);
    /* What a catch-up needed is not needed while idle. */
    sqlite3_db_release_memory(history->db);
    if (batch_rows(&history->batch) == 0)
        batch_free(&history->batch);
    return history->held_bytes;
}

int64_t history_held_bytes(const struct history *history)
{
    return history->db ? history->held_bytes : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "history_private.h"

/*
 * A call removes at most this much, some milliseconds' worth: the loop has lines to read. Cycles bring up to a dozen runs each.
 */
enum { PRUNE_CYCLES = 40, PRUNE_INCIDENTS = 4, PRUNE_FACTS = 500 };

/* Free pages are what the next rows go into; only a real surplus is given back to the file system, a little at a time. */
enum { SPARE_PAGES = 256, VACUUM_PAGES = 32 };

/* Once in so many idle moments, which is a few days, the planner's statistics are looked at. */
enum { OPTIMIZE_IDLES = 64 };

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

int64_t history_pragma(sqlite3 *db, const char *query)
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
    if (history_pragma(history->db, "PRAGMA freelist_count") <= SPARE_PAGES)
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

void history_idle(struct history *history)
{
    history->tending.seen_pages = 0; /* the reader that held them may be gone */
    if (history->db && ++history->idles % OPTIMIZE_IDLES == 0)
        history_judge(history, sqlite3_exec(history->db, "PRAGMA optimize", NULL, NULL, NULL));
    if (history->db)
        sqlite3_db_release_memory(history->db);
    if (batch_rows(&history->batch) == 0)
        batch_free(&history->batch);
}

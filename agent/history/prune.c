/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>

#include "defend.h"
#include "history_private.h"

/* One call removes at most so many rows, which takes a few milliseconds: the loop has lines to read. A cycle has up to a dozen runs. */
enum { PRUNE_CYCLES = 40, PRUNE_INCIDENTS = 4, PRUNE_FACTS = 500 };

/*
 * In pages. New rows go into free pages, so SPARE_PAGES (1 MB) of them are kept. What is beyond that is given back to the file
 * system, VACUUM_PAGES at each call.
 */
enum { SPARE_PAGES = 256, VACUUM_PAGES = 32 };

/* The planner's statistics are renewed once in so many calls of history_idle, which is once in a few days. */
enum { OPTIMIZE_IDLES = 64 };

/* How long the wall clock must have been steady, and by how much it may be set within that time. */
enum { STEADY_MS = 60 * 60 * 1000, STEP_MOST_MS = 60 * 1000 };
static const char clock_key[] = "clock";

/*
 * Since when the wall clock is steady, on the clock that counts from the host's boot. The wall clock's time of the boot changes when
 * somebody sets the wall clock, and when the host boots again.
 */
static int64_t steady_since_ms(struct history *history, int64_t now_ms, int64_t since_boot_ms)
{
    struct strbuf text = { 0 };
    char *at = NULL;
    int64_t booted_ms = now_ms - since_boot_ms, known_ms = 0, steady_ms = 0;
    if (history_get_state(history, clock_key, &text)) {
        known_ms = strtoll(strbuf_text(&text), &at, 10);
        steady_ms = strtoll(at, NULL, 10);
    }
    bool stepped = known_ms < booted_ms - STEP_MOST_MS || known_ms > booted_ms + STEP_MOST_MS;
    if (stepped || steady_ms < 0 || steady_ms > since_boot_ms) {
        steady_ms = since_boot_ms;
        strbuf_clear(&text);
        strbuf_printf(&text, "%" PRId64 " %" PRId64, booted_ms, steady_ms);
        history_put_state(history, clock_key, strbuf_slice(&text));
    }
    strbuf_free(&text);
    return steady_ms;
}

int64_t history_retention_start_ms(struct history *history, int64_t retention_ms, int64_t now_ms, int64_t since_boot_ms)
{
    int64_t newest_ms = INT64_MIN, wait_ms = retention_ms < STEADY_MS ? retention_ms : STEADY_MS;
    if (!history->db || since_boot_ms - steady_since_ms(history, now_ms, since_boot_ms) < wait_ms)
        return INT64_MIN;
    if (sql_read_number(history->db, "SELECT max(started_at) FROM cycle", &newest_ms) != SQLITE_OK || newest_ms <= 0)
        return INT64_MIN;
    return (newest_ms < now_ms ? newest_ms : now_ms) - retention_ms;
}

static int prune_cycles(struct history *history, int64_t before_ms, bool *more)
{
    int code = SQLITE_OK;
    for (enum sql sql = SQL_PRUNE_RUNS; code == SQLITE_OK && sql <= SQL_PRUNE_CYCLES; sql++) {
        sqlite3_bind_int64(history->statements[sql], 1, before_ms);
        sqlite3_bind_int(history->statements[sql], 2, PRUNE_CYCLES);
        code = history_run_statement(history, sql);
    }
    if (code == SQLITE_OK && sqlite3_changes(history->db) == PRUNE_CYCLES)
        *more = true;
    return code;
}

/* A call removes at most PRUNE_FACTS rows of a long story. The incident itself goes with the story's last rows. */
static int prune_incident(struct history *history, int64_t incident_id)
{
    int code = SQLITE_OK;
    sqlite3_bind_int(history->statements[SQL_PRUNE_TIMELINE], 2, PRUNE_FACTS);
    for (enum sql sql = SQL_PRUNE_TIMELINE; code == SQLITE_OK && sql <= SQL_PRUNE_INCIDENT; sql++) {
        sqlite3_bind_int64(history->statements[sql], 1, incident_id);
        code = history_run_statement(history, sql);
        if (sql == SQL_PRUNE_TIMELINE && sqlite3_changes(history->db) == PRUNE_FACTS)
            break;
    }
    return code;
}

/* Only resolved incidents with nothing left to send are removed. An open one stays, however old it is. */
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
            return found == SQLITE_DONE ? SQLITE_OK : history_note_result(history, found);
        code = prune_incident(history, id);
    }
    *more = true;
    return code;
}

static int vacuum_a_little(struct history *history, bool *more)
{
    int64_t free_pages = 0;
    int code = sql_read_number(history->db, "PRAGMA freelist_count", &free_pages);
    if (code != SQLITE_OK || free_pages <= SPARE_PAGES)
        return history_note_result(history, code);
    char query[64];
    sqlite3_snprintf(sizeof query, query, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
    *more = true;
    return history_note_result(history, sqlite3_exec(history->db, query, NULL, NULL, NULL));
}

/* An error here is not reported: the next call tries again, and an error that lasts shows at the next commit. */
bool history_prune(struct history *history, int64_t before_ms)
{
    bool more = false;
    if (!history->db || history->corrupt || history_run_statement(history, SQL_BEGIN) != SQLITE_OK)
        return false;
    int code = prune_cycles(history, before_ms, &more);
    if (code == SQLITE_OK)
        code = prune_incidents(history, before_ms, &more);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(history->statements[SQL_PRUNE_SILENCES], 1, before_ms);
        code = history_run_statement(history, SQL_PRUNE_SILENCES);
    }
    if (code == SQLITE_OK)
        code = history_run_statement(history, SQL_COMMIT);
    if (code == SQLITE_OK)
        code = vacuum_a_little(history, &more);
    if (!sqlite3_get_autocommit(history->db))
        history_run_statement(history, SQL_ROLLBACK);
    return code == SQLITE_OK && more;
}

void history_idle(struct history *history)
{
    history->checkpoint.seen_pages = 0; /* the reader that held these pages may be gone */
    if (history->db && ++history->idles % OPTIMIZE_IDLES == 0) {
        defend_without_limit(history->db);
        history_note_result(history, sqlite3_exec(history->db, "PRAGMA optimize", NULL, NULL, NULL));
    }
    if (history->db)
        sqlite3_db_release_memory(history->db);
    if (batch_rows(&history->batch) == 0)
        batch_free(&history->batch);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/history/schema.h"
#include "base/budgets.h"
#include "base/strbuf.h"

static sqlite3 *new_database(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static int number(sqlite3 *db, const char *query)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static void the_documented_tables_and_columns_are_there(void **unused)
{
    (void)unused;
    sqlite3 *db = new_database("");
    struct strbuf error = { 0 };
    assert_int_equal(schema_migrate(db, &error), SQLITE_OK);
    assert_int_equal(error.len, 0);
    assert_int_equal(number(db, "PRAGMA user_version"), SCHEMA_VERSION);
    static const char *const queries[] = {
        "SELECT id, started_at, ended_at, duration_ms, outcome, tables, succeeded, failed, timed_out, rows FROM cycle",
        "SELECT id, cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows, exit_code, error,"
        " rows_from, witness, witnessed_rows, watermark_at, ahead_ms, answered_at FROM run",
        "SELECT name, state, words, said_at, since_at FROM witness",
        "SELECT id, alert, table_name, severity, state, opened_at, critical_at, resolved_at, verified_at, "
        "prometheus_at, cause,"
        " deviations, likely_cause, scenario, runbook, scenario_title, first_command, evidence, summary FROM incident",
        "SELECT id, incident_id, at, kind, text, log_offset FROM timeline",
        "SELECT id, incident_id, sequence, silenced, escalate_to, runbook, scenario_title FROM notification",
        "SELECT id, incident_id, notification_id, webhook, status, created_at, attempts, next_attempt_at, delivered_at,"
        " last_error FROM outbox",
        "SELECT id, device, inode, offset, fingerprint, fingerprint_len FROM source",
        "SELECT id, starts_at, ends_at, reason, ended_at FROM silence",
        "SELECT key, value FROM state",
        "SELECT place, value FROM table_state",
        "SELECT place, value FROM table_windows",
        "SELECT incident_id, value FROM incident_state",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        assert_int_equal(sqlite3_exec(db, queries[i], NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void migrating_again_changes_nothing(void **unused)
{
    (void)unused;
    sqlite3 *db = new_database("");
    struct strbuf error = { 0 };
    assert_int_equal(schema_migrate(db, &error), SQLITE_OK);
    sqlite3_exec(db, "INSERT INTO state VALUES ('key', 'value')", NULL, NULL, NULL);
    int objects = number(db, "SELECT count(*) FROM sqlite_schema");
    assert_int_equal(schema_migrate(db, &error), SQLITE_OK);
    assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), objects);
    assert_int_equal(number(db, "SELECT count(*) FROM state"), 1);
    sqlite3_close(db);
}

static void assert_refused(sqlite3 *db, const char *why)
{
    struct strbuf error = { 0 };
    assert_int_equal(schema_migrate(db, &error), SQLITE_MISMATCH);
    assert_string_equal(strbuf_text(&error), why);
    assert_true(sqlite3_get_autocommit(db));
    strbuf_free(&error);
}

static void a_newer_version_is_refused_untouched(void **unused)
{
    (void)unused;
    sqlite3 *db = new_database("PRAGMA user_version = 8; CREATE TABLE future (id)");
    assert_refused(db, "database version 8 is newer than this agent's 7");
    assert_int_equal(number(db, "PRAGMA user_version"), 8);
    assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), 1);
    sqlite3_close(db);
}

static void another_programs_database_is_refused_untouched(void **unused)
{
    (void)unused;
    sqlite3 *db = new_database("CREATE TABLE bookmarks (id)");
    assert_refused(db, "the database is not one of this agent's");
    assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), 1);
    sqlite3_close(db);

    db = new_database("PRAGMA user_version = -3");
    assert_refused(db, "the database is not one of this agent's");
    sqlite3_close(db);
}

/*
 * Interrupted at one instruction of SQLite's after the other: never may half a schema stay. (It may be all there: the very last
 * instruction is interrupted when its COMMIT is done.)
 */
static int interrupt_after(void *countdown)
{
    return --*(int *)countdown == 0;
}

static void an_interrupted_migration_leaves_nothing(void **unused)
{
    (void)unused;
    int finished = 0, nothing = 0;
    for (int steps = 1; !finished && steps < 1000000; steps += 1 + steps / 32) {
        sqlite3 *db = new_database("");
        struct strbuf error = { 0 };
        int countdown = steps;
        sqlite3_progress_handler(db, 1, interrupt_after, &countdown);
        finished = schema_migrate(db, &error) == SQLITE_OK;
        sqlite3_progress_handler(db, 0, NULL, NULL);
        if (!finished) {
            assert_int_not_equal(error.len, 0);
            assert_true(sqlite3_get_autocommit(db));
            int whole = number(db, "PRAGMA user_version") == SCHEMA_VERSION;
            assert_int_equal(number(db, "SELECT count(*) > 0 FROM sqlite_schema"), whole);
            assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'state'"), whole);
            nothing += !whole;
            assert_int_equal(schema_migrate(db, &error), SQLITE_OK);
        }
        strbuf_free(&error);
        sqlite3_close(db);
    }
    assert_true(finished);
    assert_in_range(nothing, 50, 1000);
}

/* As if the database had just been opened: another connection changed its schema. */
static int load(const char *path, struct strbuf *error)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    int code = schema_load(db, error);
    sqlite3_close(db);
    return code;
}

/* A database on the disk with these tables and one whose statement is as long as told. */
static void make_schema(const char *path, const char *sql, int64_t bytes)
{
    sqlite3 *db = NULL;
    char *text = must_alloc((size_t)bytes + 200);
    unlink(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    snprintf(text, (size_t)bytes + 200, "CREATE TABLE long (a /* %0*d */)",
             (int)(bytes - (int64_t)strlen("CREATE TABLE long (a /*  */)")), 0);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    free(text);
}

static void a_schema_has_its_budget_and_not_a_byte_more(void **unused)
{
    (void)unused;
    char path[64];
    struct strbuf error = { 0 };
    snprintf(path, sizeof path, "/tmp/agent-schema-%d.db", (int)getpid());
    static const char ours[] = "CREATE TABLE cycle (a); CREATE TABLE run (a); CREATE TABLE incident (a);"
                               "CREATE TABLE timeline (a); CREATE TABLE outbox (a);";
    enum { OURS_BYTES = 115 };
    make_schema(path, ours, HISTORY_SCHEMA_MAX_BYTES - OURS_BYTES);
    assert_int_equal(load(path, &error), SQLITE_OK);
    make_schema(path, ours, HISTORY_SCHEMA_MAX_BYTES - OURS_BYTES + 1);
    assert_int_equal(load(path, &error), SQLITE_TOOBIG);
    assert_string_equal(strbuf_text(&error), "the schema in it is too long");
    /* Another program's database may be of any size, and is not damaged. */
    strbuf_clear(&error);
    make_schema(path, "CREATE TABLE cycle (a); CREATE TABLE goods (a);", HISTORY_SCHEMA_MAX_BYTES);
    assert_int_equal(load(path, &error), SQLITE_MISMATCH);
    assert_non_null(strstr(strbuf_text(&error), "not one of this agent's"));
    unlink(path);
    strbuf_free(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_tables_and_columns_are_there),
        cmocka_unit_test(migrating_again_changes_nothing),
        cmocka_unit_test(a_newer_version_is_refused_untouched),
        cmocka_unit_test(another_programs_database_is_refused_untouched),
        cmocka_unit_test(an_interrupted_migration_leaves_nothing),
        cmocka_unit_test(a_schema_has_its_budget_and_not_a_byte_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

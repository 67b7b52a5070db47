/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection to a history refuses, whatever the file says. */
#include "history_help.h"

#include "agent/history/defend.h"
#include "agent/history/sql.h"
#include "base/budgets.h"
#include "reader.h"

static const char endless[] = "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
static const char short_one[] =
    "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT count(*) FROM n";

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static sqlite3 *open_memory(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    return db;
}

static void a_statement_ends_when_its_time_is_used_up(void **unused)
{
    (void)unused;
    sqlite3 *db = open_memory();
    defend_limit_cpu(db, 30);
    assert_int_equal(run(db, endless), SQLITE_INTERRUPT);
    assert_int_equal(run(db, short_one),
                     SQLITE_INTERRUPT); /* the time is that of the connection, not of one statement */
    defend_limit_cpu(db, 60 * 1000);
    assert_int_equal(run(db, short_one), SQLITE_OK);
    defend_limit_cpu(db, -1);
    assert_int_equal(run(db, short_one), SQLITE_INTERRUPT);
    defend_without_limit(db);
    assert_int_equal(run(db, short_one), SQLITE_OK);
    sqlite3_close(db);
}

static void a_value_has_its_budget_and_not_a_byte_more(void **unused)
{
    (void)unused;
    char sql[64];
    sqlite3 *db = open_memory();
    assert_int_equal(defend_connection(db), SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT length(zeroblob(%d))", HISTORY_VALUE_MAX_BYTES);
    assert_int_equal(run(db, sql), SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT length(zeroblob(%d))", HISTORY_VALUE_MAX_BYTES + 1);
    assert_int_equal(run(db, sql), SQLITE_TOOBIG);
    sqlite3_close(db);
}

static void nothing_acts_by_itself(void **unused)
{
    (void)unused;
    sqlite3 *db = open_memory();
    assert_int_equal(run(db, "CREATE TABLE t (a); CREATE VIEW v AS SELECT 1; CREATE TABLE told (a);"
                             "CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO told VALUES (1); END"),
                     SQLITE_OK);
    assert_int_equal(defend_connection(db), SQLITE_OK);
    assert_int_equal(run(db, "INSERT INTO t VALUES (1)"), SQLITE_OK);
    int64_t told = -1;
    assert_int_equal(sql_read_number(db, "SELECT count(*) FROM told", &told), SQLITE_OK);
    assert_int_equal(told, 0);
    assert_int_equal(run(db, "SELECT * FROM v"), SQLITE_ERROR);
    assert_int_equal(run(db, "ATTACH ':memory:' AS other"), SQLITE_ERROR);
    run(db, "PRAGMA writable_schema = ON");
    assert_int_not_equal(run(db, "DELETE FROM sqlite_schema"), SQLITE_OK);
    sqlite3_close(db);
}

/* Each of the room's connections is such a one. */
static void readers_and_editors_are_defended(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf error = { 0 };
    place_make(&place);
    history_close(must_open(&place));
    sqlite3 *connections[] = { reader_open(place.path, &error), editor_open(place.path, &error) };
    for (size_t i = 0; i < 2; i++) {
        int enabled = -1;
        assert_int_equal(sqlite3_db_config(connections[i], SQLITE_DBCONFIG_DEFENSIVE, -1, &enabled), SQLITE_OK);
        assert_int_equal(enabled, 1);
        assert_int_equal(sqlite3_db_config(connections[i], SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1, &enabled), SQLITE_OK);
        assert_int_equal(enabled, 0);
        assert_int_equal(sqlite3_limit(connections[i], SQLITE_LIMIT_LENGTH, -1), HISTORY_VALUE_MAX_BYTES);
        sqlite3_close(connections[i]);
    }
    strbuf_free(&error);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_ends_when_its_time_is_used_up),
        cmocka_unit_test(a_value_has_its_budget_and_not_a_byte_more),
        cmocka_unit_test(nothing_acts_by_itself),
        cmocka_unit_test(readers_and_editors_are_defended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

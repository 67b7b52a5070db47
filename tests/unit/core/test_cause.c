/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/cause.h"
#include "core_driver.c"

#include <stdlib.h>

/* What a failure's text points at: the table of the runbooks. */

static const struct {
    const char *text;
    int64_t exit_code;
    bool timed_out;
    const char *scenario, *words;
} cases[] = {
    { "java.net.ConnectException: Connection refused", 1, false, "1/2", "ClickHouse" },
    { "py4j: o50.load: JDBC driver said no", 1, false, "1/2", "ClickHouse" },
    { "java.sql.SQLException: code 210", 1, false, "1/2", "ClickHouse" },
    { "ERROR - Failed to read from ClickHouse: An error occurred", 1, false, "1/2", "ClickHouse" },
    { "java.lang.OutOfMemoryError: Java heap space", 1, false, "1/3", "memory" },
    { "something else", 137, false, "1/3", "137" },
    { "", 137, false, "1/3", "137" },
    { NULL, 137, false, "1/3", "137" },
    { "Error: No such container: k2-spark-iceberg", 1, false, "1/3", "container" },
    { "Error response from daemon: container k2-spark-iceberg is not running", 1, false, "1/3", "container" },
    { "psycopg2.errors.UniqueViolation: duplicate key value", 1, false, "1/4", "duplicate" },
    { "violates check constraint", 1, false, "1/4", "constraint" },
    { "psycopg2.OperationalError: could not connect to server: Connection refused", 1, false, "4/2", "PostgreSQL" },
    { "could not connect to server", 1, false, "4/2", "PostgreSQL" },
    { "FATAL: PostgreSQL is starting up", 1, false, "4/2", "PostgreSQL" },
    { "[Errno 2] No such file or directory: 'docker'", -1, false, "5", "docker" },
    { "Read timed out", 1, false, "1/5", "time-out" },
    { "Connection refused", 1, true, "1/5", "timed out" }, /* what was decided by the clock */
    { "a mystery", 1, false, "1", NULL },
    { NULL, -1, false, "1", NULL },
};

/* A table that no engine has, which knows the built-in causes. */
static struct table *table_new(void)
{
    static struct cause_sources sources;
    struct table *table = must_alloc(sizeof *table);
    sources.causes = builtin_causes();
    table->sources = &sources;
    table->reading = must_alloc(sizeof *table->reading);
    return table;
}

static void table_done(struct table *table)
{
    table_forget_failures(table);
    cause_reading_free(table->reading);
    free(table->reading);
    free(table);
}

/* The cause of a table whose newest failure said this; text may be NULL. */
static struct cause cause_said(struct table *table, const char *text, int64_t exit_code, bool timed_out)
{
    table->exit_code = exit_code;
    table->timed_out = timed_out;
    table_set_error(table, slice_of(text ? text : ""));
    return table_cause(table);
}

static void each_text_points_at_its_scenario(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table *table = table_new();
        struct cause cause = cause_said(table, cases[i].text, cases[i].exit_code, cases[i].timed_out);
        if (strcmp(cause.scenario, cases[i].scenario) != 0)
            fail_msg("%s: scenario %s, not %s", cases[i].text, cause.scenario, cases[i].scenario);
        if (!cases[i].words)
            assert_null(cause.words);
        else if (!cause.words || !strstr(cause.words, cases[i].words))
            fail_msg("%s: \"%s\" does not name %s", cases[i].text, cause.words, cases[i].words);
        assert_non_null(cause.first_command);
        assert_non_null(cause.runbook);
        assert_true(!cause.title == !strchr(cause.scenario, '/'));
        table_done(table);
    }
}

static void letters_may_be_large_or_small(void **unused)
{
    (void)unused;
    struct table *table = table_new();
    assert_string_equal(cause_said(table, "CONNECTION REFUSED", 1, false).scenario, "1/2");
    table_done(table);
}

static void what_a_text_names_fills_in_the_words(void **unused)
{
    (void)unused;
    struct table *a = table_new(), *b = table_new();
    struct cause kafka = cause_said(a, "connection to kafka-1:9092 refused", 1, false);
    assert_string_equal(kafka.words, "kafka-1:9092 is unreachable");
    struct cause redis = cause_said(b, "Error 111 connecting to redis:6379. Connection refused.", 1, false);
    assert_string_equal(redis.words, "redis:6379 is unreachable");
    assert_true(cause_differs(&kafka, &redis));
    struct cause killed = cause_said(b, "", -9, false);
    assert_non_null(strstr(killed.words, "(exit code -9)"));
    table_done(a);
    table_done(b);
}

/* A text that a log tells line by line is read line by line, and means the same as the whole. */
static void lines_tell_what_the_whole_text_tells(void **unused)
{
    (void)unused;
    static const char whole[] =
        "2026-03-03 10:15:02,415 - __main__ - INFO - Source: bronze_trades_binance (ClickHouse)\n"
        "2026-03-03 10:15:02,416 - __main__ - ERROR - Failed to get watermark: it says\n"
        "Connection refused\n"
        "\tIs the server running on that host and accepting TCP/IP connections?";
    struct table *at_once = table_new(), *by_lines = table_new();
    struct cause expected = cause_said(at_once, whole, 1, false);
    assert_string_equal(expected.scenario, "4/2");
    for (const char *end = whole; *end; end += *end != '\0') {
        end += strcspn(end, "\n");
        table_set_error(by_lines, (struct slice){ whole, (size_t)(end - whole) });
        table_cause(by_lines);
    }
    by_lines->exit_code = 1;
    assert_string_equal(table_cause(by_lines).words, expected.words);
    /* The next failure's text is read from its beginning, although it is longer. */
    static const char longer[] =
        "2026-03-03 10:30:02,415 - __main__ - ERROR - java.lang.OutOfMemoryError: Java heap space, and so on "
        "and so on, for longer than what was said before: one line after the other, one line after the "
        "other, one line after the other, one line after the other, one line after the other";
    assert_string_equal(cause_said(by_lines, longer, 1, false).scenario, "1/3");
    table_done(at_once);
    table_done(by_lines);
}

static bool is_guess(const struct table *table)
{
    bool guess;
    cause_of_failures(table, &guess);
    return guess;
}

static void a_text_tells_more_than_a_code_and_a_code_more_than_a_guess(void **unused)
{
    (void)unused;
    struct table *table = table_new();
    assert_string_equal(cause_said(table, "duplicate key value", 137, false).scenario, "1/4");
    assert_string_equal(cause_said(table, "Connection refused", 137, false).scenario, "1/3");
    assert_true(is_guess(table));
    assert_string_equal(cause_said(table, "Connection refused", 1, true).scenario, "1/5");
    assert_string_equal(cause_said(table, "Connection refused\nduplicate key value", 1, false).scenario, "1/4");
    assert_false(is_guess(table));
    table_done(table);
}

static void the_jobs_own_log_is_no_cause_and_that_is_said(void **unused)
{
    (void)unused;
    struct table *table = table_new();
    struct cause banner = cause_said(table,
                                     "2026-03-03 10:15:02,415 - __main__ - INFO - ================\n"
                                     "2026-03-03 10:15:02,415 - __main__ - INFO - Source: x (ClickHouse)\n"
                                     "2026-03-03 10:15:02,4",
                                     1, false);
    assert_non_null(strstr(banner.words, "only the beginning of the job's own output"));
    assert_non_null(strstr(banner.first_command, "docker exec k2-clickhouse"));
    assert_string_equal(banner.scenario, "1");
    assert_false(cause_is_known(&banner));
    /* A cause that is known is not given up for it, but it is better than none. */
    struct cause known = { .words = "x", .id = "x" }, none = { 0 };
    assert_false(cause_may_replace(&known, &banner));
    assert_true(cause_may_replace(&none, &banner));
    assert_true(cause_may_replace(&banner, &known));
    assert_false(cause_may_replace(&known, &none));
    table_done(table);
}

static void troubles_are_compared_by_their_ids(void **unused)
{
    (void)unused;
    struct table *tables[4] = { table_new(), table_new(), table_new(), table_new() };
    struct cause refused = cause_said(tables[0], "Connection refused", 1, false);
    struct cause none = cause_said(tables[1], "?", 1, false);
    struct cause killed = cause_said(tables[2], "", 137, false);
    struct cause heap = cause_said(tables[3], "OutOfMemoryError", 1, false);
    assert_true(cause_is_known(&refused));
    assert_false(cause_is_known(&none));
    assert_false(cause_differs(&refused, &refused));
    assert_true(cause_differs(&refused, &heap));
    assert_false(cause_differs(&killed, &heap));  /* other words for the same trouble */
    assert_false(cause_differs(&refused, &none)); /* what is not known may be any trouble */
    for (size_t i = 0; i < 4; i++)
        table_done(tables[i]);
}

/* An agent before this one saved no ids: then the scenarios are compared. */
static void an_old_state_is_compared_by_its_scenario(void **unused)
{
    (void)unused;
    struct cause old = { .words = "ClickHouse unreachable (connection refused)", .scenario = "1/2" };
    struct cause old_none = { .scenario = "1" };
    struct table *tables[2] = { table_new(), table_new() };
    struct cause refused = cause_said(tables[0], "Connection refused", 1, false);
    struct cause killed = cause_said(tables[1], "", 137, false);
    assert_true(cause_is_known(&old));
    assert_false(cause_is_known(&old_none));
    assert_false(cause_differs(&old, &refused));
    assert_true(cause_differs(&old, &killed));
    assert_false(cause_differs(&old_none, &killed));
    for (size_t i = 0; i < 2; i++)
        table_done(tables[i]);
}

static void without_a_table_of_causes_there_are_none(void **unused)
{
    (void)unused;
    struct cause_sources none = { 0 };
    struct table table = { .exit_code = 137, .sources = &none };
    assert_null(table_cause(&table).words);
    assert_null(cause_of_kind(&none, "lag").scenario);
    assert_false(component_explains(&table, slice_of("clickhouse"), slice_of("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_points_at_its_scenario),
        cmocka_unit_test(letters_may_be_large_or_small),
        cmocka_unit_test(what_a_text_names_fills_in_the_words),
        cmocka_unit_test(lines_tell_what_the_whole_text_tells),
        cmocka_unit_test(a_text_tells_more_than_a_code_and_a_code_more_than_a_guess),
        cmocka_unit_test(the_jobs_own_log_is_no_cause_and_that_is_said),
        cmocka_unit_test(troubles_are_compared_by_their_ids),
        cmocka_unit_test(an_old_state_is_compared_by_its_scenario),
        cmocka_unit_test(without_a_table_of_causes_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

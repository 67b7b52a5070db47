/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/cause.h"
#include "core_driver.c"

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

static void each_text_points_at_its_scenario(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cause cause = cause_of_failure(cases[i].text, cases[i].exit_code, cases[i].timed_out);
        if (strcmp(cause.scenario, cases[i].scenario) != 0)
            fail_msg("%s: scenario %s, not %s", cases[i].text, cause.scenario, cases[i].scenario);
        if (!cases[i].words)
            assert_null(cause.words);
        else if (!cause.words || !strstr(cause.words, cases[i].words))
            fail_msg("%s: \"%s\" does not name %s", cases[i].text, cause.words, cases[i].words);
        assert_non_null(cause.first_command);
    }
}

static void letters_may_be_large_or_small(void **unused)
{
    (void)unused;
    assert_string_equal(cause_of_failure("CONNECTION REFUSED", 1, false).scenario, "1/2");
}

static void troubles_are_compared_by_their_ids(void **unused)
{
    (void)unused;
    struct cause refused = cause_of_failure("Connection refused", 1, false), none = cause_of_failure("?", 1, false);
    struct cause killed = cause_of_failure("", 137, false), heap = cause_of_failure("OutOfMemoryError", 1, false);
    assert_true(cause_is_known(&refused));
    assert_false(cause_is_known(&none));
    assert_false(cause_differs(&refused, &refused));
    assert_true(cause_differs(&refused, &heap));
    assert_false(cause_differs(&killed, &heap));  /* other words for the same trouble */
    assert_false(cause_differs(&refused, &none)); /* what is not known may be any trouble */
}

/* An agent before this one saved no ids: then the scenarios are compared. */
static void an_old_state_is_compared_by_its_scenario(void **unused)
{
    (void)unused;
    struct cause old = { .words = "ClickHouse unreachable (connection refused)", .scenario = "1/2" };
    struct cause old_none = { .scenario = "1" };
    struct cause refused = cause_of_failure("Connection refused", 1, false), killed = cause_of_failure("", 137, false);
    assert_true(cause_is_known(&old));
    assert_false(cause_is_known(&old_none));
    assert_false(cause_differs(&old, &refused));
    assert_true(cause_differs(&old, &killed));
    assert_false(cause_differs(&old_none, &killed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_points_at_its_scenario),
        cmocka_unit_test(letters_may_be_large_or_small),
        cmocka_unit_test(troubles_are_compared_by_their_ids),
        cmocka_unit_test(an_old_state_is_compared_by_its_scenario),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

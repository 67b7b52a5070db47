/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* The summary of a cycle against its runs: a failure that no line of a run told is a failure of a table whose line was not understood. */

static void summary(struct driver *driver, int64_t at_ms, int succeeded, int failed, int timed_out)
{
    driver_feed(driver, (struct event){ .kind = EVENT_CYCLE_SUMMARY,
                                        .time_ms = at_ms,
                                        .succeeded = succeeded,
                                        .failed = failed,
                                        .timed_out = timed_out });
}

/* A cycle whose lines tell of a good run of a, and whose summary says this. */
static void cycle(struct driver *driver, int64_t at_ms, int succeeded, int failed)
{
    driver_cycle(driver, at_ms, seconds(10), "a=100");
    summary(driver, at_ms + seconds(10), succeeded, failed, 0);
}

static struct driver *after_a_good_cycle(void)
{
    struct driver *driver = driver_new_healthy();
    summary(driver, at(0, 0, 10), 1, 0, 0);
    return driver;
}

static const char *blind(const struct driver *driver)
{
    return engine_blind_words(driver->engine, BLIND_SUMMARY);
}

static void hidden_failures_are_judged_as_any_tables(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    cycle(driver, at(0, 15, 0), 1, 1);
    assert_quiet(driver);
    cycle(driver, at(0, 30, 0), 1, 1);
    assert_told(driver, "00:30:10 firing critical ConsecutiveFailures #1 a table whose line was not understood\n");
    assert_string_equal(driver->last_summary, "no new data for a table whose line was not understood since 00:00, 2 "
                                              "runs failed");
    assert_non_null(strstr(strbuf_text(&driver->story),
                           "the cycle's summary counts 1 success and 1 failure, but the lines of its runs tell of "
                           "1 success and 0 failures"));
    cycle(driver, at(0, 45, 0), 1, 0);
    assert_told(driver, "00:45:10 resolved critical ConsecutiveFailures #1 a table whose line was not understood\n");
    driver_free(driver);
}

/* Without a cycle before it that agreed, nothing says how old the last success is. */
static void the_first_hidden_failures_are_a_warning_first(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 15, 0));
    cycle(driver, at(0, 15, 0), 0, 1);
    cycle(driver, at(0, 30, 0), 0, 1);
    assert_told(driver, "00:30:10 firing warning ConsecutiveFailures #1 a table whose line was not understood\n");
    cycle(driver, at(0, 45, 0), 0, 1);
    assert_told(driver, "00:45:10 firing critical ConsecutiveFailures #1 a table whose line was not understood\n");
    driver_free(driver);
}

static void a_burst_counts_once(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    cycle(driver, at(0, 15, 0), 0, 1);
    cycle(driver, at(0, 15, 11), 0, 1);
    cycle(driver, at(0, 15, 22), 0, 1);
    assert_quiet(driver);
    cycle(driver, at(0, 30, 0), 0, 1);
    assert_told(driver, "00:30:10 firing critical ConsecutiveFailures #1 a table whose line was not understood\n");
    driver_free(driver);
}

static void a_failure_that_the_lines_told_is_not_counted_again(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    for (int quarter = 1; quarter <= 4; quarter++) {
        int64_t at_ms = at(0, 15 * quarter, 0);
        driver_cycle(driver, at_ms, seconds(10), quarter % 2 ? "a=100 b=fail" : "a=fail b=100");
        summary(driver, at_ms + seconds(10), 1, 1, 0);
    }
    assert_quiet(driver);
    assert_null(blind(driver));
    driver_free(driver);
}

/* A scheduler that writes no summaries any more contradicts nobody. */
static void what_the_last_summaries_said_ends_after_three_cycles_without_any(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100"); /* one that is missing is forgotten with the next one */
    cycle(driver, at(0, 30, 0), 1, 1);
    cycle(driver, at(0, 45, 0), 1, 1);
    assert_told(driver, "00:45:10 firing critical ConsecutiveFailures #1 a table whose line was not understood\n");
    assert_non_null(blind(driver));
    for (int quarter = 4; quarter <= 6; quarter++) {
        driver_restart(driver);
        driver_cycle(driver, at(0, 15 * quarter, 0), seconds(10), "a=100");
    }
    assert_quiet(driver);
    assert_non_null(blind(driver));
    driver_cycle(driver, at(1, 45, 0), seconds(10), "a=100");
    assert_told(driver, "01:45:00 resolved critical ConsecutiveFailures #1 a table whose line was not understood\n");
    assert_null(blind(driver));
    driver_free(driver);
}

/* The two counts may name it differently, but a run that timed out is one that failed. */
static void a_timeout_is_a_failure(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100 b=timeout");
    summary(driver, at(0, 15, 10), 1, 1, 0);
    assert_null(blind(driver));
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=100");
    summary(driver, at(0, 30, 10), 1, 0, 1);
    assert_non_null(blind(driver));
    driver_free(driver);
}

/* The lines tell of two good runs, the summary of one: a line of a job's stderr was taken for a success. */
static void a_forged_success_is_a_failure(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    for (int quarter = 1; quarter <= 2; quarter++) {
        driver_cycle(driver, at(0, 15 * quarter, 0), seconds(10), "a=100 b=100");
        summary(driver, at(0, 15 * quarter, 10), 1, 1, 0);
    }
    assert_told(driver, "00:30:10 firing critical ConsecutiveFailures #1 a table whose line was not understood\n");
    driver_free(driver);
}

static void a_cycle_that_was_seen_in_part_is_not_compared(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    /* Reading began in the middle of a cycle. */
    driver_ok(driver, at(0, 0, 5), "b", 1);
    driver_end(driver, at(0, 0, 10));
    summary(driver, at(0, 0, 10), 1, 1, 0);
    assert_null(blind(driver));
    for (int quarter = 1; quarter <= 4; quarter++) {
        /* Lines were lost by a rotation. */
        driver_begin(driver, at(0, 15 * quarter, 0));
        engine_lose_lines(driver->engine);
        if (quarter % 2)
            driver_restart(driver);
        driver_end(driver, at(0, 15 * quarter, 10));
        summary(driver, at(0, 15 * quarter, 10), 1, 1, 0);
        assert_null(blind(driver));
    }
    /* Its end was lost, and the summary is that of the next one. */
    cycle(driver, at(1, 15, 0), 1, 0);
    driver_begin(driver, at(1, 30, 0));
    summary(driver, at(1, 30, 1), 5, 5, 5);
    driver_begin(driver, at(1, 45, 0));
    driver_ok(driver, at(1, 45, 5), "a", 1);
    driver_end(driver, at(1, 45, 10));
    summary(driver, at(1, 45, 10), 1, 0, 0);
    assert_null(blind(driver));
    assert_null(strstr(driver_told(driver), "ConsecutiveFailures"));
    driver_free(driver);
}

static void a_cycle_that_died_is_not_compared(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    for (int quarter = 1; quarter <= 2; quarter++) {
        driver_begin(driver, at(0, 15 * quarter, 0));
        if (quarter == 1)
            driver_exception(driver, at(0, 15, 5), "docker is gone");
        else
            driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 30, 5));
        summary(driver, at(0, 15 * quarter, 6), 0, 1, 0);
        assert_null(blind(driver));
    }
    driver_free(driver);
}

/* A patterns file may describe a log that tells its summary before the cycle's end. */
static void a_summary_before_the_end_is_compared_at_the_end(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    for (int quarter = 1; quarter <= 2; quarter++) {
        driver_begin(driver, at(0, 15 * quarter, 0));
        driver_ok(driver, at(0, 15 * quarter, 5), "a", 1);
        summary(driver, at(0, 15 * quarter, 10), 1, 1, 0);
        driver_restart(driver);
        assert_quiet(driver);
        driver_end(driver, at(0, 15 * quarter, 10));
    }
    assert_told(driver, "00:30:10 firing critical ConsecutiveFailures #1 a table whose line was not understood\n");
    driver_free(driver);
}

static void the_row_of_a_cycle_has_the_counts_of_who_knows_more(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    cycle(driver, at(0, 15, 0), 1, 1);
    assert_int_equal(driver->cycles[1].outcome, CYCLE_PARTIAL);
    assert_int_equal(driver->cycles[1].succeeded, 1);
    assert_int_equal(driver->cycles[1].failed, 1);
    cycle(driver, at(0, 30, 0), 0, 2);
    assert_int_equal(driver->cycles[2].outcome, CYCLE_FAILED);
    cycle(driver, at(0, 45, 0), 3, 0);
    assert_int_equal(driver->cycles[3].outcome, CYCLE_SUCCESS);
    assert_int_equal(driver->cycles[3].succeeded, 3);
    cycle(driver, at(1, 0, 0), 0, 0); /* the lines told of a good run */
    assert_int_equal(driver->cycles[4].succeeded, 1);
    driver_free(driver);
}

/* Good runs whose lines are not understood: nothing failed, and the next failure would not be seen. */
static void a_lasting_difference_is_a_blind_spot_and_then_an_incident(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    cycle(driver, at(0, 15, 0), 2, 0);
    assert_string_equal(blind(driver), "the cycle's summary counts 2 successes and 0 failures, but the lines of its "
                                       "runs tell of 1 success and 0 failures");
    cycle(driver, at(0, 30, 0), 2, 0);
    assert_quiet(driver);
    driver_restart(driver);
    cycle(driver, at(0, 45, 0), 2, 0);
    assert_told(driver, "00:45:10 firing warning LogUnreadable #1\n");
    cycle(driver, at(1, 0, 0), 1, 0);
    assert_told(driver, "01:00:10 resolved warning LogUnreadable #1\n");
    assert_null(blind(driver));
    driver_free(driver);
}

/* One cause, one page. */
static void what_is_told_as_failures_is_not_told_as_blindness(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    for (int quarter = 1; quarter <= 4; quarter++)
        cycle(driver, at(0, 15 * quarter, 0), 0, 1);
    assert_told(driver, "00:30:10 firing critical ConsecutiveFailures #1 a table whose line was not understood\n");
    assert_non_null(blind(driver));
    driver_free(driver);
}

/* It is no table that a cycle has to run: it never lags, and an exception does not fail it. */
static void the_stand_in_is_judged_by_summaries_alone(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    cycle(driver, at(0, 15, 0), 1, 1);
    cycle(driver, at(0, 30, 0), 1, 0);
    for (int quarter = 3; quarter <= 8; quarter++) { /* summaries are told no more */
        driver_begin(driver, at(0, 15 * quarter, 0));
        driver_ok(driver, at(0, 15 * quarter, 5), "a", 100);
        if (quarter % 2)
            driver_exception(driver, at(0, 15 * quarter, 6), "docker is gone");
        else
            driver_end(driver, at(0, 15 * quarter, 6));
    }
    assert_quiet(driver);
    driver_free(driver);
}

/* A logger with two handlers writes each line twice: nothing is missing. */
static void more_runs_than_the_summary_knows_are_no_blind_spot(void **unused)
{
    (void)unused;
    struct driver *driver = after_a_good_cycle();
    for (int64_t minute = 15; minute < 120; minute += 15) {
        driver_cycle(driver, at(0, minute, 0), seconds(10), "a=100 a=100 b=fail b=fail");
        driver_say(driver, EVENT_CYCLE_COMPLETED, at(0, minute, 10));
        summary(driver, at(0, minute, 10), 1, 1, 0);
        assert_null(blind(driver));
    }
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_failures_are_judged_as_any_tables),
        cmocka_unit_test(the_first_hidden_failures_are_a_warning_first),
        cmocka_unit_test(a_burst_counts_once),
        cmocka_unit_test(a_failure_that_the_lines_told_is_not_counted_again),
        cmocka_unit_test(what_the_last_summaries_said_ends_after_three_cycles_without_any),
        cmocka_unit_test(a_timeout_is_a_failure),
        cmocka_unit_test(a_forged_success_is_a_failure),
        cmocka_unit_test(a_cycle_that_was_seen_in_part_is_not_compared),
        cmocka_unit_test(a_cycle_that_died_is_not_compared),
        cmocka_unit_test(a_summary_before_the_end_is_compared_at_the_end),
        cmocka_unit_test(the_row_of_a_cycle_has_the_counts_of_who_knows_more),
        cmocka_unit_test(a_lasting_difference_is_a_blind_spot_and_then_an_incident),
        cmocka_unit_test(what_is_told_as_failures_is_not_told_as_blindness),
        cmocka_unit_test(the_stand_in_is_judged_by_summaries_alone),
        cmocka_unit_test(more_runs_than_the_summary_knows_are_no_blind_spot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "named_driver.h"

/* Runs and cycles that have names: several may be open at once. */

static void attempt_fails(struct driver *driver, int64_t at_ms, const char *run, const char *table, int64_t exit_code,
                          const char *said)
{
    of_run(driver, at_ms, EVENT_ATTEMPT_FAILED, run, table, 0, "");
    of_run(driver, at_ms, EVENT_RUN_EXIT_CODE, run, table, exit_code, "");
    of_run(driver, at_ms, EVENT_RUN_STDERR, run, table, 0, said);
}

static void assert_row(const struct driver_run *run, const char *table, enum run_outcome outcome, int64_t started_ms,
                       int64_t ended_ms, int64_t rows)
{
    assert_string_equal(run->table, table);
    assert_string_equal(run_outcome_name(run->facts.outcome), run_outcome_name(outcome));
    assert_int_equal(run->facts.started_ms, started_ms);
    assert_int_equal(run->facts.ended_ms, ended_ms);
    assert_int_equal(run->facts.rows, rows);
}

static void assert_cycle_is(const struct cycle *cycle, enum cycle_outcome outcome, int succeeded, int failed,
                            int64_t rows)
{
    assert_string_equal(cycle_outcome_name(cycle->outcome), cycle_outcome_name(outcome));
    assert_int_equal(cycle->succeeded, succeeded);
    assert_int_equal(cycle->failed, failed);
    assert_int_equal(cycle->rows, rows);
}

static void runs_of_a_cycle_may_be_open_at_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    of_cycle(driver, quarter(0, 0), EVENT_CYCLE_STARTED, "otter", "");
    begins(driver, quarter(0, 1), "r1", "a");
    begins(driver, quarter(0, 1), "r2", "b");
    begins(driver, quarter(0, 1), "r3", "c");
    of_run(driver, quarter(0, 7), EVENT_RUN_COMPLETED, "r2", "b", -1, "");
    of_run(driver, quarter(0, 7), EVENT_RUN_COMPLETED, "r1", "a", -1, "");
    of_run(driver, quarter(0, 7), EVENT_RUN_ROWS, "r2", "b", 200, "");
    of_run(driver, quarter(0, 8), EVENT_RUN_ROWS, "r1", "a", 100, "");
    succeeds(driver, quarter(0, 9), "r3", "c", 300);
    of_cycle(driver, quarter(0, 10), EVENT_CYCLE_COMPLETED, "otter", "");
    assert_int_equal(driver->run_count, 3);
    assert_row(&driver->runs[0], "a", RUN_SUCCESS, quarter(0, 1), quarter(0, 7), 100);
    assert_row(&driver->runs[1], "b", RUN_SUCCESS, quarter(0, 1), quarter(0, 7), 200);
    assert_row(&driver->runs[2], "c", RUN_SUCCESS, quarter(0, 1), quarter(0, 9), 300);
    assert_cycle_is(newest_cycle(driver), CYCLE_SUCCESS, 3, 0, 600);
    driver_free(driver);
}

/* Neither the line of the rows nor that of the run's end comes. */
static void a_success_is_not_lost_with_its_rows(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    of_cycle(driver, quarter(0, 0), EVENT_CYCLE_STARTED, "otter", "");
    begins(driver, quarter(0, 1), "r1", "a");
    of_run(driver, quarter(0, 7), EVENT_RUN_COMPLETED, "r1", "a", -1, "");
    driver_tick(driver, quarter(0, 16));
    assert_row(newest_run(driver), "a", RUN_RUNNING, quarter(0, 1), 0, -1);
    assert_int_equal(engine_next_deadline(driver->engine), quarter(0, 17));
    driver_tick(driver, quarter(0, 17));
    assert_row(newest_run(driver), "a", RUN_SUCCESS, quarter(0, 1), quarter(0, 7), -1);
    /* They may come all the same. */
    of_run(driver, quarter(0, 20), EVENT_RUN_ROWS, "r1", "a", 100, "");
    assert_row(newest_run(driver), "a", RUN_SUCCESS, quarter(0, 1), quarter(0, 7), 100);
    of_cycle(driver, quarter(0, 21), EVENT_CYCLE_COMPLETED, "otter", "");
    assert_cycle_is(newest_cycle(driver), CYCLE_SUCCESS, 1, 0, 100);
    driver_free(driver);
}

static void an_attempt_that_is_made_again_is_no_failure(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    for (int64_t number = KNOWN; number < KNOWN + 4; number++) {
        of_cycle(driver, quarter(number, 0), EVENT_CYCLE_STARTED, "otter", "");
        begins(driver, quarter(number, 0), "r1", "a");
        attempt_fails(driver, quarter(number, 3), "r1", "a", 1, "Connection refused");
        of_run(driver, quarter(number, 3), EVENT_RUN_RETRY, "r1", "a", 0, "RuntimeError('Connection refused')");
        begins(driver, quarter(number, 33), "r1", "a");
        succeeds(driver, quarter(number, 38), "r1", "a", 100);
        begins(driver, quarter(number, 38), "r2", "b");
        succeeds(driver, quarter(number, 43), "r2", "b", 100);
        of_cycle(driver, quarter(number, 44), EVENT_CYCLE_COMPLETED, "otter", "");
        const struct driver_run *run = &driver->runs[driver->run_count - 2];
        assert_row(run, "a", RUN_SUCCESS, quarter(number, 0), quarter(number, 38), 100);
        assert_int_equal(run->facts.exit_code, -1);
        assert_cycle_is(newest_cycle(driver), CYCLE_SUCCESS, 2, 0, 200);
    }
    assert_told(driver, "");
    driver_free(driver);
}

/* Three attempts, and a cycle that ends with them. */
static void fail_a(struct driver *driver, int64_t number)
{
    static const char WHY[] = "RuntimeError: Offload failed for a";
    of_cycle(driver, quarter(number, 0), EVENT_CYCLE_STARTED, "otter", "");
    for (int64_t attempt = 0; attempt < 3; attempt++) {
        begins(driver, quarter(number, 33 * attempt), "r1", "a");
        attempt_fails(driver, quarter(number, 33 * attempt + 3), "r1", "a", 1 + attempt,
                      attempt < 2 ? "Connection reset" : "Connection refused");
        of_run(driver, quarter(number, 33 * attempt + 3), attempt < 2 ? EVENT_RUN_RETRY : EVENT_RUN_FAILED, "r1", "a",
               0, WHY);
    }
    of_run(driver, quarter(number, 69), EVENT_RUN_ENDED, "r1", "a", 0, "Failed");
    of_cycle(driver, quarter(number, 70), EVENT_CYCLE_COMPLETED, "otter", WHY);
}

static void what_fails_for_good_is_one_run_and_the_tables_behind_it_failed(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    fail_a(driver, KNOWN);
    const struct driver_run *run = newest_run(driver);
    assert_row(run, "a", RUN_FAILED, quarter(KNOWN, 0), quarter(KNOWN, 69), -1);
    assert_int_equal(run->facts.exit_code, 3);
    assert_string_equal(run->error, "Connection refused");
    assert_cycle_is(newest_cycle(driver), CYCLE_FAILED, 0, 1, 0);
    assert_told(driver, "");
    fail_a(driver, KNOWN + 1);
    const char *told = driver_told(driver);
    assert_non_null(strstr(told, "firing critical ConsecutiveFailures"));
    assert_non_null(strstr(told, "a"));
    assert_int_equal(driver_open_count(driver), 1);
    good_cycle(driver, KNOWN + 2);
    assert_non_null(strstr(driver_told(driver), "resolved"));
    assert_int_equal(driver_open_count(driver), 0);
    driver_free(driver);
}

/* The layer is run again after five minutes: that is the pipeline's own wait, and makes no slow cycle. */
static void a_layers_retry_goes_on_in_the_same_cycle(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    for (int64_t number = KNOWN; number < KNOWN + 3; number++) {
        of_cycle(driver, quarter(number, 0), EVENT_CYCLE_STARTED, "otter", "");
        of_cycle(driver, quarter(number, 0), EVENT_LAYER_STARTED, "lynx", "");
        begins(driver, quarter(number, 1), "r1", "a");
        attempt_fails(driver, quarter(number, 3), "r1", "a", 1, "Connection refused");
        of_run(driver, quarter(number, 3), EVENT_RUN_FAILED, "r1", "a", 0, "RuntimeError");
        of_cycle(driver, quarter(number, 4), EVENT_LAYER_RETRY, "lynx", "");
        driver_tick(driver, quarter(number, 303));
        of_cycle(driver, quarter(number, 304), EVENT_LAYER_STARTED, "lynx", "");
        begins(driver, quarter(number, 305), "r7", "a");
        succeeds(driver, quarter(number, 310), "r7", "a", 100);
        of_cycle(driver, quarter(number, 311), EVENT_LAYER_COMPLETED, "lynx", "");
        begins(driver, quarter(number, 312), "r2", "b");
        succeeds(driver, quarter(number, 317), "r2", "b", 200);
        of_cycle(driver, quarter(number, 318), EVENT_CYCLE_COMPLETED, "otter", "");
        assert_int_equal(driver->cycle_count, number + 1);
        assert_cycle_is(newest_cycle(driver), CYCLE_SUCCESS, 2, 0, 300);
        assert_int_equal(newest_cycle(driver)->duration_ms, 318000);
    }
    assert_told(driver, "");
    /* In one cycle a table fails once, however often it is tried. */
    of_cycle(driver, quarter(KNOWN + 3, 0), EVENT_CYCLE_STARTED, "otter", "");
    for (int64_t try = 0; try < 4; try++) {
        begins(driver, quarter(KNOWN + 3, 100 * try), "r1", "a");
        attempt_fails(driver, quarter(KNOWN + 3, 100 * try + 90), "r1", "a", 1, "Connection refused");
        of_run(driver, quarter(KNOWN + 3, 100 * try + 90), EVENT_RUN_FAILED, "r1", "a", 0, "RuntimeError");
        of_run(driver, quarter(KNOWN + 3, 100 * try + 90), EVENT_RUN_ENDED, "r1", "a", 0, "Failed");
        if (try == 2)
            assert_told(driver, "");
    }
    of_cycle(driver, quarter(KNOWN + 3, 391), EVENT_CYCLE_COMPLETED, "otter", "RuntimeError");
    assert_cycle_is(newest_cycle(driver), CYCLE_FAILED, 0, 1, 0);
    driver_free(driver);
}

/* The layer is to be run again, but its process is killed, or another table fails, before that comes to the table. */
static void a_failure_is_told_when_the_layers_retry_does_not_reach_the_table(void **unused)
{
    (void)unused;
    static const enum event_kind ends[] = { EVENT_CYCLE_CRASHED, EVENT_CYCLE_COMPLETED, EVENT_LAYER_COMPLETED };
    for (size_t i = 0; i < 3; i++) {
        struct driver *driver = driver_of_names();
        for (int64_t number = KNOWN; number < KNOWN + 2; number++) {
            of_cycle(driver, quarter(number, 0), EVENT_CYCLE_STARTED, "otter", "");
            of_cycle(driver, quarter(number, 0), EVENT_LAYER_STARTED, "lynx", "");
            begins(driver, quarter(number, 1), "r1", "a");
            attempt_fails(driver, quarter(number, 3), "r1", "a", 1, "Connection refused");
            of_run(driver, quarter(number, 3), EVENT_RUN_FAILED, "r1", "a", 0, "RuntimeError");
            of_run(driver, quarter(number, 3), EVENT_RUN_ENDED, "r1", "a", 0, "Failed");
            of_cycle(driver, quarter(number, 4), EVENT_LAYER_RETRY, "lynx", "");
            driver_tick(driver, quarter(number, 303));
            of_cycle(driver, quarter(number, 304), EVENT_LAYER_STARTED, "lynx", "");
            begins(driver, quarter(number, 305), "r2", "b");
            succeeds(driver, quarter(number, 310), "r2", "b", 200);
            of_cycle(driver, quarter(number, 311), ends[i], i == 2 ? "lynx" : "otter", "exited with status code: 137");
            if (i == 2)
                of_cycle(driver, quarter(number, 312), EVENT_CYCLE_COMPLETED, "otter", "");
        }
        assert_non_null(strstr(driver_told(driver), "firing critical ConsecutiveFailures"));
        driver_free(driver);
    }
}

/* A table that was too slow is run again, while another one has failed: each is counted as what it was. */
static void a_retry_takes_back_the_failure_that_it_makes_good(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    of_cycle(driver, quarter(KNOWN, 0), EVENT_CYCLE_STARTED, "otter", "");
    begins(driver, quarter(KNOWN, 1), "r1", "a");
    of_run(driver, quarter(KNOWN, 2), EVENT_RUN_TIMEOUT, "r1", "a", 0, "");
    of_run(driver, quarter(KNOWN, 2), EVENT_RUN_ENDED, "r1", "a", 0, "TimedOut");
    begins(driver, quarter(KNOWN, 3), "r2", "b");
    of_run(driver, quarter(KNOWN, 4), EVENT_RUN_FAILED, "r2", "b", 0, "RuntimeError");
    of_run(driver, quarter(KNOWN, 4), EVENT_RUN_ENDED, "r2", "b", 0, "Failed");
    begins(driver, quarter(KNOWN, 5), "r3", "a");
    succeeds(driver, quarter(KNOWN, 6), "r3", "a", 100);
    of_cycle(driver, quarter(KNOWN, 7), EVENT_CYCLE_COMPLETED, "otter", "");
    assert_cycle_is(newest_cycle(driver), CYCLE_PARTIAL, 1, 1, 100);
    assert_int_equal(newest_cycle(driver)->timed_out, 0);
    driver_free(driver);
}

/* The host sleeps while the table's next attempt is waited for: that time is left out once, and not twice. */
static void a_sleep_in_the_wait_for_a_retry_hides_no_slow_cycle(void **unused)
{
    (void)unused;
    for (int is_layer = 0; is_layer < 2; is_layer++) {
        struct driver *driver = driver_of_names();
        of_cycle(driver, quarter(KNOWN, 0), EVENT_CYCLE_STARTED, "otter", "");
        of_cycle(driver, quarter(KNOWN, 0), EVENT_LAYER_STARTED, "lynx", "");
        begins(driver, quarter(KNOWN, 1), "r1", "a");
        attempt_fails(driver, quarter(KNOWN, 3), "r1", "a", 1, "Connection reset");
        if (is_layer) {
            of_run(driver, quarter(KNOWN, 3), EVENT_RUN_FAILED, "r1", "a", 0, "RuntimeError");
            of_cycle(driver, quarter(KNOWN, 3), EVENT_LAYER_RETRY, "lynx", "");
        } else {
            of_run(driver, quarter(KNOWN, 3), EVENT_RUN_RETRY, "r1", "a", 0, "");
        }
        driver_resumed(driver, quarter(KNOWN, 1803), seconds(1780));
        if (is_layer)
            of_cycle(driver, quarter(KNOWN, 1810), EVENT_LAYER_STARTED, "lynx", "");
        begins(driver, quarter(KNOWN, 1810), "r1", "a");
        driver_tick(driver, quarter(KNOWN, 1810 + 290));
        assert_told(driver, "");
        driver_tick(driver, quarter(KNOWN, 1810 + 300));
        assert_non_null(strstr(driver_told(driver), "CycleSlow"));
        driver_free(driver);
    }
}

static void cycles_may_overlap(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    of_cycle(driver, quarter(KNOWN, 0), EVENT_CYCLE_STARTED, "slow", "");
    begins(driver, quarter(KNOWN, 1), "r1", "a");
    driver_tick(driver, quarter(KNOWN, 299));
    assert_told(driver, "");
    of_run(driver, quarter(KNOWN, 590), EVENT_ATTEMPT_TIMEOUT, "r1", "a", 0, "");
    of_run(driver, quarter(KNOWN, 590), EVENT_RUN_RETRY, "r1", "a", 0, "");
    begins(driver, quarter(KNOWN, 620), "r1", "a");
    assert_non_null(strstr(driver_told(driver), "critical CycleTooSlow"));
    of_cycle(driver, quarter(KNOWN + 1, 0), EVENT_CYCLE_STARTED, "next", "");
    begins(driver, quarter(KNOWN + 1, 1), "r2", "a");
    succeeds(driver, quarter(KNOWN + 1, 6), "r2", "a", 100);
    succeeds(driver, quarter(KNOWN + 1, 7), "r1", "a", 700);
    begins(driver, quarter(KNOWN + 1, 8), "r3", "b");
    begins(driver, quarter(KNOWN + 1, 9), "r4", "b");
    succeeds(driver, quarter(KNOWN + 1, 12), "r3", "b", 200);
    succeeds(driver, quarter(KNOWN + 1, 13), "r4", "b", 200);
    of_cycle(driver, quarter(KNOWN + 1, 14), EVENT_CYCLE_COMPLETED, "slow", "");
    of_cycle(driver, quarter(KNOWN + 1, 15), EVENT_CYCLE_COMPLETED, "next", "");
    assert_int_equal(driver->cycle_count, KNOWN + 2);
    assert_cycle_is(&driver->cycles[KNOWN], CYCLE_SUCCESS, 2, 0, 900);
    assert_int_equal(driver->cycles[KNOWN].duration_ms, 914000);
    assert_cycle_is(newest_cycle(driver), CYCLE_SUCCESS, 2, 0, 300);
    assert_int_equal(newest_cycle(driver)->duration_ms, 15000);
    assert_int_equal(driver->run_count, 2 * KNOWN + 4);
    assert_non_null(strstr(driver_told(driver), "resolved critical CycleTooSlow"));
    good_cycle(driver, KNOWN + 2);
    assert_int_equal(driver_open_count(driver), 0);
    driver_free(driver);
}

static void a_crash_takes_the_cycle_and_its_runs_with_it(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    of_cycle(driver, quarter(KNOWN, 0), EVENT_CYCLE_STARTED, "otter", "");
    begins(driver, quarter(KNOWN, 1), "r1", "a");
    of_cycle(driver, quarter(KNOWN, 4), EVENT_CYCLE_CRASHED, "otter", "exited with status code: 137");
    assert_row(newest_run(driver), "a", RUN_ABORTED, quarter(KNOWN, 1), quarter(KNOWN, 4), -1);
    assert_string_equal(newest_run(driver)->error, "exited with status code: 137");
    assert_string_equal(cycle_outcome_name(newest_cycle(driver)->outcome), "aborted");
    good_cycle(driver, KNOWN + 1);
    assert_told(driver, "");
    driver_free(driver);
}

static void a_death_breaks_off_all_that_is_open(void **unused)
{
    (void)unused;
    static const enum event_kind deaths[] = { EVENT_SCHEDULER_STARTED, EVENT_WRITER_GONE, EVENT_SCHEDULER_CRASHED,
                                              EVENT_WORKER_STARTED };
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
        struct driver *driver = driver_of_names();
        of_cycle(driver, quarter(KNOWN, 0), EVENT_CYCLE_STARTED, "otter", "");
        of_cycle(driver, quarter(KNOWN, 1), EVENT_CYCLE_STARTED, "newt", "");
        begins(driver, quarter(KNOWN, 2), "r1", "a");
        of_run(driver, quarter(KNOWN, 3), EVENT_RUN_COMPLETED, "r1", "a", -1, "");
        begins(driver, quarter(KNOWN, 4), "r2", "b");
        driver_say(driver, deaths[i], quarter(KNOWN, 5));
        assert_string_equal(cycle_outcome_name(newest_cycle(driver)->outcome), "aborted");
        assert_string_equal(cycle_outcome_name(driver->cycles[KNOWN].outcome), "aborted");
        assert_row(&driver->runs[2 * KNOWN], "a", RUN_SUCCESS, quarter(KNOWN, 2), quarter(KNOWN, 3), -1);
        assert_row(newest_run(driver), "b", RUN_ABORTED, quarter(KNOWN, 4), quarter(KNOWN, 5), -1);
        driver_free(driver);
    }
}

/* Its process died without a word. */
static void a_cycle_that_says_nothing_while_others_begin_is_broken_off(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_names();
    of_cycle(driver, quarter(KNOWN, 0), EVENT_CYCLE_STARTED, "otter", "");
    begins(driver, quarter(KNOWN, 1), "r1", "a");
    good_cycle(driver, KNOWN + 1);
    assert_string_equal(cycle_outcome_name(driver->cycles[KNOWN].outcome), "aborted");
    assert_int_equal(driver->runs[2 * KNOWN].facts.outcome, RUN_ABORTED);
    assert_cycle_is(newest_cycle(driver), CYCLE_SUCCESS, 2, 0, 300);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_a_cycle_may_be_open_at_once),
        cmocka_unit_test(a_success_is_not_lost_with_its_rows),
        cmocka_unit_test(an_attempt_that_is_made_again_is_no_failure),
        cmocka_unit_test(what_fails_for_good_is_one_run_and_the_tables_behind_it_failed),
        cmocka_unit_test(a_layers_retry_goes_on_in_the_same_cycle),
        cmocka_unit_test(a_failure_is_told_when_the_layers_retry_does_not_reach_the_table),
        cmocka_unit_test(a_retry_takes_back_the_failure_that_it_makes_good),
        cmocka_unit_test(a_sleep_in_the_wait_for_a_retry_hides_no_slow_cycle),
        cmocka_unit_test(cycles_may_overlap),
        cmocka_unit_test(a_crash_takes_the_cycle_and_its_runs_with_it),
        cmocka_unit_test(a_death_breaks_off_all_that_is_open),
        cmocka_unit_test(a_cycle_that_says_nothing_while_others_begin_is_broken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

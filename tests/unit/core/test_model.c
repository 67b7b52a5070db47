/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <stdio.h>

/* Events as cycles and runs. */

static void assert_cycle(const struct driver *driver, int64_t id, enum cycle_outcome outcome, int succeeded, int failed,
                         int timed_out)
{
    assert_in_range(id, 1, driver->cycle_count);
    const struct cycle *cycle = &driver->cycles[id - 1];
    assert_int_equal(cycle->id, id);
    assert_string_equal(cycle_outcome_name(cycle->outcome), cycle_outcome_name(outcome));
    assert_int_equal(cycle->succeeded, succeeded);
    assert_int_equal(cycle->failed, failed);
    assert_int_equal(cycle->timed_out, timed_out);
}

static void assert_run(const struct driver *driver, int64_t id, int64_t cycle_id, const char *table,
                       enum run_outcome outcome)
{
    assert_in_range(id, 1, driver->run_count);
    const struct driver_run *run = &driver->runs[id - 1];
    assert_int_equal(run->facts.id, id);
    assert_int_equal(run->facts.cycle_id, cycle_id);
    assert_string_equal(run->table, table);
    assert_string_equal(run_outcome_name(run->facts.outcome), run_outcome_name(outcome));
}

static void a_good_cycle_is_one_row_and_a_row_for_each_run(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_begin(driver, at(0, 0, 0));
    assert_cycle(driver, 1, CYCLE_RUNNING, 0, 0, 0);
    assert_int_equal(driver->cycles[0].ended_ms, 0);
    driver_feed(driver, (struct event){ .kind = EVENT_CYCLE_TABLES, .time_ms = at(0, 0, 0), .number = 2 });
    driver_run(driver, at(0, 0, 0), "a");
    assert_run(driver, 1, 1, "a", RUN_RUNNING);
    driver_ok(driver, at(0, 0, 6), "a", 500);
    driver_run(driver, at(0, 0, 6), "b");
    driver_ok(driver, at(0, 0, 11), "b", 0);
    driver_end(driver, at(0, 0, 12));
    assert_cycle(driver, 1, CYCLE_SUCCESS, 2, 0, 0);
    assert_int_equal(driver->cycles[0].tables, 2);
    assert_int_equal(driver->cycles[0].rows, 500);
    assert_int_equal(driver->cycles[0].started_ms, at(0, 0, 0));
    assert_int_equal(driver->cycles[0].ended_ms, at(0, 0, 12));
    assert_int_equal(driver->cycles[0].duration_ms, 12000);
    assert_run(driver, 1, 1, "a", RUN_SUCCESS);
    assert_run(driver, 2, 1, "b", RUN_SUCCESS);
    assert_int_equal(driver->runs[0].facts.rows, 500);
    assert_int_equal(driver->runs[0].facts.duration_ms, 6000);
    assert_int_equal(driver->runs[1].facts.rows, 0);
    assert_int_equal(driver->runs[1].facts.exit_code, -1);
    assert_null(driver->runs[1].facts.error);
    driver_free(driver);
}

/* The scheduler wrote a good cycle of ten seconds, and all of it was read so long after its last line. */
static struct driver *driver_new_late(int64_t late_ms)
{
    struct driver *driver = driver_new();
    driver_say(driver, EVENT_SCHEDULER_STARTED, at(0, 0, 0));
    driver_tick(driver, at(0, 5, 10) + late_ms);
    driver_begin(driver, at(0, 5, 0));
    driver_run(driver, at(0, 5, 1), "a");
    driver_ok(driver, at(0, 5, 8), "a", 500);
    driver_end(driver, at(0, 5, 10));
    return driver;
}

static void rows_tell_when_a_line_was_written_however_late_it_was_read(void **unused)
{
    (void)unused;
    static const int64_t late_ms[] = { 0, 999, 1000, 1600, 4644, 30 * 1000, 50 * 1000 };
    for (size_t i = 0; i < sizeof late_ms / sizeof late_ms[0]; i++) {
        struct driver *driver = driver_new_late(late_ms[i]);
        assert_cycle(driver, 1, CYCLE_SUCCESS, 1, 0, 0);
        assert_int_equal(driver->cycles[0].started_ms, at(0, 5, 0));
        assert_int_equal(driver->cycles[0].ended_ms, at(0, 5, 10));
        assert_int_equal(driver->cycles[0].duration_ms, seconds(10));
        assert_int_equal(driver->runs[0].facts.started_ms, at(0, 5, 1));
        assert_int_equal(driver->runs[0].facts.ended_ms, at(0, 5, 8));
        assert_int_equal(driver->runs[0].facts.duration_ms, seconds(7));
        driver_free(driver);
    }
}

static void no_cycle_begins_before_the_end_of_the_one_before(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_late(seconds(20));
    driver_begin(driver, at(0, 5, 4)); /* the log's clock was set back by some seconds */
    driver_end(driver, at(0, 5, 9));
    driver_begin(driver, at(0, 5, 12));
    for (int64_t i = 1; i < driver->cycle_count; i++)
        assert_true(driver->cycles[i].started_ms >= driver->cycles[i - 1].ended_ms);
    assert_int_equal(driver->cycles[1].started_ms, at(0, 5, 10));
    assert_int_equal(driver->cycles[1].duration_ms, 0);
    assert_int_equal(driver->cycles[2].started_ms, at(0, 5, 12));
    driver_free(driver);
}

static void failures_make_it_partial_or_failed(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_cycle(driver, at(0, 0, 0), seconds(30), "a=1 b=fail c=timeout");
    driver_cycle(driver, at(0, 15, 0), seconds(30), "a=fail b=fail c=timeout");
    driver_begin(driver, at(0, 30, 0));
    driver_end(driver, at(0, 30, 1));
    assert_cycle(driver, 1, CYCLE_PARTIAL, 1, 1, 1);
    assert_cycle(driver, 2, CYCLE_FAILED, 0, 2, 1);
    assert_cycle(driver, 3, CYCLE_SUCCESS, 0, 0, 0);
    assert_run(driver, 2, 1, "b", RUN_FAILED);
    assert_run(driver, 3, 1, "c", RUN_TIMEOUT);
    driver_free(driver);
}

static void every_interruption_aborts_the_cycle_and_its_run(void **unused)
{
    (void)unused;
    static const enum event_kind interruptions[] = {
        EVENT_CYCLE_STARTED,     EVENT_CYCLE_EXCEPTION,   EVENT_SCHEDULER_STARTED,
        EVENT_SCHEDULER_STOPPED, EVENT_SCHEDULER_CRASHED, EVENT_WRITER_GONE,
    };
    for (size_t i = 0; i < sizeof interruptions / sizeof interruptions[0]; i++) {
        struct driver *driver = driver_new();
        driver_begin(driver, at(0, 0, 0));
        driver_run(driver, at(0, 0, 0), "a");
        driver_say(driver, interruptions[i], at(0, 0, 7));
        assert_cycle(driver, 1, CYCLE_ABORTED, 0, 0, 0);
        assert_run(driver, 1, 1, "a", RUN_ABORTED);
        assert_int_equal(driver->cycles[0].duration_ms, 7000);
        assert_int_equal(driver->runs[0].facts.duration_ms, 7000);
        driver_say(driver, EVENT_CYCLE_COMPLETED, at(0, 0, 8));
        if (interruptions[i] != EVENT_CYCLE_STARTED)
            assert_int_equal(driver->cycle_count, 1);
        driver_free(driver);
    }
}

static void a_shutdown_lets_the_cycle_complete(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_begin(driver, at(0, 0, 0));
    driver_run(driver, at(0, 0, 0), "a");
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(0, 0, 1));
    driver_ok(driver, at(0, 0, 2), "a", 7);
    driver_say(driver, EVENT_SHUTDOWN_REQUESTED, at(0, 0, 2));
    driver_end(driver, at(0, 0, 2));
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 0, 3));
    assert_cycle(driver, 1, CYCLE_SUCCESS, 1, 0, 0);
    driver_free(driver);
}

static void a_run_aborts_the_one_before_it(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_begin(driver, at(0, 0, 0));
    driver_run(driver, at(0, 0, 0), "a");
    driver_run(driver, at(0, 0, 5), "b");
    driver_ok(driver, at(0, 0, 9), "c", 3); /* its beginning was not seen */
    driver_end(driver, at(0, 0, 10));
    assert_run(driver, 1, 1, "a", RUN_ABORTED);
    assert_run(driver, 2, 1, "b", RUN_ABORTED);
    assert_run(driver, 3, 1, "c", RUN_SUCCESS);
    assert_cycle(driver, 1, CYCLE_SUCCESS, 1, 0, 0);
    driver_free(driver);
}

/* The scheduler was told to stop: the run that it broke off tells nothing of how long one takes. */
static void a_run_that_was_broken_off_is_no_measure(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100 b=100");
    driver_begin(driver, at(0, 15, 0));
    driver_run(driver, at(0, 15, 0), "a");
    driver_ok(driver, at(0, 15, 5), "a", 100);
    driver_run(driver, at(0, 15, 5), "b");
    driver_say(driver, EVENT_SHUTDOWN_REQUESTED, at(0, 15, 6));
    driver_end(driver, at(0, 15, 6));
    assert_run(driver, 4, 2, "b", RUN_ABORTED);
    assert_int_equal(driver->engine->tables.at[0].durations.count, 2);
    assert_int_equal(driver->engine->tables.at[1].durations.count, 1);
    driver_free(driver);
}

/* The agent came late: the result says how long the run took. */
static void a_run_without_a_beginning_or_cycle_is_recorded(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_feed(driver, (struct event){ .kind = EVENT_RUN_COMPLETED,
                                        .time_ms = at(0, 0, 9),
                                        .duration_ms = 4200,
                                        .number = 5,
                                        .table = slice_of("a") });
    assert_run(driver, 1, 0, "a", RUN_SUCCESS);
    assert_int_equal(driver->runs[0].facts.started_ms, at(0, 0, 9) - 4200);
    driver_say(driver, EVENT_CYCLE_COMPLETED, at(0, 0, 10));
    assert_int_equal(driver->cycle_count, 0);
    driver_free(driver);
}

static void what_follows_a_failure_belongs_to_its_run(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_begin(driver, at(0, 0, 0));
    driver_run(driver, at(0, 0, 0), "a");
    driver_fail_saying(driver, at(0, 0, 5), "a", 3, "first");
    driver_feed(driver, (struct event){ .kind = EVENT_RUN_STDERR,
                                        .time_ms = at(0, 0, 5),
                                        .table = slice_of("a"),
                                        .text = slice_of("second") });
    driver_feed(driver, (struct event){ .kind = EVENT_RUN_STDERR,
                                        .time_ms = at(0, 0, 5),
                                        .table = slice_of("b"),
                                        .text = slice_of("another's") });
    assert_string_equal(driver->runs[0].facts.error, "first\nsecond");
    assert_int_equal(driver->runs[0].facts.exit_code, 3);
    driver_run(driver, at(0, 0, 6), "b");
    driver_feed(driver, (struct event){ .kind = EVENT_RUN_STDERR,
                                        .time_ms = at(0, 0, 6),
                                        .table = slice_of("a"),
                                        .text = slice_of("too late") });
    assert_string_equal(driver->runs[0].facts.error, "first\nsecond");
    assert_null(driver->runs[1].facts.error);
    driver_free(driver);
}

static void an_excerpt_without_end_is_cut(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    char line[101];
    memset(line, 'x', 100);
    line[100] = '\0';
    driver_begin(driver, at(0, 0, 0));
    driver_fail(driver, at(0, 0, 5), "a");
    for (int i = 0; i < 1000; i++)
        driver_feed(driver, (struct event){ .kind = EVENT_RUN_STDERR,
                                            .time_ms = at(0, 0, 5),
                                            .table = slice_of("a"),
                                            .text = slice_of(line) });
    assert_in_range(driver->engine->model.run_error.len, 3900, 4200);
    driver_free(driver);
}

static void an_exception_is_the_error_of_its_run(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_begin(driver, at(0, 0, 0));
    driver_run(driver, at(0, 0, 0), "a");
    driver_exception(driver, at(0, 0, 1), "no docker");
    assert_string_equal(driver->runs[0].facts.error, "no docker");
    driver_begin(driver, at(0, 15, 0));
    driver_run(driver, at(0, 15, 0), "a");
    driver_feed(driver, (struct event){ .kind = EVENT_CYCLE_EXCEPTION,
                                        .time_ms = at(0, 15, 1),
                                        .text = { "\0no docker", 10 },
                                        .line = { "x", 1 } });
    assert_string_equal(driver->runs[1].facts.error, "?no docker");
    driver_free(driver);
}

static void a_restart_goes_on_within_a_run(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_begin(driver, at(0, 0, 0));
    driver_run(driver, at(0, 0, 0), "a");
    driver_restart(driver);
    driver_fail(driver, at(0, 0, 5), "a");
    driver_restart(driver);
    driver_feed(driver, (struct event){ .kind = EVENT_RUN_STDERR,
                                        .time_ms = at(0, 0, 5),
                                        .table = slice_of("a"),
                                        .text = slice_of("one") });
    driver_restart(driver);
    driver_feed(driver, (struct event){ .kind = EVENT_RUN_STDERR,
                                        .time_ms = at(0, 0, 5),
                                        .table = slice_of("a"),
                                        .text = slice_of("two") });
    driver_end(driver, at(0, 0, 6));
    assert_run(driver, 1, 1, "a", RUN_FAILED);
    assert_string_equal(driver->runs[0].facts.error, "one\ntwo");
    assert_int_equal(driver->run_count, 1);
    assert_cycle(driver, 1, CYCLE_FAILED, 0, 1, 0);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_cycle_is_one_row_and_a_row_for_each_run),
        cmocka_unit_test(rows_tell_when_a_line_was_written_however_late_it_was_read),
        cmocka_unit_test(no_cycle_begins_before_the_end_of_the_one_before),
        cmocka_unit_test(failures_make_it_partial_or_failed),
        cmocka_unit_test(every_interruption_aborts_the_cycle_and_its_run),
        cmocka_unit_test(a_shutdown_lets_the_cycle_complete),
        cmocka_unit_test(a_run_aborts_the_one_before_it),
        cmocka_unit_test(a_run_that_was_broken_off_is_no_measure),
        cmocka_unit_test(a_run_without_a_beginning_or_cycle_is_recorded),
        cmocka_unit_test(what_follows_a_failure_belongs_to_its_run),
        cmocka_unit_test(an_excerpt_without_end_is_cut),
        cmocka_unit_test(an_exception_is_the_error_of_its_run),
        cmocka_unit_test(a_restart_goes_on_within_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

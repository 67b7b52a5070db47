/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/*
 * Lag is the net below everything else, so it needs a hole in all others: here cycles complete on time, but do without
 * table b (as a scheduler with a changed table list would).
 */
static struct driver *driver_losing_b(void)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100 b=100");
    return driver;
}

static void twenty_minutes_are_elevated_thirty_critical(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100");
    driver_tick(driver, at(0, 20, 10) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 20, 10));
    assert_told(driver, "00:20:10 firing warning LagElevated #1 b\n");
    driver_cycle(driver, at(0, 30, 0), seconds(5), "a=100");
    driver_tick(driver, at(0, 30, 10) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 30, 10));
    assert_told(driver, "00:30:10 firing critical LagCritical #1 b\n");
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=100 b=100");
    assert_told(driver, "00:45:10 resolved critical LagCritical #1 b\n");
    assert_int_equal(driver_incident(driver, 1)->onset_ms, at(0, 0, 10));
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "2");
    driver_free(driver);
}

/* The interval is the configured one, else the log's, else 15 minutes. */
static void thresholds_at(int64_t configured_ms, int64_t said_ms, int64_t warning_ms, int64_t critical_ms)
{
    struct driver *driver = driver_new();
    driver->settings.schedule.interval_ms = configured_ms;
    driver_configure(driver);
    if (said_ms)
        driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at(0, 0, 0), .duration_ms = said_ms });
    assert_int_equal(schedule_lag_warning(&driver->engine->schedule), warning_ms);
    assert_int_equal(schedule_lag_critical(&driver->engine->schedule), critical_ms);
    driver->settings.detect.lag_warning_ms = 7;
    driver->settings.detect.lag_critical_ms = 8;
    driver_configure(driver);
    assert_int_equal(schedule_lag_warning(&driver->engine->schedule), 7);
    assert_int_equal(schedule_lag_critical(&driver->engine->schedule), 8);
    driver_free(driver);
}

static void longer_intervals_have_longer_thresholds(void **unused)
{
    (void)unused;
    thresholds_at(0, 0, minutes(20), minutes(30));
    thresholds_at(0, minutes(5), minutes(20), minutes(30));
    thresholds_at(0, minutes(16), minutes(21), minutes(32));
    thresholds_at(0, minutes(30), minutes(35), minutes(60));
    thresholds_at(minutes(60), minutes(5), minutes(65), minutes(120));
}

static void a_shorter_interval_holds_at_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at(0, 0, 0), .duration_ms = hours(1) });
    driver_run(driver, at(0, 0, 0), "a");
    driver_ok(driver, at(0, 0, 10), "a", 100);
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at(0, 0, 20), .duration_ms = minutes(15) });
    driver_tick(driver, at(0, 20, 10));
    assert_told(driver, "00:20:10 firing warning LagElevated #1 a\n");
    driver_free(driver);
}

static void a_failed_last_run_explains_it_until_a_cycle_leaves_the_table_out(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100 b=fail");
    driver_restart(driver);
    driver_begin(driver, at(0, 30, 0));
    driver_run(driver, at(0, 30, 0), "a");
    driver_ok(driver, at(0, 30, 20), "a", 100);
    driver_tick(driver, at(0, 30, 20));
    assert_quiet(driver);
    driver_end(driver, at(0, 30, 20));
    driver_tick(driver, at(0, 30, 21));
    assert_told(driver, "00:30:20 firing critical LagCritical #1 b\n");
    driver_free(driver);
}

/* An exception fails b without a run of it; that is as good an explanation, and for as long. */
static void an_exception_explains_it_likewise(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_begin(driver, at(0, 15, 0));
    driver_run(driver, at(0, 15, 0), "a");
    driver_ok(driver, at(0, 15, 5), "a", 100);
    driver_exception(driver, at(0, 15, 5), "boom");
    driver_promise(driver, at(0, 15, 5), at(0, 30, 0));
    driver_tick(driver, at(0, 29, 59));
    assert_quiet(driver);
    driver_cycle(driver, at(0, 30, 0), seconds(20), "a=100");
    driver_tick(driver, at(0, 31, 0));
    assert_told(driver, "00:30:20 firing critical LagCritical #1 b\n");
    driver_free(driver);
}

static void a_scheduler_that_is_stopped_explains_it(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver->settings.schedule.stop_grace_ms = hours(2);
    driver_configure(driver);
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100");
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 20, 0));
    driver_tick(driver, at(2, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void a_cycle_in_progress_explains_it(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100");
    driver_begin(driver, at(0, 19, 0));
    driver_tick(driver, at(0, 23, 0));
    assert_quiet(driver);
    driver_end(driver, at(0, 23, 30)); /* not explained any more, and b is overdue by then */
    driver_tick(driver, at(0, 23, 31));
    assert_told(driver, "00:23:30 firing warning LagElevated #1 b\n");
    driver_free(driver);
}

static void a_scheduler_that_is_down_explains_it(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100");
    driver_say(driver, EVENT_SCHEDULER_CRASHED, at(0, 20, 0));
    driver_tick(driver, at(0, 50, 0));
    assert_told(driver, "00:20:00 firing warning SchedulerDown #1\n00:21:30 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_slow_cycle_explains_it(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_cycle(driver, at(0, 15, 0), seconds(301), "a=100");
    driver_tick(driver, at(0, 29, 0));
    assert_told(driver, "00:20:00 firing warning CycleSlow #1\n");
    driver_free(driver);
}

static void its_own_failures_explain_it(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100 b=fail");
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=100 b=fail");
    assert_told(driver, "00:30:10 firing critical ConsecutiveFailures #1 b\n");
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=100");
    driver_tick(driver, at(0, 59, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void tables_that_lag_together_are_one_incident(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_cycle(driver, at(0, 1, 0), seconds(9), "a=100 b=100 c=100");
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100");
    driver_tick(driver, at(0, 25, 0));
    assert_told(driver, "00:21:06 firing warning LagElevated #1 b\n"
                        "00:22:09 firing warning LagElevated #1 b,c\n");
    driver_free(driver);
}

/* 96 cycles of 15 minutes are a day. */
static void a_table_that_a_day_of_cycles_did_without_is_retired(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_cycles(driver, at(0, 15, 0), at(24, 0, 0), seconds(10), "a=100");
    assert_int_equal(driver_incident(driver, 1)->alert, ALERT_LAG_CRITICAL);
    assert_true(driver_incident(driver, 1)->open);
    driver_told(driver);
    driver_cycle(driver, at(24, 0, 0), seconds(10), "a=100");
    assert_told(driver, "24:00:10 resolved critical LagCritical #1 b\n");
    driver_cycles(driver, at(24, 15, 0), at(26, 0, 0), seconds(10), "a=100");
    assert_quiet(driver);
    driver_cycle(driver, at(26, 0, 0), seconds(10), "a=100 b=100");
    driver_cycles(driver, at(26, 15, 0), at(27, 0, 0), seconds(10), "a=100");
    assert_told(driver, "26:20:10 firing warning LagElevated #2 b\n26:30:10 firing critical LagCritical #2 b\n");
    driver_free(driver);
}

static void a_healthy_day_has_no_lag(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_cycles(driver, at(0, 15, 0), at(24, 0, 0), seconds(10), "a=100 b=100");
    assert_quiet(driver);
    assert_int_equal(driver->incident_count, 0);
    driver_free(driver);
}

/* A start with a shorter interval has shorter thresholds at once, which the pause before it was not measured by. */
static void between_a_start_and_its_first_cycle_nothing_lags(void **unused)
{
    (void)unused;
    struct driver *driver = driver_losing_b();
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at(0, 1, 0), .duration_ms = minutes(60) });
    driver_promise(driver, at(0, 1, 0), at(1, 0, 0));
    driver_tick(driver, at(0, 47, 0));
    driver_start(driver, at(0, 47, 0));
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at(0, 47, 0), .duration_ms = minutes(5) });
    driver_restart(driver);
    driver_tick(driver, at(0, 47, 30));
    assert_quiet(driver);
    driver_cycle(driver, at(0, 47, 40), seconds(10), "a=100");
    driver_tick(driver, at(0, 48, 0));
    assert_told(driver, "00:47:50 firing critical LagCritical #1 b\n");
    driver_free(driver);
}

/* Runs in every n-th cycle from the beginning: told for the first absence, and then known. */
static void a_table_that_is_run_now_and_then_does_not_lag(void **unused)
{
    (void)unused;
    for (int64_t every = 2; every <= 8; every++) {
        struct driver *driver = driver_new();
        driver_start(driver, at(0, 0, 0));
        for (int64_t i = 0; i < 96; i++) {
            driver_cycle(driver, at(0, 15 * i, 0), seconds(10), i % every ? "a=100" : "a=100 b=100");
            if (i % 7 == 0)
                driver_restart(driver);
        }
        assert_int_equal(driver->incident_count, 1);
        assert_false(driver_incident(driver, 1)->open);
        /* When it is left out for longer than usual, it lags. */
        driver_told(driver);
        for (int64_t i = 96; i < 96 + 2 * every; i++)
            driver_cycle(driver, at(0, 15 * i, 0), seconds(10), "a=100");
        assert_non_null(strstr(driver_told(driver), "firing critical LagCritical #2 b\n"));
        driver_free(driver);
    }
}

/* One absence of a table that is otherwise always run is no habit, two are. */
static void an_absence_is_known_when_it_came_twice(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t i = 0; i < 20; i++)
        driver_cycle(driver, at(0, 15 * i, 0), seconds(10), i % 5 == 4 || i % 5 == 3 ? "a=100" : "a=100 b=100");
    assert_int_equal(driver->incident_count, 2);
    for (int64_t i = 20; i < 60; i++) /* fewer than two of twelve */
        driver_cycle(driver, at(0, 15 * i, 0), seconds(10), "a=100 b=100");
    for (int64_t i = 60; i < 64; i++)
        driver_cycle(driver, at(0, 15 * i, 0), seconds(10), i < 62 ? "a=100" : "a=100 b=100");
    assert_int_equal(driver->incident_count, 3);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_minutes_are_elevated_thirty_critical),
        cmocka_unit_test(between_a_start_and_its_first_cycle_nothing_lags),
        cmocka_unit_test(longer_intervals_have_longer_thresholds),
        cmocka_unit_test(a_shorter_interval_holds_at_once),
        cmocka_unit_test(a_failed_last_run_explains_it_until_a_cycle_leaves_the_table_out),
        cmocka_unit_test(an_exception_explains_it_likewise),
        cmocka_unit_test(a_scheduler_that_is_stopped_explains_it),
        cmocka_unit_test(a_cycle_in_progress_explains_it),
        cmocka_unit_test(a_scheduler_that_is_down_explains_it),
        cmocka_unit_test(a_slow_cycle_explains_it),
        cmocka_unit_test(its_own_failures_explain_it),
        cmocka_unit_test(tables_that_lag_together_are_one_incident),
        cmocka_unit_test(a_table_that_a_day_of_cycles_did_without_is_retired),
        cmocka_unit_test(a_healthy_day_has_no_lag),
        cmocka_unit_test(a_table_that_is_run_now_and_then_does_not_lag),
        cmocka_unit_test(an_absence_is_known_when_it_came_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* A scheduler that restarts again and again. */

static void restart_without_stop(struct driver *driver, int64_t at_ms)
{
    driver_start(driver, at_ms);
    driver_cycle(driver, at_ms, seconds(10), "a=100 b=100");
    driver_cycle(driver, at_ms + minutes(15), seconds(10), "a=100 b=100");
    driver_cycle(driver, at_ms + minutes(30), seconds(10), "a=100 b=100");
    driver_cycle(driver, at_ms + minutes(45), seconds(10), "a=100 b=100");
}

/* Only a count can escalate. */
static struct driver *patient_driver(void)
{
    struct driver *driver = driver_new();
    driver->settings.notify.escalation_ms = hours(100);
    driver_configure(driver);
    return driver;
}

static void three_restarts_within_a_day_are_a_crash_loop(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    restart_without_stop(driver, at(0, 0, 0)); /* the first start is none */
    restart_without_stop(driver, at(1, 0, 0));
    restart_without_stop(driver, at(2, 0, 0));
    assert_quiet(driver);
    restart_without_stop(driver, at(3, 0, 0));
    assert_told(driver, "03:00:00 firing warning SchedulerDown #1\n");
    assert_int_equal(driver_incident(driver, 1)->onset_ms, at(1, 0, 0));
    driver_cycles(driver, at(4, 0, 0), at(25, 0, 0), seconds(10), "a=100 b=100");
    driver_tick(driver, at(25, 0, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(25, 0, 0));
    assert_told(driver, "25:00:00 resolved warning SchedulerDown #1\n");
    driver_free(driver);
}

static void a_fourth_restart_escalates(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    for (int64_t h = 0; h < 4; h++)
        restart_without_stop(driver, at(h, 0, 0));
    driver_told(driver);
    restart_without_stop(driver, at(4, 0, 0));
    assert_told(driver, "04:00:00 escalated warning SchedulerDown #1\n");
    assert_string_equal(driver->last_escalate_to, "Engineering Lead");
    driver_free(driver);
}

static void restarts_a_day_apart_or_after_a_stop_are_no_loop(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    for (int64_t h = 0; h < 5; h++) {
        restart_without_stop(driver, at(h, 0, 0));
        driver_say(driver, EVENT_SCHEDULER_STOPPED, at(h, 55, 0));
    }
    assert_null(strstr(driver->story.at, "restarts"));
    driver_free(driver);

    driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_start(driver, at(1, 0, 0));
    driver_start(driver, at(2, 0, 0));
    driver_start(driver, at(25, 0, 0)); /* the restart at 1:00 is a day old */
    assert_null(strstr(driver->story.at, "restarts"));
    driver_start(driver, at(25, 59, 59));
    assert_non_null(strstr(driver->story.at, "3 restarts without a graceful stop within a day"));
    driver_free(driver);
}

/* A log that begins in mid-life: what restarts first had lived before. */
static void the_first_start_counts_where_a_life_was_seen_before(void **unused)
{
    (void)unused;
    static const enum event_kind lives[] = { EVENT_CYCLE_STARTED, EVENT_CYCLE_COMPLETED, EVENT_WAITING,
                                             EVENT_SCHEDULER_CRASHED, EVENT_CYCLE_ROWS };
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        struct driver *driver = patient_driver();
        driver_say(driver, lives[i], at(0, 59, 0));
        restart_without_stop(driver, at(1, 0, 0));
        restart_without_stop(driver, at(2, 0, 0));
        driver_restart(driver);
        assert_null(strstr(strbuf_text(&driver->story), "restarts"));
        restart_without_stop(driver, at(3, 0, 0));
        assert_non_null(
            strstr(driver->story.at, "scheduler keeps dying, 3 restarts without a graceful stop since 01:00"));
        driver_free(driver);
    }
}

/* Neither the host's sleep nor a stop is a life that ended badly. */
static void the_first_start_does_not_count_after_a_sleep_or_a_stop(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_resumed(driver, at(0, 30, 0), minutes(20));
    for (int64_t h = 1; h < 4; h++)
        restart_without_stop(driver, at(h, 0, 0));
    assert_quiet(driver);
    driver_free(driver);

    driver = patient_driver();
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 59, 30));
    for (int64_t h = 1; h < 4; h++)
        restart_without_stop(driver, at(h, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

/* One completed cycle that ends at 0:00:10; from from_ms on a start every step_ms, each followed by a crash, until to_ms. */
static struct driver *looping_driver(int64_t interval_ms, int64_t from_ms, int64_t step_ms, int64_t to_ms)
{
    struct driver *driver = patient_driver();
    driver_start(driver, at(0, 0, 0));
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at(0, 0, 0), .duration_ms = interval_ms });
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100 b=100");
    for (int64_t start_ms = from_ms; start_ms < to_ms; start_ms += step_ms) {
        driver_say(driver, EVENT_SCHEDULER_CRASHED, start_ms - seconds(30));
        driver_start(driver, start_ms);
        driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = start_ms, .duration_ms = interval_ms });
        driver_begin(driver, start_ms);
    }
    return driver;
}

/* Starts every 40 s from 0:05 on do not move the deadline: two intervals and 120 s after 0:00:10. */
static void a_loop_without_a_completed_cycle_is_critical(void **unused)
{
    (void)unused;
    static const int64_t intervals_min[] = { 5, 10, 15, 30, 60 };
    for (size_t i = 0; i < sizeof intervals_min / sizeof intervals_min[0]; i++) {
        int64_t interval_ms = minutes(intervals_min[i]);
        int64_t due_ms = at(0, 2, 10) + 2 * interval_ms;
        struct driver *driver = looping_driver(interval_ms, at(0, 5, 0), seconds(40), due_ms);
        driver_restart(driver);
        driver_tick(driver, due_ms - 1);
        assert_null(strstr(driver_told(driver), "critical"));
        driver_tick(driver, due_ms);
        assert_non_null(strstr(driver_told(driver), "firing critical SchedulerDown #1\n"));
        assert_non_null(strstr(driver->last_summary, "scheduler keeps dying, "));
        assert_non_null(strstr(driver->last_summary, "no cycle completed since "));
        driver_free(driver);
    }
}

static void its_critical_ends_with_the_next_cycle_and_the_loop_after_a_day(void **unused)
{
    (void)unused;
    struct driver *driver = looping_driver(minutes(15), at(0, 5, 0), seconds(40), at(0, 40, 0));
    driver_told(driver);
    driver_cycle(driver, at(0, 40, 0), seconds(10), "a=100 b=100");
    assert_told(driver, "00:40:10 resolved critical SchedulerDown #1\n");
    driver_cycles(driver, at(0, 45, 0), at(24, 30, 0), seconds(10), "a=100 b=100");
    assert_quiet(driver);
    driver_cycles(driver, at(24, 30, 0), at(25, 0, 0), seconds(10), "a=100 b=100");
    assert_told(driver, "24:38:20 resolved warning SchedulerDown #2\n");
    driver_free(driver);
}

/* A loop that is over does not make a slow cycle a dead scheduler. */
static void a_slow_cycle_behind_a_loop_is_a_slow_cycle(void **unused)
{
    (void)unused;
    struct driver *driver = looping_driver(minutes(15), at(0, 5, 0), seconds(40), at(0, 10, 0));
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100 b=100");
    driver_told(driver);
    driver_begin(driver, at(0, 30, 0));
    for (int64_t m = 30; m < 60; m += 5) {
        driver_run(driver, at(0, m, 0), "a");
        driver_ok(driver, at(0, m + 5, 0), "a", 100);
    }
    assert_null(strstr(driver_told(driver), "SchedulerDown"));
    driver_free(driver);
}

/* While cycles complete between the deaths, the loop is a warning. */
static void a_loop_whose_cycles_complete_is_no_critical(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    for (int64_t i = 0; i < 20; i++) {
        driver_start(driver, at(0, 15 * i, 0));
        driver_cycle(driver, at(0, 15 * i, 0), seconds(10), "a=100 b=100");
        driver_say(driver, EVENT_SCHEDULER_CRASHED, at(0, 15 * i + 14, 30));
    }
    assert_null(strstr(driver_told(driver), "critical"));
    driver_free(driver);
}

/* Whoever stops it knows; the stop has its own deadlines. */
static void a_loop_that_somebody_stops_is_stopped(void **unused)
{
    (void)unused;
    struct driver *driver = looping_driver(minutes(15), at(0, 5, 0), seconds(40), at(0, 20, 0));
    driver->settings.schedule.stop_grace_ms = minutes(30);
    driver_configure(driver);
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 20, 0));
    driver_told(driver);
    driver_tick(driver, at(0, 49, 59));
    assert_quiet(driver);
    driver_tick(driver, at(0, 50, 0));
    assert_told(driver, "00:50:00 firing critical SchedulerDown #1\n");
    assert_non_null(strstr(driver->last_summary, "scheduler stopped since 00:04 (46 min), its run of 00:30 is due"));
    driver_free(driver);
}

/* Deaths of the host's sleep: no cycle could complete meanwhile. */
static void the_deadline_is_not_slept_away(void **unused)
{
    (void)unused;
    struct driver *driver = looping_driver(minutes(15), at(0, 5, 0), seconds(40), at(0, 8, 0));
    driver_told(driver);
    driver_resumed(driver, at(8, 8, 0), hours(8));
    driver_start(driver, at(8, 8, 0));
    driver_begin(driver, at(8, 8, 0));
    driver_tick(driver, at(8, 12, 0));
    assert_quiet(driver);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_restarts_within_a_day_are_a_crash_loop),
        cmocka_unit_test(a_fourth_restart_escalates),
        cmocka_unit_test(restarts_a_day_apart_or_after_a_stop_are_no_loop),
        cmocka_unit_test(the_first_start_counts_where_a_life_was_seen_before),
        cmocka_unit_test(the_first_start_does_not_count_after_a_sleep_or_a_stop),
        cmocka_unit_test(a_loop_without_a_completed_cycle_is_critical),
        cmocka_unit_test(its_critical_ends_with_the_next_cycle_and_the_loop_after_a_day),
        cmocka_unit_test(a_slow_cycle_behind_a_loop_is_a_slow_cycle),
        cmocka_unit_test(a_loop_whose_cycles_complete_is_no_critical),
        cmocka_unit_test(a_loop_that_somebody_stops_is_stopped),
        cmocka_unit_test(the_deadline_is_not_slept_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

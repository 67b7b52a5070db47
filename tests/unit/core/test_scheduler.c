/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* Late, dead, stopped, hung, restarting again and again. */

/* One good cycle at 0:00; the next run is promised for 0:15. */
static struct driver *waiting_driver(void)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100 b=100");
    return driver;
}

static void a_broken_promise_is_news_after_one_minute_and_critical_after_two(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_tick(driver, at(0, 16, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 16, 0));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n");
    driver_tick(driver, at(0, 17, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 17, 0));
    assert_told(driver, "00:17:00 firing critical SchedulerDown #1\n");
    assert_int_equal(driver_incident(driver, 1)->onset_ms, at(0, 15, 0));
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "5");
    assert_non_null(strstr(driver_incident(driver, 1)->cause.first_command, "systemctl status"));
    driver_begin(driver, at(0, 40, 0));
    assert_quiet(driver);
    driver_end(driver, at(0, 40, 10));
    assert_told(driver, "00:40:10 resolved critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_start_at_the_last_moment_keeps_the_promise(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_cycle(driver, at(0, 16, 0), seconds(10), "a=100 b=100");
    assert_quiet(driver);
    driver_cycle(driver, at(0, 31, 0) + 1, seconds(10), "a=100 b=100");
    assert_told(driver, "00:31:00 firing warning SchedulerDown #1\n00:31:10.001 resolved warning SchedulerDown #1\n");
    driver_free(driver);
}

/* The scheduler reckons in local time and sleeps in real seconds: where they differ, the seconds are what happens. */
static void the_wait_outweighs_the_promise_where_local_time_jumps(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100 b=100");
    driver_feed(driver,
                (struct event){ .kind = EVENT_NEXT_RUN, .time_ms = at(0, 15, 11), .at_ms = at(0, 30, 0) - hours(1) });
    driver_feed(driver, (struct event){ .kind = EVENT_WAITING, .time_ms = at(0, 15, 11), .duration_ms = seconds(889) });
    driver_tick(driver, at(0, 30, 59));
    assert_quiet(driver);
    driver_tick(driver, at(0, 31, 0));
    assert_told(driver, "00:31:00 firing warning SchedulerDown #1\n");
    driver_free(driver);
}

static void a_death_is_news_at_once_and_critical_after_the_restart_grace(enum event_kind how)
{
    struct driver *driver = waiting_driver();
    driver_say(driver, how, at(0, 5, 0));
    assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n");
    driver_tick(driver, at(0, 6, 30) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 6, 30));
    assert_told(driver, "00:06:30 firing critical SchedulerDown #1\n");
    driver_start(driver, at(0, 7, 0));
    driver_cycle(driver, at(0, 7, 0), seconds(10), "a=100 b=100");
    assert_told(driver, "00:07:10 resolved critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_crash(void **unused)
{
    (void)unused;
    a_death_is_news_at_once_and_critical_after_the_restart_grace(EVENT_SCHEDULER_CRASHED);
}

static void a_writer_that_is_gone(void **unused)
{
    (void)unused;
    a_death_is_news_at_once_and_critical_after_the_restart_grace(EVENT_WRITER_GONE);
}

static void back_within_the_grace_is_no_critical(void **unused)
{
    (void)unused;
    static const enum event_kind ways[] = { EVENT_SCHEDULER_STARTED, EVENT_WRITER_BACK };
    for (size_t i = 0; i < 2; i++) {
        struct driver *driver = waiting_driver();
        driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 0));
        driver_say(driver, ways[i], at(0, 6, 30));
        driver_cycle(driver, at(0, 6, 31), seconds(10), "a=100 b=100");
        assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n00:06:41 resolved warning SchedulerDown #1\n");
        driver_free(driver);
    }
}

static void a_crash_closes_the_log_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_say(driver, EVENT_SCHEDULER_CRASHED, at(0, 5, 0));
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 1));
    driver_tick(driver, at(0, 6, 30));
    assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n00:06:30 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_graceful_stop_is_critical_once_the_promised_run_is_late(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 5, 0));
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 0) + 10);
    assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n");
    driver_tick(driver, at(0, 17, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 17, 0));
    assert_told(driver, "00:17:00 firing critical SchedulerDown #1\n");
    assert_non_null(strstr(driver->last_summary, "was stopped"));
    driver_free(driver);
}

static void a_stop_in_time_is_only_a_warning(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 5, 0));
    driver_start(driver, at(0, 16, 30));
    driver_cycle(driver, at(0, 16, 30), seconds(10), "a=100 b=100");
    assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n00:16:40 resolved warning SchedulerDown #1\n");
    driver_free(driver);
}

static void a_stop_within_a_cycle_promises_the_next_slot(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_begin(driver, at(0, 15, 0));
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 15, 5));
    driver_tick(driver, at(0, 31, 59));
    assert_told(driver, "00:15:05 firing warning SchedulerDown #1\n");
    driver_tick(driver, at(0, 32, 0));
    assert_told(driver, "00:32:00 firing critical SchedulerDown #1\n");
    assert_int_equal(driver->cycles[1].outcome, CYCLE_ABORTED);
    driver_free(driver);
}

/* Slow, then too slow, then hung: one incident under three names. */
static void a_hang_turns_the_slow_incident_into_scheduler_down(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_begin(driver, at(0, 15, 0));
    driver_run(driver, at(0, 15, 0), "a");
    driver_tick(driver, at(0, 26, 0) - 1);
    assert_told(driver, "00:20:00 firing warning CycleSlow #1\n00:25:00 firing critical CycleTooSlow #1\n");
    driver_tick(driver, at(0, 26, 0));
    assert_told(driver, "00:26:00 firing critical SchedulerDown #1\n");
    assert_non_null(strstr(driver->last_summary, "the run of a said nothing"));
    assert_int_equal(driver_open_count(driver), 1);
    driver_tick(driver, at(0, 54, 59));
    assert_quiet(driver);
    /* The hung cycle's own end proves little; the next one's resolves. */
    driver_ok(driver, at(0, 54, 59), "a", 100);
    driver_end(driver, at(0, 54, 59));
    assert_quiet(driver);
    driver_cycle(driver, at(0, 54, 59), seconds(10), "a=100 b=100");
    assert_told(driver, "00:55:00 escalated critical SchedulerDown #1\n00:55:09 resolved critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_cycle_without_a_run_hangs_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver->settings.detect.cycle_slow_ms = driver->settings.detect.cycle_too_slow_ms = hours(2);
    driver_configure(driver);
    driver_begin(driver, at(0, 15, 0));
    driver_tick(driver, at(0, 26, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 26, 0));
    assert_told(driver, "00:26:00 firing critical SchedulerDown #1\n");
    assert_non_null(strstr(driver->last_summary, "a cycle said nothing"));
    driver_free(driver);
}

static void each_sign_of_life_moves_the_hang(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver->settings.detect.cycle_slow_ms = driver->settings.detect.cycle_too_slow_ms = hours(2);
    driver_configure(driver);
    driver_begin(driver, at(0, 15, 0));
    driver_run(driver, at(0, 15, 0), "a");
    driver_timeout(driver, at(0, 25, 0), "a");
    driver_run(driver, at(0, 25, 0), "b");
    driver_tick(driver, at(0, 36, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 36, 0));
    assert_told(driver, "00:36:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_promise_is_news_after_one_minute_and_critical_after_two),
        cmocka_unit_test(a_start_at_the_last_moment_keeps_the_promise),
        cmocka_unit_test(the_wait_outweighs_the_promise_where_local_time_jumps),
        cmocka_unit_test(a_crash),
        cmocka_unit_test(a_writer_that_is_gone),
        cmocka_unit_test(back_within_the_grace_is_no_critical),
        cmocka_unit_test(a_crash_closes_the_log_as_well),
        cmocka_unit_test(a_graceful_stop_is_critical_once_the_promised_run_is_late),
        cmocka_unit_test(a_stop_in_time_is_only_a_warning),
        cmocka_unit_test(a_stop_within_a_cycle_promises_the_next_slot),
        cmocka_unit_test(a_hang_turns_the_slow_incident_into_scheduler_down),
        cmocka_unit_test(a_cycle_without_a_run_hangs_as_well),
        cmocka_unit_test(each_sign_of_life_moves_the_hang),
        cmocka_unit_test(three_restarts_within_a_day_are_a_crash_loop),
        cmocka_unit_test(a_fourth_restart_escalates),
        cmocka_unit_test(restarts_a_day_apart_or_after_a_stop_are_no_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

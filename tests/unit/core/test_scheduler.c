/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include "agent/core/stops.h"

/* Late, dead, stopped, hung. */

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

/* Times of a stop and of the start after it, in seconds after 0:00; the next run is promised for 0:15. */
static struct driver *restarted_by_hand(int64_t stop_s, int64_t start_s)
{
    struct driver *driver = waiting_driver();
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(0, 0, stop_s));
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 0, stop_s));
    driver_say(driver, EVENT_WRITER_GONE, at(0, 0, stop_s) + 10);
    driver_start(driver, at(0, 0, start_s));
    driver_cycle(driver, at(0, 0, start_s), seconds(10), "a=100 b=100");
    return driver;
}

static void a_restart_by_hand_is_no_news_at_any_time(void **unused)
{
    (void)unused;
    static const int64_t stops_s[] = { 11, 300, 840, 855, 870, 885, 899, 900, 901 };
    static const int64_t takes_s[] = { 0, 1, 20, 45, 59 };
    for (size_t i = 0; i < sizeof stops_s / sizeof stops_s[0]; i++)
        for (size_t t = 0; t < sizeof takes_s / sizeof takes_s[0]; t++) {
            struct driver *driver = restarted_by_hand(stops_s[i], stops_s[i] + takes_s[t]);
            assert_quiet(driver);
            assert_int_equal(driver->incident_count, 0);
            driver_free(driver);
        }
}

static void many_restarts_by_hand_are_no_news_either(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    for (int64_t h = 0; h < 12; h++) {
        driver_start(driver, at(h, 0, 0));
        driver_cycles(driver, at(h, 0, 0), at(h, 59, 0), seconds(10), "a=100 b=100");
        driver_say(driver, EVENT_SCHEDULER_STOPPED, at(h, 59, 30));
    }
    assert_quiet(driver);
    assert_int_equal(driver->incident_count, 0);
    driver_free(driver);
}

static void a_stop_is_news_when_the_grace_is_over(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 5, 0));
    driver_tick(driver, at(0, 6, 0) - 1);
    assert_quiet(driver);
    driver_restart(driver);
    driver_tick(driver, at(0, 6, 0));
    assert_told(driver, "00:06:00 firing warning SchedulerDown #1\n");
    assert_int_equal(driver_incident(driver, 1)->onset_ms, at(0, 5, 0));
    assert_string_equal(driver->last_summary, "scheduler stopped since 00:05 (60 s)");
    assert_non_null(strstr(driver->story.at, "#1 rule stopped for 60 s; schedule.stop_grace is 60 s\n"));
    driver_free(driver);
}

static void the_grace_can_be_set(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver->settings.schedule.stop_grace_ms = minutes(20);
    driver_configure(driver);
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 5, 0));
    driver_tick(driver, at(0, 25, 0) - 1);
    assert_quiet(driver); /* although the promised run is eight minutes late */
    driver_tick(driver, at(0, 25, 0));
    assert_told(driver, "00:25:00 firing warning SchedulerDown #1\n00:25:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_graceful_stop_is_critical_once_the_promised_run_is_late(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 5, 0));
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 0) + 10);
    driver_tick(driver, at(0, 17, 0) - 1);
    assert_told(driver, "00:06:00 firing warning SchedulerDown #1\n");
    driver_tick(driver, at(0, 17, 0));
    assert_told(driver, "00:17:00 firing critical SchedulerDown #1\n");
    assert_non_null(strstr(driver->last_summary, "scheduler stopped since 00:05 (12 min), its run of 00:15 is due"));
    driver_free(driver);
}

static void a_longer_stop_in_time_is_only_a_warning(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 5, 0));
    driver_start(driver, at(0, 16, 30));
    driver_cycle(driver, at(0, 16, 30), seconds(10), "a=100 b=100");
    assert_told(driver, "00:06:00 firing warning SchedulerDown #1\n00:16:40 resolved warning SchedulerDown #1\n");
    driver_free(driver);
}

static void a_stop_within_a_cycle_promises_the_next_slot(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_begin(driver, at(0, 15, 0));
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 15, 5));
    driver_tick(driver, at(0, 31, 59));
    assert_told(driver, "00:16:05 firing warning SchedulerDown #1\n");
    driver_tick(driver, at(0, 32, 0));
    assert_told(driver, "00:32:00 firing critical SchedulerDown #1\n");
    assert_int_equal(driver->cycles[1].outcome, CYCLE_ABORTED);
    driver_free(driver);
}

/* The host's sleep is no time in which the scheduler could have come back. */
static void the_stop_grace_is_not_slept_away(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(0, 5, 0));
    driver_resumed(driver, at(8, 5, 10), hours(8));
    driver_tick(driver, at(8, 6, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(8, 6, 0));
    assert_told(driver, "08:06:00 firing warning SchedulerDown #1\n");
    driver_free(driver);
}

/* systemd kills a scheduler whose run takes longer than its patience; it was a stop all the same. */
static void killed_because_it_took_too_long_to_stop(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_begin(driver, at(0, 15, 0));
    driver_run(driver, at(0, 15, 0), "a");
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(0, 15, 10));
    driver_say(driver, EVENT_WRITER_GONE, at(0, 16, 40));
    driver_start(driver, at(0, 16, 41));
    driver_cycle(driver, at(0, 16, 41), seconds(10), "a=100 b=100");
    assert_quiet(driver);
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(0, 20, 0));
    driver_say(driver, EVENT_WRITER_GONE, at(0, 20, 5));
    driver_restart(driver);
    driver_tick(driver, at(0, 32, 0));
    assert_told(driver, "00:21:05 firing warning SchedulerDown #1\n00:32:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

/* The signal may be a line of a job's stderr: it explains no death of a scheduler that went on, or that dies much later. */
static void a_signal_explains_no_death_that_has_nothing_to_do_with_it(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(0, 1, 0));
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100 b=100");
    driver_say(driver, EVENT_WRITER_GONE, at(0, 16, 0));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n");
    driver_free(driver);

    driver = waiting_driver();
    driver_begin(driver, at(0, 15, 0));
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(0, 15, 1));
    driver_end(driver, at(0, 15, 10)); /* it promises the next run: it goes on */
    driver_say(driver, EVENT_WRITER_GONE, at(0, 16, 0));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n");
    driver_free(driver);

    driver = waiting_driver();
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(0, 1, 0));
    driver_say(driver, EVENT_WRITER_GONE, at(0, 12, 0) + 1);
    assert_told(driver, "00:12:00.001 firing warning SchedulerDown #1\n");
    driver_free(driver);

    driver = waiting_driver();
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(0, 1, 0));
    driver_say(driver, EVENT_SCHEDULER_CRASHED, at(0, 1, 1));
    assert_told(driver, "00:01:01 firing warning SchedulerDown #1\n");
    driver_free(driver);
}

/* The scheduler is stopped each night at 2:01 for so long. */
static void night(struct driver *driver, int64_t day, int64_t away_min)
{
    int64_t h = 24 * day;
    driver_cycles(driver, at(h, 0, 0), at(h + 2, 1, 0), seconds(10), "a=100 b=100");
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(h + 2, 1, 0));
    driver_restart(driver);
    driver_start(driver, at(h + 2, 1 + away_min, 0));
    driver_cycle(driver, at(h + 2, 1 + away_min, 0), seconds(10), "a=100 b=100");
    driver_cycles(driver, at(h + 2, 45, 0), at(h + 24, 0, 0), seconds(10), "a=100 b=100");
}

static void a_stop_that_comes_each_night_is_known_from_the_third_on(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t day = 0; day < 12; day++)
        night(driver, day, 40 + day % 3);
    assert_int_equal(driver->incident_count, 2);
    driver_told(driver);
    driver_cycles(driver, at(288, 0, 0), at(290, 1, 0), seconds(10), "a=100 b=100");
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(290, 1, 0));
    driver_tick(driver, at(291, 0, 59)); /* 42 minutes, divided by 0.7 */
    assert_quiet(driver);
    driver_tick(driver, at(291, 1, 0));
    assert_told(driver, "291:01:00 firing warning SchedulerDown #3\n291:01:00 firing critical SchedulerDown #3\n");
    assert_non_null(strstr(driver->story.at, "#3 rule stopped for 1 h; what is known of stops at this time of day is "
                                             "1 h\n"));
    driver_free(driver);
}

static void stops_at_other_times_are_not_known(void **unused)
{
    (void)unused;
    struct stops stops = { 0 };
    assert_int_equal(stops_known(&stops, at(48, 0, 0)), 0);
    stops_note(&stops, at(2, 0, 0), minutes(40));
    assert_int_equal(stops_known(&stops, at(26, 0, 0)), 0); /* one is no habit */
    stops_note(&stops, at(2, 30, 0), minutes(50));
    assert_int_equal(stops_known(&stops, at(26, 0, 0)), 0); /* nor are two in one night */
    stops_note(&stops, at(26, 0, 0), hours(9));
    assert_int_equal(stops_known(&stops, at(50, 0, 0)), minutes(50) * 10 / 7);
    assert_int_equal(stops_known(&stops, at(49, 15, 0)), minutes(50) * 10 / 7);
    assert_int_equal(stops_known(&stops, at(49, 14, 59)), minutes(40) * 10 / 7); /* more than 75 minutes before 2:30 */
    assert_int_equal(stops_known(&stops, at(47, 0, 0)), 0);
    assert_int_equal(stops_known(&stops, at(53, 46, 0)), 0);
    assert_int_equal(stops_known(&stops, at(24 * 15 + 2, 0, 0)), 0); /* the first ones are 15 days old */
    for (int64_t i = 0; i < 3 * STOPS_KEPT; i++)
        stops_note(&stops, at(24 * i + 20, 0, 0), minutes(10));
    assert_int_equal(stops.count, STOPS_KEPT);
    assert_int_equal(stops_known(&stops, at(24 * 3 * STOPS_KEPT + 20, 0, 0)), minutes(10) * 10 / 7);
    /* The longest that is loaded. */
    for (size_t i = 0; i < STOPS_KEPT; i++)
        stops.away_ms[i] = INT64_C(1) << 60;
    assert_true(stops_known(&stops, at(24 * 3 * STOPS_KEPT + 20, 0, 0)) > INT64_C(1) << 60);
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
    assert_non_null(strstr(driver->last_summary, "scheduler hangs since 00:15 (11 min), the run of a says nothing"));
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
    assert_non_null(strstr(driver->last_summary, "scheduler hangs since 00:15 (11 min), its cycle says nothing"));
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
        cmocka_unit_test(a_restart_by_hand_is_no_news_at_any_time),
        cmocka_unit_test(many_restarts_by_hand_are_no_news_either),
        cmocka_unit_test(a_stop_is_news_when_the_grace_is_over),
        cmocka_unit_test(the_grace_can_be_set),
        cmocka_unit_test(the_stop_grace_is_not_slept_away),
        cmocka_unit_test(a_longer_stop_in_time_is_only_a_warning),
        cmocka_unit_test(killed_because_it_took_too_long_to_stop),
        cmocka_unit_test(a_signal_explains_no_death_that_has_nothing_to_do_with_it),
        cmocka_unit_test(a_stop_within_a_cycle_promises_the_next_slot),
        cmocka_unit_test(a_stop_that_comes_each_night_is_known_from_the_third_on),
        cmocka_unit_test(stops_at_other_times_are_not_known),
        cmocka_unit_test(a_hang_turns_the_slow_incident_into_scheduler_down),
        cmocka_unit_test(a_cycle_without_a_run_hangs_as_well),
        cmocka_unit_test(each_sign_of_life_moves_the_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

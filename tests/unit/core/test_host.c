/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* The host's clock: it sleeps, and is set back. Neither is the scheduler's fault. */

/* One good cycle at 0:00; the next run is promised for 0:15. */
static struct driver *waiting_driver(void)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100 b=100");
    return driver;
}

static void a_host_that_slept_while_waiting_broke_no_promise(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_tick(driver, at(0, 5, 0));
    driver_resumed(driver, at(8, 5, 0), hours(8));
    driver_tick(driver, at(8, 14, 59));
    assert_quiet(driver);
    driver_cycle(driver, at(8, 15, 0), seconds(10), "a=100 b=100");
    driver_cycles(driver, at(8, 30, 0), at(10, 0, 0), seconds(10), "a=100 b=100");
    assert_quiet(driver);
    assert_int_equal(driver->incident_count, 0);
    driver_free(driver);
}

static void a_promise_is_as_late_as_it_is_after_a_sleep(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_tick(driver, at(0, 5, 0));
    driver_resumed(driver, at(8, 5, 0), hours(8));
    driver_tick(driver, at(8, 16, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(8, 17, 0));
    assert_told(driver, "08:16:00 firing warning SchedulerDown #1\n08:17:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void the_restart_grace_is_not_slept_away(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver->settings.notify.escalation_ms = hours(100);
    driver_configure(driver);
    driver_say(driver, EVENT_WRITER_GONE, at(0, 5, 0));
    driver_resumed(driver, at(8, 5, 10), hours(8));
    driver_tick(driver, at(8, 6, 30) - 1);
    assert_told(driver, "00:05:00 firing warning SchedulerDown #1\n");
    driver_tick(driver, at(8, 6, 30));
    assert_told(driver, "08:06:30 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void what_was_broken_before_the_sleep_is_told(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_resumed(driver, at(8, 16, 30), hours(8)); /* asleep from 0:16:30 on */
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n");
    driver_free(driver);
}

static void a_host_that_slept_within_a_cycle_made_it_neither_slow_nor_hung(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_begin(driver, at(0, 15, 0));
    driver_run(driver, at(0, 15, 0), "a");
    driver_tick(driver, at(0, 15, 5));
    driver_resumed(driver, at(8, 15, 5), hours(8));
    driver_tick(driver, at(8, 15, 6));
    driver_ok(driver, at(8, 15, 10), "a", 100);
    driver_run(driver, at(8, 15, 10), "b");
    driver_ok(driver, at(8, 15, 15), "b", 100);
    driver_end(driver, at(8, 15, 20));
    driver_cycles(driver, at(8, 30, 0), at(10, 0, 0), seconds(10), "a=100 b=100");
    assert_quiet(driver);
    driver_free(driver);
}

static void a_cycle_that_is_slow_beside_its_sleep_is_slow(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_begin(driver, at(0, 15, 0));
    driver_run(driver, at(0, 15, 0), "a");
    driver_resumed(driver, at(8, 15, 5), hours(8));
    driver_tick(driver, at(8, 20, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(8, 26, 0));
    assert_told(driver, "08:20:00 firing warning CycleSlow #1\n08:25:00 firing critical CycleTooSlow #1\n"
                        "08:26:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

/* Written before the sleep, read after it: late, but no sign of a clock that was set back. */
static void a_line_that_the_sleep_overtook_is_only_late(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_begin(driver, at(0, 15, 0));
    driver_run(driver, at(0, 15, 0), "a");
    driver_tick(driver, at(0, 15, 4));
    driver_resumed(driver, at(8, 15, 5), hours(8));
    driver_ok(driver, at(0, 15, 4), "a", 100);
    driver_tick(driver, at(8, 15, 6));
    driver_run(driver, at(8, 15, 7), "b");
    driver_ok(driver, at(8, 15, 12), "b", 100);
    driver_end(driver, at(8, 15, 12));
    driver_cycles(driver, at(8, 30, 0), at(10, 0, 0), seconds(10), "a=100 b=100");
    assert_quiet(driver);
    /* The sleep explains no longer what comes hours later. */
    driver_cycles(driver, at(8, 0, 0), at(9, 0, 0), seconds(10), "a=100 b=100");
    assert_int_equal(engine_clock(driver->engine), at(8, 45, 10));
    assert_quiet(driver);
    driver_free(driver);
}

/* What looked like a sleep of ten days was a wrong clock. The log goes on in the right time, and what fails then is told. */
static void a_clock_that_was_days_ahead_blinds_nobody(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_tick(driver, at(0, 5, 0));
    driver_resumed(driver, at(240, 5, 0), hours(240));
    driver_cycles(driver, at(1, 0, 0), at(1, 30, 0), seconds(10), "a=100 b=100");
    driver_told(driver);
    driver_cycles(driver, at(1, 30, 0), at(2, 0, 0), seconds(10), "a=fail b=100");
    assert_told(driver, "01:45:05 firing critical ConsecutiveFailures #1 a\n");
    driver_free(driver);
}

/* The wall clock goes back an hour at 0:05: the wait goes on for its real ten minutes. */
static void a_clock_set_back_breaks_no_promise(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_tick(driver, at(0, 5, 0));
    driver_resumed(driver, at(-1, 5, 0), -hours(1));
    driver_tick(driver, at(-1, 14, 59));
    driver_cycles(driver, at(-1, 15, 0), at(3, 0, 0), seconds(10), "a=100 b=100");
    assert_quiet(driver);
    assert_int_equal(driver->incident_count, 0);
    driver_tick(driver, at(3, 1, 0));
    assert_told(driver, "03:01:00 firing warning SchedulerDown #1\n");
    driver_free(driver);
}

static void failures_still_count_after_a_clock_was_set_back(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail b=100");
    driver_resumed(driver, at(-1, 20, 0), -hours(1));
    driver_cycle(driver, at(-1, 30, 0), seconds(10), "a=fail b=100");
    driver_cycle(driver, at(-1, 45, 0), seconds(10), "a=fail b=100");
    assert_int_equal(driver_incident(driver, 1)->alert, ALERT_CONSECUTIVE_FAILURES);
    assert_int_equal(driver_incident(driver, 1)->severity, SEVERITY_CRITICAL);
    driver_free(driver);
}

/* Six were told within the last days; by the clock as it is now they all lie in the future. */
static void people_are_told_after_a_clock_was_set_back(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    for (int64_t day = 0; day < 2; day++) {
        driver_say(driver, EVENT_WRITER_GONE, at(24 * day, 20, 0));
        driver_tick(driver, at(24 * day, 25, 0));
        driver_cycles(driver, at(24 * day, 30, 0), at(24 * day + 24, 0, 0), seconds(10), "a=100 b=100");
    }
    driver_told(driver);
    assert_int_equal(driver->notifications, 6);
    driver_resumed(driver, at(0, 0, 0), -hours(48));
    driver_restart(driver);
    driver_say(driver, EVENT_WRITER_GONE, at(0, 0, 30));
    driver_tick(driver, at(0, 10, 0));
    assert_told(driver, "00:00:30 firing warning SchedulerDown #3\n00:02:00 firing critical SchedulerDown #3\n");
    driver_free(driver);
}

static void a_reminder_comes_in_time_although_the_clock_was_set_back(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver->settings.notify.escalation_ms = hours(1000);
    driver_configure(driver);
    driver_say(driver, EVENT_WRITER_GONE, at(0, 10, 0));
    driver_tick(driver, at(0, 12, 0));
    driver_told(driver);
    driver_resumed(driver, at(-24, 12, 0), -hours(24));
    driver_tick(driver, at(-20, 11, 30) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(-20, 11, 30));
    assert_int_equal(driver->last.status, NOTIFY_REMINDER);
    assert_int_equal(driver->last.time_ms, at(-20, 11, 30));
    driver_free(driver);
}

static void an_escalation_comes_in_time_although_the_clock_was_set_back(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver->settings.notify.reminder_ms = 0;
    driver->settings.notify.escalation_ms = 30 * MINUTE_MS;
    driver_configure(driver);
    driver_say(driver, EVENT_WRITER_GONE, at(0, 10, 0));
    driver_tick(driver, at(0, 12, 0));
    driver_told(driver);
    driver_resumed(driver, at(-24, 12, 0), -hours(24));
    driver_tick(driver, at(-24, 45, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(-24, 45, 0));
    assert_int_equal(driver->last.status, NOTIFY_ESCALATED);
    assert_int_equal(driver->last.time_ms, at(-24, 45, 0));
    driver_free(driver);
}

/* A cycle each quarter of an hour, by the log's own times: S good, F failed, b the clock is set back by an hour before it. */
static const char *told_of(struct driver *driver, const char *cycles)
{
    int64_t from_ms = at(0, 15, 0);
    for (; *cycles; cycles++) {
        if (*cycles == 'b') {
            from_ms -= hours(1);
            continue;
        }
        driver_cycle(driver, from_ms, seconds(10), *cycles == 'F' ? "a=fail b=100" : "a=100 b=100");
        from_ms += 15 * MINUTE_MS;
    }
    return driver_told(driver);
}

static void failures_in_a_row_are_told_although_the_clock_was_set_back_between_them(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    assert_string_equal(told_of(driver, "SSSSSSSFbF"), "01:15:05 firing critical ConsecutiveFailures #1 a\n");
    driver_free(driver);
}

static void failures_in_a_row_are_no_flapping_although_the_clock_was_set_back_between_them(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    const char *told = told_of(driver, "SFSSFSSFbFSSSFSS");
    assert_null(strstr(told, "SuccessRateLow"));
    assert_non_null(strstr(told, "firing critical ConsecutiveFailures"));
    driver_free(driver);
}

/* Two failures and two restarts, and a day later, a month earlier by the clock, two more: neither flapping nor a crash loop. */
static void what_the_clock_was_set_back_over_did_not_happen_today(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    int64_t from_h[] = { 1, -720 };
    driver_cycles(driver, at(0, 15, 0), at(1, 0, 0), seconds(10), "a=100 b=100");
    for (size_t i = 0; i < 2; i++) {
        driver_start(driver, at(from_h[i], 0, 0));
        driver_cycle(driver, at(from_h[i], 0, 0), seconds(10), "a=fail b=100");
        driver_cycle(driver, at(from_h[i], 15, 0), seconds(10), "a=100 b=100");
        driver_start(driver, at(from_h[i], 30, 0));
        driver_cycle(driver, at(from_h[i], 30, 0), seconds(10), "a=fail b=100");
        driver_cycles(driver, at(from_h[i], 45, 0), at(from_h[i] + 30, 0, 0), seconds(10), "a=100 b=100");
        driver_resumed(driver, at(from_h[i] + 30 - 751, 0, 0), -hours(751));
    }
    assert_quiet(driver);
    assert_int_equal(driver->incident_count, 0);
    driver_free(driver);
}

/* Three deaths on one day, and two days later, a month earlier by the clock, another: it is not the fourth within a day. */
static void what_the_clock_was_set_back_over_is_not_the_day_s_fourth(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    for (int64_t h = 1; h <= 3; h++) {
        driver_say(driver, EVENT_WRITER_GONE, at(h, 5, 0));
        driver_tick(driver, at(h, 7, 0));
        driver_cycle(driver, at(h, 15, 0), seconds(10), "a=100 b=100");
        driver_cycles(driver, at(h, 30, 0), at(h + 1, 0, 0), seconds(10), "a=100 b=100");
    }
    driver_cycles(driver, at(4, 0, 0), at(52, 0, 0), seconds(10), "a=100 b=100");
    assert_int_equal(driver->incident_count, 3);
    driver_told(driver);
    driver_resumed(driver, at(-720, 0, 0), -hours(772));
    driver_cycle(driver, at(-720, 0, 0), seconds(10), "a=100 b=100");
    driver_say(driver, EVENT_WRITER_GONE, at(-720, 5, 0));
    driver_tick(driver, at(-720, 10, 0));
    assert_int_equal(driver->incident_count, 4);
    assert_null(strstr(driver_told(driver), "escalated"));
    driver_free(driver);
}

/* Samples of a table's volume are taken again at once, not only when the month has passed again. */
static void a_table_s_volume_is_still_learnt_after_a_clock_was_set_back(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_cycles(driver, at(0, 15, 0), at(24, 0, 0), seconds(10), "a=100 b=100");
    int64_t before = driver_saved_sum(driver, "a.volumes.saved", 0); /* a bit for each day that is known */
    driver_resumed(driver, at(-720, 0, 0), -hours(744));
    driver_cycles(driver, at(-720, 0, 0), at(-696, 0, 0), seconds(10), "a=100 b=100");
    int64_t another = INT64_C(1) << at(-720, 0, 0) / DAY_MS % 28;
    assert_int_equal(driver_saved_sum(driver, "a.volumes.saved", 0), before | another);
    assert_int_not_equal(before & another, another);
    driver_free(driver);
}

/* One line of a cycle is from another year, and the next from now again: what is read then is of now. */
static void a_single_line_from_the_future_ends_with_the_next(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_begin(driver, at(0, 15, 0));
    driver_resumed(driver, at(10000, 15, 1), hours(10000));
    driver_run(driver, at(10000, 15, 1), "a");
    driver_ok(driver, at(0, 15, 5), "a", 100);
    assert_int_equal(engine_clock(driver->engine), at(0, 15, 5));
    driver_end(driver, at(0, 15, 5));
    assert_string_equal(told_of(driver, "SFF") + strlen("00:00:00 "), "firing critical ConsecutiveFailures #1 a\n");
    driver_free(driver);
}

static void a_stall_is_critical_although_its_table_was_first_seen_by_a_clock_that_was_ahead(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_cycles(driver, at(0, 15, 0), at(24 * 12, 0, 0), seconds(10), "a=100 b=100");
    driver_resumed(driver, at(-24 * 12, 0, 0), -hours(24 * 24));
    driver_cycles(driver, at(-24 * 12, 0, 0), at(-24 * 12 + 1, 0, 0), seconds(10), "a=0 b=100");
    assert_int_equal(driver_incident(driver, 1)->alert, ALERT_WATERMARK_STALE);
    assert_int_equal(driver_incident(driver, 1)->severity, SEVERITY_CRITICAL);
    assert_non_null(strstr(driver_incident(driver, 1)->summary, "a stalled, "));
    driver_free(driver);
}

static void lag_is_told_in_time_although_the_clock_was_set_back(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_cycles(driver, at(0, 15, 0), at(24, 15, 0), seconds(10), "a=100 b=100");
    driver_resumed(driver, at(0, 5, 0), -hours(24));
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100");
    driver_tick(driver, at(0, 20, 10) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 20, 10));
    assert_told(driver, "00:20:10 firing warning LagElevated #1 b\n");
    driver_free(driver);
}

/* In a log alone nobody says that the clock was set: the lines do. */
static void a_log_whose_times_step_back_is_no_incident(void **unused)
{
    (void)unused;
    struct driver *driver = waiting_driver();
    driver_cycles(driver, at(0, 15, 0), at(2, 0, 0), seconds(10), "a=100 b=100");
    driver_cycles(driver, at(1, 0, 0), at(4, 0, 0), seconds(10), "a=100 b=100");
    assert_quiet(driver);
    assert_int_equal(driver->incident_count, 0);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_that_slept_while_waiting_broke_no_promise),
        cmocka_unit_test(a_promise_is_as_late_as_it_is_after_a_sleep),
        cmocka_unit_test(the_restart_grace_is_not_slept_away),
        cmocka_unit_test(what_was_broken_before_the_sleep_is_told),
        cmocka_unit_test(a_host_that_slept_within_a_cycle_made_it_neither_slow_nor_hung),
        cmocka_unit_test(a_cycle_that_is_slow_beside_its_sleep_is_slow),
        cmocka_unit_test(a_line_that_the_sleep_overtook_is_only_late),
        cmocka_unit_test(a_clock_that_was_days_ahead_blinds_nobody),
        cmocka_unit_test(a_clock_set_back_breaks_no_promise),
        cmocka_unit_test(failures_still_count_after_a_clock_was_set_back),
        cmocka_unit_test(people_are_told_after_a_clock_was_set_back),
        cmocka_unit_test(a_reminder_comes_in_time_although_the_clock_was_set_back),
        cmocka_unit_test(an_escalation_comes_in_time_although_the_clock_was_set_back),
        cmocka_unit_test(failures_in_a_row_are_told_although_the_clock_was_set_back_between_them),
        cmocka_unit_test(failures_in_a_row_are_no_flapping_although_the_clock_was_set_back_between_them),
        cmocka_unit_test(what_the_clock_was_set_back_over_did_not_happen_today),
        cmocka_unit_test(what_the_clock_was_set_back_over_is_not_the_day_s_fourth),
        cmocka_unit_test(a_table_s_volume_is_still_learnt_after_a_clock_was_set_back),
        cmocka_unit_test(a_single_line_from_the_future_ends_with_the_next),
        cmocka_unit_test(a_stall_is_critical_although_its_table_was_first_seen_by_a_clock_that_was_ahead),
        cmocka_unit_test(lag_is_told_in_time_although_the_clock_was_set_back),
        cmocka_unit_test(a_log_whose_times_step_back_is_no_incident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

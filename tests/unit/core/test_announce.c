/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* What is told, and when: reminders, escalations, old news. */

/* Critical at 0:17. */
static void reminders_come_after_1_2_and_4_times_and_then_daily_for_a_week(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(hours(4), hours(10000));
    driver_tick(driver, at(4, 17, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(4, 17, 0));
    assert_told(driver, "04:17:00 reminder critical SchedulerDown #1\n");
    assert_non_null(strstr(driver->last_summary, "scheduler still late since 00:15 (4 h 02 min)"));
    driver_tick(driver, at(48, 0, 0));
    assert_told(driver, "08:17:00 reminder critical SchedulerDown #1\n16:17:00 reminder critical SchedulerDown #1\n"
                        "40:17:00 reminder critical SchedulerDown #1\n");
    driver_tick(driver, at(16 + 7 * 24, 17, 0) - 1);
    driver_told(driver);
    driver_tick(driver, at(24 * 60, 0, 0));
    assert_told(driver, "184:17:00 reminder critical SchedulerDown #1\n");
    driver_free(driver);
}

/* A reminder counts from the turn to critical, but none follows on the heels of a message. */
static void who_was_told_late_is_not_reminded_at_once(void **unused)
{
    (void)unused;
    static const struct {
        int64_t told_h, told_m, reminded_h;
    } cases[] = { { 1, 0, 4 }, { 3, 0, 8 }, { 7, 0, 16 }, { 20, 0, 40 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct driver *driver = driver_new_healthy();
        driver->settings.notify.reminder_ms = hours(4);
        driver->settings.notify.escalation_ms = hours(1000);
        driver_configure(driver);
        driver_silence(driver, at(cases[i].told_h, cases[i].told_m, 0));
        driver_tick(driver, at(cases[i].told_h, cases[i].told_m, 0));
        driver_told(driver);
        driver_tick(driver, at(cases[i].reminded_h, 17, 0) - 1);
        assert_quiet(driver);
        driver_tick(driver, at(cases[i].reminded_h, 17, 0));
        assert_int_equal(driver->last.status, NOTIFY_REMINDER);
        driver_free(driver);
    }
}

static void zero_is_never(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(0, hours(100));
    driver_tick(driver, at(30, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void a_warning_is_not_repeated(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    driver->settings.schedule.late_critical_ms = hours(1000);
    driver->settings.notify.escalation_ms = hours(1000);
    driver_configure(driver);
    driver_tick(driver, at(30, 0, 0));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n");
    driver_free(driver);
}

/* The scheduler's runbook expects 5 min: opened at 0:16, escalated 35 min later. Once. */
static void beyond_the_runbook_and_half_an_hour_it_escalates_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(0, minutes(30));
    driver_tick(driver, at(0, 51, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(0, 51, 0));
    assert_told(driver, "00:51:00 escalated critical SchedulerDown #1\n");
    assert_string_equal(driver->last_escalate_to, "Engineering Lead");
    assert_non_null(strstr(driver->last_summary, "(36 min), the promised run has not begun; escalated"));
    assert_int_equal(driver_incident(driver, 1)->escalated_ms, at(0, 51, 0));
    driver_tick(driver, at(20, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void a_stall_escalates_to_the_data_team_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(24, 0, 0), seconds(10), "a=100");
    driver_cycles(driver, at(24, 0, 0), at(26, 0, 0), seconds(10), "a=0");
    driver_tick(driver, at(25, 59, 0));
    assert_string_equal(driver->last_escalate_to, "Engineering Lead and Data Team");
    assert_int_equal(driver->last.time_ms, at(25, 45, 10)); /* 24:15:10 + 60 + 30 min */
    driver_free(driver);
}

/* A slow cycle and a good one. */
static void slow_incident(struct driver *driver, int64_t at_ms)
{
    driver_cycle(driver, at_ms, seconds(301), "a=100");
    driver_cycle(driver, at_ms + minutes(15), seconds(10), "a=100");
    driver_cycle(driver, at_ms + minutes(30), seconds(10), "a=100");
    driver_cycle(driver, at_ms + minutes(45), seconds(10), "a=100");
}

/* Slow incidents open 5 min past these hours. */
static void four_of_a_kind(const int64_t *when, const char *told)
{
    struct driver *driver = driver_new_healthy();
    driver_cycles(driver, at(0, 15, 0), at(1, 0, 0), seconds(10), "a=100");
    for (int64_t hour = 1; hour <= when[3]; hour++) {
        if (hour == when[3])
            driver_told(driver);
        if (hour == when[0] || hour == when[1] || hour == when[2] || hour == when[3])
            slow_incident(driver, at(hour, 0, 0));
        else
            driver_cycles(driver, at(hour, 0, 0), at(hour + 1, 0, 0), seconds(10), "a=100");
    }
    driver_cycle(driver, at(when[3] + 1, 0, 0), seconds(10), "a=100");
    assert_told(driver, told);
    driver_free(driver);
}

static void the_fourth_of_a_kind_within_a_day_escalates(void **unused)
{
    (void)unused;
    four_of_a_kind(
        (int64_t[]){ 2, 10, 20, 25 },
        "25:05:00 firing warning CycleSlow #4\n25:05:00 escalated warning CycleSlow #4\n"); /* held: it flaps */
    four_of_a_kind((int64_t[]){ 1, 10, 20, 25 },
                   "25:05:00 firing warning CycleSlow #4\n25:15:10 resolved warning CycleSlow #4\n");
}

static void resolves_can_be_switched_off(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    driver->settings.notify.resolved = false;
    driver_configure(driver);
    slow_incident(driver, at(0, 15, 0));
    assert_told(driver, "00:20:00 firing warning CycleSlow #1\n"
                        "00:30:10 resolved warning CycleSlow #1 (to keepers)\n");
    assert_true(driver_incident(driver, 1)->verified_ms == 0);
    assert_null(strstr(strbuf_text(&driver->story), "notified resolved"));
    driver_free(driver);
}

/* --- old news ------------------------------------------------------------------------------------------------ */

static void what_began_and_ended_in_the_backlog_is_recorded_not_told(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    engine_catch_up(driver->engine);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    slow_incident(driver, at(0, 15, 0));
    engine_go_live(driver->engine);
    driver_tick(driver, at(1, 14, 0));
    assert_quiet(driver);
    assert_int_equal(driver->incident_count, 1);
    assert_false(driver_incident(driver, 1)->open);
    driver_free(driver);
}

static void what_is_still_open_at_its_end_is_told_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    engine_catch_up(driver->engine);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_cycles(driver, at(0, 15, 0), at(1, 0, 0), seconds(10), "a=fail");
    assert_quiet(driver);
    engine_go_live(driver->engine);
    assert_told(driver, "00:45:10 firing critical ConsecutiveFailures #1 a\n");
    driver_tick(driver, at(0, 50, 0));
    engine_go_live(driver->engine);
    assert_quiet(driver);
    driver_cycle(driver, at(1, 0, 0), seconds(10), "a=100");
    assert_told(driver, "01:00:10 resolved critical ConsecutiveFailures #1 a\n");
    driver_free(driver);
}

/* Open for hours before anybody was told: the runbook's time and half an hour count from the telling. */
static void what_was_told_late_escalates_later(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.notify.reminder_ms = 0;
    driver_configure(driver);
    engine_catch_up(driver->engine);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_cycles(driver, at(0, 15, 0), at(6, 0, 0), seconds(10), "a=fail");
    engine_go_live(driver->engine);
    assert_told(driver, "05:45:10 firing critical ConsecutiveFailures #1 a\n");
    driver_cycles(driver, at(6, 0, 0), at(7, 0, 0), seconds(10), "a=fail");
    driver_tick(driver, at(6, 45, 10));
    assert_told(driver, "06:45:10 escalated critical ConsecutiveFailures #1 a\n");
    driver_free(driver);
}

/* Told before the agent went down, resolved while it was. */
static void what_was_told_before_and_ended_in_the_backlog_is_resolved(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    driver_cycles(driver, at(0, 15, 0), at(0, 45, 0), seconds(10), "a=fail");
    assert_told(driver, "00:30:10 firing critical ConsecutiveFailures #1 a\n");
    driver_restart(driver);
    engine_catch_up(driver->engine);
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=100");
    assert_told(driver, "00:45:10 resolved critical ConsecutiveFailures #1 a\n");
    driver_cycle(driver, at(1, 0, 0), seconds(10), "a=100");
    engine_go_live(driver->engine);
    assert_quiet(driver);
    driver_free(driver);
}

static void what_worsened_in_the_backlog_is_told_at_its_end(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    driver_begin(driver, at(0, 15, 0));
    driver_tick(driver, at(0, 20, 0));
    assert_told(driver, "00:20:00 firing warning CycleSlow #1\n");
    driver_restart(driver);
    engine_catch_up(driver->engine);
    driver_run(driver, at(0, 25, 1), "a");
    assert_quiet(driver);
    engine_go_live(driver->engine);
    assert_told(driver, "00:25:01 firing critical CycleTooSlow #1\n");
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reminders_come_after_1_2_and_4_times_and_then_daily_for_a_week),
        cmocka_unit_test(who_was_told_late_is_not_reminded_at_once),
        cmocka_unit_test(zero_is_never),
        cmocka_unit_test(a_warning_is_not_repeated),
        cmocka_unit_test(beyond_the_runbook_and_half_an_hour_it_escalates_once),
        cmocka_unit_test(a_stall_escalates_to_the_data_team_as_well),
        cmocka_unit_test(the_fourth_of_a_kind_within_a_day_escalates),
        cmocka_unit_test(resolves_can_be_switched_off),
        cmocka_unit_test(what_began_and_ended_in_the_backlog_is_recorded_not_told),
        cmocka_unit_test(what_is_still_open_at_its_end_is_told_once),
        cmocka_unit_test(what_was_told_late_escalates_later),
        cmocka_unit_test(what_was_told_before_and_ended_in_the_backlog_is_resolved),
        cmocka_unit_test(what_worsened_in_the_backlog_is_told_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

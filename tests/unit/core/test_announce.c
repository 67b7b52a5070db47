/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* What is told, and when: reminders, escalations, a crowded hour, old news. */

static void a_critical_is_repeated_every_four_hours(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(hours(4), hours(100));
    driver_tick(driver, at(4, 17, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(4, 17, 0));
    assert_told(driver, "04:17:00 reminder critical SchedulerDown #1\n");
    assert_non_null(strstr(driver->last_summary, "still critical after 4 h 01 min"));
    driver_tick(driver, at(12, 17, 0));
    assert_told(driver, "08:17:00 reminder critical SchedulerDown #1\n12:17:00 reminder critical SchedulerDown #1\n");
    driver_free(driver);
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
    assert_non_null(strstr(driver->last_summary, "not recovered after 35 min"));
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
    assert_told(driver, told);
    driver_free(driver);
}

static void the_fourth_of_a_kind_within_a_day_escalates(void **unused)
{
    (void)unused;
    four_of_a_kind((int64_t[]){ 2, 10, 20, 25 },
                   "25:05:00 firing warning CycleSlow #4\n25:05:00 escalated warning CycleSlow #4\n"
                   "25:15:10 resolved warning CycleSlow #4\n");
    four_of_a_kind((int64_t[]){ 1, 10, 20, 25 },
                   "25:05:00 firing warning CycleSlow #4\n25:15:10 resolved warning CycleSlow #4\n");
}

static void at_most_six_an_hour_and_the_resolve_comes_later(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    struct engine *engine = driver->engine;
    driver->settings.notify.escalation_ms = hours(100);
    driver_configure(driver);
    driver_cycle(driver, at(0, 0, 0), seconds(8), "a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1");
    /* Onsets far apart: an incident each. */
    for (size_t i = 0; i < 8; i++) {
        driver_tick(driver, at(0, 1, (int64_t)i));
        incidents_raise(&engine->incidents, &(struct finding){ .kind = KIND_FAILURES,
                                                               .severity = SEVERITY_WARNING,
                                                               .table = &engine->tables.at[i],
                                                               .onset_ms = at((int64_t)i, 0, 0),
                                                               .what = "x" });
    }
    driver_tick(driver, at(0, 1, 8));
    assert_told(driver,
                "00:01:00 firing warning ConsecutiveFailures #1 a\n00:01:01 firing warning ConsecutiveFailures #2 b\n"
                "00:01:02 firing warning ConsecutiveFailures #3 c\n00:01:03 firing warning ConsecutiveFailures #4 d\n"
                "00:01:04 firing warning ConsecutiveFailures #5 e\n");
    /* The last place is for a critical. */
    incidents_raise(&engine->incidents, &(struct finding){ .kind = KIND_FAILURES,
                                                           .severity = SEVERITY_CRITICAL,
                                                           .table = &engine->tables.at[7],
                                                           .onset_ms = at(7, 0, 0),
                                                           .what = "x" });
    assert_told(driver, "00:01:08 firing critical ConsecutiveFailures #8 h\n");
    /* Told and untold ones end meanwhile: only what was told is resolved, when there is room. */
    driver_tick(driver, at(0, 2, 0));
    incidents_clear(&engine->incidents, KIND_FAILURES, &engine->tables.at[0]);
    incidents_clear(&engine->incidents, KIND_FAILURES, &engine->tables.at[5]);
    driver_tick(driver, at(0, 14, 0));
    assert_quiet(driver);
    driver_cycle(driver, at(0, 15, 0), seconds(4), "d=1 e=fail");
    assert_quiet(driver);
    driver_cycles(driver, at(0, 30, 0), at(1, 0, 0), seconds(10), "a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1");
    driver_cycle(driver, at(1, 0, 0), seconds(8), "a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1");
    driver_tick(driver, at(1, 1, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(1, 10, 0));
    assert_told(
        driver,
        "01:01:01 resolved warning ConsecutiveFailures #1 a\n01:01:02 resolved warning ConsecutiveFailures #2 b\n"
        "01:01:03 resolved warning ConsecutiveFailures #3 c\n01:01:04 resolved warning ConsecutiveFailures #4 d\n"
        "01:01:08 resolved warning ConsecutiveFailures #5 e\n");
    driver_free(driver);
}

static void a_short_schedule_has_a_short_hour(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.schedule.interval_ms = 500;
    driver_configure(driver);
    driver_run(driver, at(0, 0, 0), "a");
    for (int64_t i = 0; i < 10; i++) {
        driver_tick(driver, at(0, 0, i));
        incidents_raise(&driver->engine->incidents,
                        &(struct finding){ .kind = KIND_SLOW, .severity = SEVERITY_WARNING, .what = "x" });
        incidents_clear(&driver->engine->incidents, KIND_SLOW, NULL);
    }
    driver_tick(driver, at(0, 0, 20));
    int64_t resolved = 0;
    for (const char *c = driver_told(driver); (c = strstr(c, "resolved")); c++)
        resolved++;
    assert_int_equal(resolved, 10);
    driver_free(driver);
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

/* --- silences ------------------------------------------------------------------------------------------------ */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_critical_is_repeated_every_four_hours),
        cmocka_unit_test(zero_is_never),
        cmocka_unit_test(a_warning_is_not_repeated),
        cmocka_unit_test(beyond_the_runbook_and_half_an_hour_it_escalates_once),
        cmocka_unit_test(a_stall_escalates_to_the_data_team_as_well),
        cmocka_unit_test(the_fourth_of_a_kind_within_a_day_escalates),
        cmocka_unit_test(at_most_six_an_hour_and_the_resolve_comes_later),
        cmocka_unit_test(a_short_schedule_has_a_short_hour),
        cmocka_unit_test(resolves_can_be_switched_off),
        cmocka_unit_test(what_began_and_ended_in_the_backlog_is_recorded_not_told),
        cmocka_unit_test(what_is_still_open_at_its_end_is_told_once),
        cmocka_unit_test(what_was_told_late_escalates_later),
        cmocka_unit_test(what_was_told_before_and_ended_in_the_backlog_is_resolved),
        cmocka_unit_test(what_worsened_in_the_backlog_is_told_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

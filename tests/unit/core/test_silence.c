/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* What a silence holds back, and what it does not. */

/* A run is promised for 0:15:00; the silence covers its absence. */
static struct driver *silenced_driver(int64_t until_ms)
{
    struct driver *driver = driver_new_healthy();
    driver->settings.notify.reminder_ms = 0;
    driver_configure(driver);
    driver_tick(driver, at(0, 10, 0));
    driver_silence(driver, until_ms);
    return driver;
}

static void what_ends_within_a_silence_is_never_told(void **unused)
{
    (void)unused;
    struct driver *driver = silenced_driver(at(1, 0, 0));
    driver_tick(driver, at(0, 20, 0));
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=100");
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1 (silenced)\n"
                        "00:17:00 firing critical SchedulerDown #1 (silenced)\n"
                        "00:30:10 resolved critical SchedulerDown #1 (silenced)\n");
    driver_cycles(driver, at(0, 45, 0), at(2, 0, 0), seconds(10), "a=100");
    assert_quiet(driver);
    assert_int_not_equal(driver_incident(driver, 1)->verified_ms, 0);
    driver_free(driver);
}

static void what_outlives_a_silence_is_told_at_its_end(void **unused)
{
    (void)unused;
    struct driver *driver = silenced_driver(at(1, 0, 0));
    driver_tick(driver, at(1, 0, 0) - 1);
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1 (silenced)\n"
                        "00:17:00 firing critical SchedulerDown #1 (silenced)\n");
    driver_tick(driver, at(1, 0, 0));
    assert_told(driver, "01:00:00 firing critical SchedulerDown #1\n");
    /* The runbook's time counts from the telling. */
    driver_tick(driver, at(1, 35, 0));
    assert_told(driver, "01:35:00 escalated critical SchedulerDown #1\n");
    driver_cycle(driver, at(1, 45, 0), seconds(10), "a=100");
    assert_told(driver, "01:45:10 resolved critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_silence_may_be_ended_early_or_drawn_out(void **unused)
{
    (void)unused;
    struct driver *driver = silenced_driver(at(1, 0, 0));
    driver_tick(driver, at(0, 40, 0));
    driver_told(driver);
    driver_silence(driver, at(2, 0, 0));
    driver_tick(driver, at(1, 30, 0));
    assert_quiet(driver);
    driver_silence(driver, 0);
    driver_tick(driver, at(1, 30, 1));
    assert_told(driver, "01:30:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void the_end_of_what_was_told_before_is_told_under_a_silence(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    driver_tick(driver, at(0, 16, 30));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n");
    driver_silence(driver, at(8, 0, 0));
    driver_tick(driver, at(7, 0, 0));
    assert_told(driver, "00:17:00 firing critical SchedulerDown #1 (silenced)\n"); /* nor reminder, nor escalation */
    driver_cycle(driver, at(7, 0, 0), seconds(10), "a=100");
    assert_told(driver, "07:00:10 resolved critical SchedulerDown #1\n");
    driver_free(driver);
}

static void what_worsened_under_a_silence_is_told_at_its_end(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    driver->settings.notify.escalation_ms = hours(100);
    driver_configure(driver);
    driver_tick(driver, at(0, 16, 30));
    driver_told(driver);
    driver_silence(driver, at(1, 0, 0));
    driver_tick(driver, at(2, 0, 0));
    assert_told(driver,
                "00:17:00 firing critical SchedulerDown #1 (silenced)\n01:00:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void reminders_and_escalations_wait_for_a_silence_to_end(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(hours(1), minutes(30));
    driver_silence(driver, at(3, 0, 0));
    driver_tick(driver, at(3, 0, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(3, 0, 0));
    assert_told(driver, "03:00:00 escalated critical SchedulerDown #1\n03:00:00 reminder critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_restart_under_a_silence_notes_nothing_twice(void **unused)
{
    (void)unused;
    struct driver *driver = silenced_driver(at(1, 0, 0));
    driver_tick(driver, at(0, 20, 0));
    driver_told(driver);
    driver_restart(driver);
    driver_silence(driver, at(1, 0, 0));
    engine_catch_up(driver->engine);
    engine_go_live(driver->engine);
    driver_tick(driver, at(0, 50, 0));
    assert_quiet(driver);
    driver_tick(driver, at(1, 0, 0));
    assert_told(driver, "01:00:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_silence_takes_no_place_of_the_hour_s_six(void **unused)
{
    (void)unused;
    struct driver *driver = silenced_driver(at(0, 10, 30));
    driver->settings.detect.flapping_opens = 1000;
    driver_configure(driver);
    for (int64_t i = 0; i < 10; i++) {
        driver_tick(driver, at(0, 10, i));
        incidents_raise(&driver->engine->incidents,
                        &(struct finding){ .kind = KIND_SLOW, .severity = SEVERITY_WARNING, .what = "x" });
        incidents_clear(&driver->engine->incidents, KIND_SLOW, NULL);
    }
    driver_told(driver);
    driver_tick(driver, at(0, 10, 31));
    incidents_raise(&driver->engine->incidents,
                    &(struct finding){ .kind = KIND_SLOW, .severity = SEVERITY_WARNING, .what = "x" });
    assert_told(driver, "00:10:31 firing warning CycleSlow #11\n");
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_ends_within_a_silence_is_never_told),
        cmocka_unit_test(what_outlives_a_silence_is_told_at_its_end),
        cmocka_unit_test(a_silence_may_be_ended_early_or_drawn_out),
        cmocka_unit_test(the_end_of_what_was_told_before_is_told_under_a_silence),
        cmocka_unit_test(what_worsened_under_a_silence_is_told_at_its_end),
        cmocka_unit_test(reminders_and_escalations_wait_for_a_silence_to_end),
        cmocka_unit_test(a_restart_under_a_silence_notes_nothing_twice),
        cmocka_unit_test(a_silence_takes_no_place_of_the_hour_s_six),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

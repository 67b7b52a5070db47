/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* What an acknowledgement stops, and what it does not. */

static bool acknowledge(struct driver *driver, int64_t id, int64_t incident_id, int64_t at_ms, const char *note)
{
    return engine_acknowledge(
        driver->engine,
        &(struct acknowledgement){ .id = id, .incident_id = incident_id, .at_ms = at_ms, .by = "ada", .note = note });
}

static bool take_back(struct driver *driver, int64_t id, int64_t incident_id, int64_t at_ms)
{
    return engine_acknowledge(driver->engine, &(struct acknowledgement){ .id = id,
                                                                         .incident_id = incident_id,
                                                                         .at_ms = at(0, 20, 0),
                                                                         .by = "ada",
                                                                         .undone_ms = at_ms,
                                                                         .undone_by = "grace" });
}

static void reminders_and_escalation_stop_and_the_end_is_told(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(hours(1), minutes(30));
    driver_tick(driver, at(0, 20, 0));
    assert_true(acknowledge(driver, 1, 1, at(0, 19, 0), "looking into it"));
    assert_non_null(strstr(strbuf_text(&driver->story), "#1 acknowledged Acknowledged by ada: looking into it\n"));
    assert_int_equal(driver_incident(driver, 1)->acknowledged_ms, at(0, 19, 0));
    driver_tick(driver, at(30, 0, 0));
    assert_quiet(driver);
    driver_cycle(driver, at(30, 0, 0), seconds(10), "a=100");
    assert_told(driver, "30:00:10 resolved critical SchedulerDown #1\n");
    driver_free(driver);
}

static void what_was_stopped_goes_on_when_it_is_taken_back(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(hours(1), minutes(30));
    acknowledge(driver, 1, 1, at(0, 17, 0), NULL);
    driver_tick(driver, at(3, 0, 0));
    assert_quiet(driver);
    assert_true(take_back(driver, 1, 1, at(3, 0, 0)));
    assert_non_null(strstr(strbuf_text(&driver->story), "#1 acknowledged Acknowledgement taken back by grace\n"));
    assert_int_equal(driver_incident(driver, 1)->acknowledged_ms, 0);
    driver_tick(driver, at(3, 0, 0));
    assert_told(driver, "03:00:00 escalated critical SchedulerDown #1\n03:00:00 reminder critical SchedulerDown #1\n");
    driver_free(driver);
}

static void that_it_becomes_critical_is_told(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    driver_tick(driver, at(0, 16, 30));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n");
    acknowledge(driver, 1, 1, at(0, 16, 30), NULL);
    driver_tick(driver, at(0, 17, 0));
    assert_told(driver, "00:17:00 firing critical SchedulerDown #1\n");
    driver_tick(driver, at(24, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void that_tables_join_is_told(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(1, 0, 0), seconds(10), "a=100 b=100");
    driver_cycle(driver, at(1, 0, 0), seconds(10), "a=fail b=fail");
    driver_begin(driver, at(1, 15, 0));
    driver_run(driver, at(1, 15, 0), "a");
    driver_fail(driver, at(1, 15, 5), "a");
    assert_told(driver, "01:15:05 firing critical ConsecutiveFailures #1 a\n");
    acknowledge(driver, 1, 1, at(1, 15, 5), NULL);
    driver_run(driver, at(1, 15, 5), "b");
    driver_fail(driver, at(1, 15, 10), "b");
    driver_end(driver, at(1, 15, 10));
    assert_told(driver, "01:15:10 firing critical ConsecutiveFailures #1 a,b\n");
    driver_free(driver);
}

static void a_restart_keeps_it_and_notes_it_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(hours(1), minutes(30));
    acknowledge(driver, 4, 1, at(0, 17, 0), "x");
    driver_restart(driver);
    assert_false(acknowledge(driver, 4, 1, at(0, 17, 0), "x"));
    const char *first = strstr(strbuf_text(&driver->story), "Acknowledged");
    assert_non_null(first);
    assert_null(strstr(first + 1, "Acknowledged"));
    driver_tick(driver, at(9, 0, 0));
    assert_quiet(driver);
    /* Taken back and given again between two looks: the newest one holds. */
    assert_true(acknowledge(driver, 5, 1, at(9, 0, 0), "y"));
    driver_tick(driver, at(20, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void one_that_is_over_or_not_known_is_left_alone(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(hours(1), minutes(30));
    assert_false(acknowledge(driver, 1, 2, at(0, 17, 0), NULL));
    assert_false(acknowledge(driver, 1, INT64_MIN, at(0, 17, 0), NULL));
    assert_false(take_back(driver, 1, 1, at(0, 17, 0)));
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=100");
    assert_false(acknowledge(driver, 1, 1, at(0, 31, 0), NULL));
    assert_null(strstr(strbuf_text(&driver->story), "cknowledge"));
    driver_free(driver);
}

/* Whoever may write the history may write any time. */
static void a_time_that_cannot_be_lies_within_the_incident(void **unused)
{
    (void)unused;
    static const int64_t times_ms[] = { INT64_MIN, -1, 0, 1, INT64_MAX };
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        struct driver *driver = driver_new_down(hours(1), minutes(30));
        assert_true(acknowledge(driver, 1, 1, times_ms[i], NULL));
        int64_t at_ms = driver_incident(driver, 1)->acknowledged_ms;
        assert_true(at_ms >= driver_incident(driver, 1)->opened_ms && at_ms <= at(0, 17, 0));
        driver_free(driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reminders_and_escalation_stop_and_the_end_is_told),
        cmocka_unit_test(what_was_stopped_goes_on_when_it_is_taken_back),
        cmocka_unit_test(that_it_becomes_critical_is_told),
        cmocka_unit_test(that_tables_join_is_told),
        cmocka_unit_test(a_restart_keeps_it_and_notes_it_once),
        cmocka_unit_test(one_that_is_over_or_not_known_is_left_alone),
        cmocka_unit_test(a_time_that_cannot_be_lies_within_the_incident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

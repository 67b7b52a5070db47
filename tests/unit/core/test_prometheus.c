/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* When the platform's alerts would have fired as meant: the condition plus the rule's "for", nothing for scrapes. */

static struct incidents incidents;

static struct incident_record *blank(enum alert alert)
{
    static struct incident_record record;
    incidents_index_free(&incidents);
    incidents = (struct incidents){ 0 };
    record = (struct incident_record){ .of = &incidents, .incident = { .alert = alert, .open = true } };
    return &record;
}

static void each_alert_has_its_time(void **unused)
{
    (void)unused;
    struct incident_record *record = blank(ALERT_CONSECUTIVE_FAILURES);
    prometheus_note(record, at(1, 0, 0));
    assert_int_equal(record->prometheus_due_ms, at(1, 5, 0));
    prometheus_note(record = blank(ALERT_LAG_ELEVATED), at(1, 0, 0));
    assert_int_equal(record->prometheus_due_ms, at(1, 30, 0));
    prometheus_note(record = blank(ALERT_LAG_CRITICAL), at(1, 0, 0));
    assert_int_equal(record->prometheus_due_ms, at(1, 35, 0));
    prometheus_note(record = blank(ALERT_WATERMARK_STALE), at(1, 0, 0));
    assert_int_equal(record->prometheus_due_ms, at(2, 5, 0));
    prometheus_note(record = blank(ALERT_SCHEDULER_DOWN), at(1, 0, 0));
    assert_int_equal(record->prometheus_due_ms, at(1, 5, 0));
}

static void a_slow_cycle_is_seen_only_after_its_end(void **unused)
{
    (void)unused;
    static const struct {
        int64_t duration_ms, after_ms;
    } cases[] = {
        { 300000, 0 },
        { 300001, 600000 },
        { 600000, 600000 },
        { 600001, 120000 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct incident_record *record = blank(ALERT_CYCLE_SLOW);
        prometheus_note_cycle(record, at(1, 0, 0), cases[i].duration_ms, 300000, 600000);
        assert_int_equal(record->prometheus_due_ms, cases[i].after_ms ? at(1, 0, 0) + cases[i].after_ms : 0);
    }
}

static void the_earliest_of_several_counts(void **unused)
{
    (void)unused;
    struct incident_record *record = blank(ALERT_CONSECUTIVE_FAILURES);
    prometheus_note(record, at(1, 0, 0));
    prometheus_note(record, at(1, 15, 0));
    assert_int_equal(record->prometheus_due_ms, at(1, 5, 0));
}

static void it_has_fired_only_once_its_time_has_come(void **unused)
{
    (void)unused;
    struct incident_record *record = blank(ALERT_SCHEDULER_DOWN);
    assert_int_equal(prometheus_time(record, at(99, 0, 0)), 0);
    prometheus_note(record, at(1, 0, 0));
    assert_int_equal(prometheus_time(record, at(1, 5, 0) - 1), 0);
    assert_int_equal(prometheus_time(record, at(1, 5, 0)), at(1, 5, 0));
}

/* First failure at 0:15:10, the third at 0:45:10: the agent is critical half an hour before. */
static void failures_tell_both_times(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_cycles(driver, at(0, 15, 0), at(0, 45, 0), seconds(10), "a=fail");
    assert_int_equal(driver_incident(driver, 1)->critical_ms, at(0, 30, 10));
    assert_int_equal(driver_incident(driver, 1)->prometheus_ms, 0);
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(1, 0, 0), seconds(10), "a=100");
    assert_int_equal(driver_incident(driver, 1)->prometheus_ms, at(0, 50, 10));
    driver_free(driver);
}

static void an_incident_that_ended_before_never_fired_there(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_say(driver, EVENT_SCHEDULER_CRASHED, at(0, 5, 0));
    driver_start(driver, at(0, 9, 0));
    driver_cycle(driver, at(0, 9, 0), seconds(10), "a=100");
    driver_tick(driver, at(0, 14, 0));
    assert_int_equal(driver_incident(driver, 1)->prometheus_ms, 0);
    driver_say(driver, EVENT_SCHEDULER_CRASHED, at(0, 14, 0));
    driver_start(driver, at(0, 20, 0));
    driver_cycle(driver, at(0, 20, 0), seconds(10), "a=100");
    assert_int_equal(driver_incident(driver, 2)->prometheus_ms, at(0, 19, 0));
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alert_has_its_time),
        cmocka_unit_test(a_slow_cycle_is_seen_only_after_its_end),
        cmocka_unit_test(the_earliest_of_several_counts),
        cmocka_unit_test(it_has_fired_only_once_its_time_has_come),
        cmocka_unit_test(failures_tell_both_times),
        cmocka_unit_test(an_incident_that_ended_before_never_fired_there),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    incidents_index_free(&incidents);
    return failed;
}

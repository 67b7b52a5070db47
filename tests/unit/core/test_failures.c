/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* Failures of a table in a row: 2 are a warning, 3 critical; 2 with certain lag are critical at once. */

/* Lag never decides: only the count does. */
static struct driver *patient_driver(void)
{
    struct driver *driver = driver_new();
    driver->settings.detect.lag_critical_ms = hours(100);
    driver->settings.detect.lag_warning_ms = hours(99);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    return driver;
}

static void one_failure_is_no_news_two_are_three_are_critical(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail");
    assert_quiet(driver);
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=fail");
    assert_told(driver, "00:30:10 firing warning ConsecutiveFailures #1 a\n");
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=timeout");
    assert_told(driver, "00:45:10 firing critical ConsecutiveFailures #1 a\n");
    driver_cycle(driver, at(1, 0, 0), seconds(10), "a=fail");
    assert_quiet(driver);
    driver_cycle(driver, at(1, 15, 0), seconds(10), "a=100");
    assert_told(driver, "01:15:10 resolved critical ConsecutiveFailures #1 a\n");
    assert_int_equal(driver_incident(driver, 1)->onset_ms, at(0, 0, 10)); /* the last success */
    assert_int_equal(driver_incident(driver, 1)->opened_ms, at(0, 30, 10));
    assert_int_equal(driver_incident(driver, 1)->critical_ms, at(0, 45, 10));
    driver_free(driver);
}

/* As long as nobody knows the interval, nobody knows the next slot either. */
static void the_rule_speaks_of_the_next_slot_only_if_that_is_known(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail");
    assert_told(driver, "00:15:10 firing warning ConsecutiveFailures #1 a\n");
    assert_non_null(strstr(driver->story.at, "#1 rule failures in a row: 2"));
    assert_null(strstr(driver->story.at, "next slot"));
    driver_free(driver);
    driver = driver_new_healthy();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=fail");
    assert_non_null(strstr(driver->story.at, "; at the next slot the last success is 2690 s old"));
    driver_free(driver);
}

static void a_success_between_starts_the_count_anew(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=100");
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=fail");
    assert_quiet(driver);
    driver_free(driver);
}

static void the_thresholds_are_the_configured_ones(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver->settings.detect.failures_warning = 3;
    driver->settings.detect.failures_critical = 5;
    driver_configure(driver);
    driver_cycles(driver, at(0, 15, 0), at(0, 45, 0), seconds(10), "a=fail");
    assert_quiet(driver);
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=fail");
    assert_told(driver, "00:45:10 firing warning ConsecutiveFailures #1 a\n");
    driver_cycle(driver, at(1, 0, 0), seconds(10), "a=fail");
    assert_quiet(driver);
    driver_cycle(driver, at(1, 15, 0), seconds(10), "a=fail");
    assert_told(driver, "01:15:10 firing critical ConsecutiveFailures #1 a\n");
    driver_free(driver);
}

/* The second failure at 0:30:10; the next slot is 0:45:00, the last success was at 0:00:10: 44:50 later. */
static void second_failure_with_lag_critical(int64_t lag_critical_ms, const char *told)
{
    struct driver *driver = driver_new();
    driver->settings.detect.lag_critical_ms = lag_critical_ms;
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_cycles(driver, at(0, 15, 0), at(0, 45, 0), seconds(10), "a=fail");
    assert_told(driver, told);
    driver_free(driver);
}

static void lag_is_certain_when_it_will_be_beyond_critical(void **unused)
{
    (void)unused;
    int64_t lag = minutes(44) + seconds(50);
    second_failure_with_lag_critical(lag - 1, "00:30:10 firing critical ConsecutiveFailures #1 a\n");
    second_failure_with_lag_critical(lag, "00:30:10 firing warning ConsecutiveFailures #1 a\n");
    second_failure_with_lag_critical(lag + 1, "00:30:10 firing warning ConsecutiveFailures #1 a\n");
    second_failure_with_lag_critical(0, "00:30:10 firing critical ConsecutiveFailures #1 a\n");
}

/* A cycle that starts a second early and fails at once runs again at its slot: that slot is no next attempt yet. */
static void a_slot_within_two_seconds_is_not_the_next_attempt(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.detect.lag_critical_ms = minutes(40);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_cycle(driver, at(0, 14, 58), 500, "a=fail");
    driver_cycle(driver, at(0, 15, 0), 500, "a=fail");
    driver_cycle(driver, at(0, 29, 58), 500, "a=fail"); /* 1.5 s before 0:30: the next is 0:45, and 44:50 > 40 min */
    assert_told(driver, "00:29:58.500 firing critical ConsecutiveFailures #1 a\n");
    driver_free(driver);
}

static void two_failures_apart(int64_t apart_ms, const char *told)
{
    struct driver *driver = patient_driver();
    driver_begin(driver, at(0, 14, 59));
    driver_fail(driver, at(0, 15, 0), "a");
    driver_begin(driver, at(0, 15, 0));
    driver_fail(driver, at(0, 15, 0) + apart_ms, "a");
    assert_told(driver, told);
    driver_free(driver);
}

static void failures_within_a_fifteenth_of_the_interval_are_one(void **unused)
{
    (void)unused;
    two_failures_apart(0, "");
    two_failures_apart(seconds(60) - 1, "");
    two_failures_apart(seconds(60), "00:16:00 firing warning ConsecutiveFailures #1 a\n");
    two_failures_apart(seconds(60) + 1, "00:16:00.001 firing warning ConsecutiveFailures #1 a\n");
}

static void an_exception_fails_the_running_table_and_those_not_reached(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(12), "a=100 b=100 c=100");
    for (int64_t slot = 30; slot <= 45; slot += 15) {
        driver_begin(driver, at(0, slot, 0));
        driver_run(driver, at(0, slot, 0), "a");
        driver_ok(driver, at(0, slot, 5), "a", 100);
        driver_run(driver, at(0, slot, 5), "b");
        driver_exception(driver, at(0, slot, 6), "[Errno 2] No such file or directory: 'docker'");
    }
    assert_told(driver, "00:45:06 firing warning ConsecutiveFailures #1 b,c\n"); /* one event is told once */
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "5");
    assert_int_equal(driver->cycles[3].outcome, CYCLE_ABORTED);
    assert_int_equal(driver->runs[driver->run_count - 1].facts.outcome, RUN_ABORTED);
    driver_free(driver);
}

/* Each of a burst's three cycles dies before any table: one attempt, not three. */
static void a_burst_of_exceptions_counts_once(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    for (int64_t slot = 15; slot <= 30; slot += 15) {
        for (int64_t i = 0; i < 3; i++) {
            driver_begin(driver, at(0, slot, 0) + 100 * i);
            driver_exception(driver, at(0, slot, 0) + 100 * i + 50, "no docker");
        }
        assert_told(driver, slot == 15 ? "" : "00:30:00.050 firing warning ConsecutiveFailures #1 a\n");
    }
    driver_free(driver);
}

static void an_exception_outside_a_cycle_fails_nothing(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_exception(driver, at(0, 5, 0), "x");
    driver_exception(driver, at(0, 10, 0), "x");
    assert_quiet(driver);
    driver_free(driver);
}

/* b has been gone for a day: a cycle that dies did not mean to reach it. */
static void an_exception_does_not_fail_a_retired_table(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100 b=100");
    driver_cycles(driver, at(0, 30, 0), at(25, 0, 0), seconds(10), "a=100");
    for (int64_t slot = 0; slot <= 15; slot += 15) {
        driver_begin(driver, at(25, slot, 0));
        driver_exception(driver, at(25, slot, 1), "x");
    }
    assert_string_equal(driver->incidents[driver->incident_count - 1].tables, "a");
    driver_free(driver);
}

static void probe_says(struct driver *driver, enum event_kind kind, int64_t at_ms, const char *name, const char *cause)
{
    driver_feed(driver, (struct event){ .kind = kind,
                                        .time_ms = at_ms,
                                        .text = slice_of(name),
                                        .cause = slice_of(cause),
                                        .line = slice_of("what the probe says") });
}

static void a_confirming_probe_makes_it_critical(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=fail");
    assert_told(driver, "00:30:10 firing warning ConsecutiveFailures #1 a\n");
    probe_says(driver, EVENT_PROBE_DOWN, at(0, 30, 11), "clickhouse", "");
    assert_told(driver, "00:30:11 firing critical ConsecutiveFailures #1 a\n");
    assert_string_equal(driver_incident(driver, 1)->cause.words, "ClickHouse unreachable");
    driver_free(driver);
}

/* One failure is no news, but that a component is down which explains it is, at once. */
static void a_first_failure_is_critical_by_the_component_that_explains_it(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail");
    probe_says(driver, EVENT_PROBE_DOWN, at(0, 15, 11), "grafana", ""); /* a dashboard explains nothing */
    probe_says(driver, EVENT_PROBE_DOWN, at(0, 15, 12), "clickhouse-dashboard", "");
    probe_says(driver, EVENT_PROBE_DOWN, at(0, 15, 13), "", "");
    assert_quiet(driver);
    probe_says(driver, EVENT_PROBE_DOWN, at(0, 15, 14), "store", "job-disk");
    assert_told(driver, "00:15:14 firing critical ConsecutiveFailures #1 a\n");
    const struct incident *incident = driver_incident(driver, 1);
    assert_string_equal(incident->cause.words, "the disk is full (no space left)");
    assert_string_equal(incident->cause.title, "Spark job crashes/OOM");
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=1");
    assert_told(driver, "00:30:10 resolved critical ConsecutiveFailures #1 a\n");
    probe_says(driver, EVENT_PROBE_DOWN, at(0, 31, 0), "store", "job-disk");
    assert_quiet(driver); /* nothing fails */
    driver_free(driver);
}

static void fail_twice_saying(struct driver *driver, const char *said)
{
    for (int64_t slot = 15; slot <= 30; slot += 15) {
        driver_begin(driver, at(0, slot, 0));
        driver_fail_saying(driver, at(0, slot, 5), "a", 1, said);
        driver_end(driver, at(0, slot, 6));
    }
}

/* "Connection refused" alone is ClickHouse's by guess only; what is seen to be down now is more than that, also after a restart. */
static void what_is_seen_down_is_more_than_a_guess(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    fail_twice_saying(driver, "java.net.ConnectException: Connection refused");
    assert_string_equal(driver_incident(driver, 1)->cause.words, "ClickHouse unreachable");
    probe_says(driver, EVENT_PROBE_DOWN, at(0, 30, 7), "postgres", "");
    assert_string_equal(driver_incident(driver, 1)->cause.words, "PostgreSQL unreachable");
    assert_string_equal(driver_incident(driver, 1)->cause.runbook, "iceberg-offload-watermark-recovery.md");
    driver_restart(driver);
    assert_string_equal(table_cause(&driver->engine->tables.at[0]).words, "PostgreSQL unreachable");
    probe_says(driver, EVENT_PROBE_NOTED, at(0, 31, 0), "postgres", ""); /* it is up */
    assert_string_equal(table_cause(&driver->engine->tables.at[0]).words, "ClickHouse unreachable");
    driver_free(driver);
}

/* A text that tells the cause, or names the component, is not explained by another component. */
static void what_is_seen_down_does_not_explain_what_a_text_tells(void **unused)
{
    (void)unused;
    static const char *const texts[][2] = {
        { "duplicate key value violates unique constraint", "1/4" },
        { "Failed to read from ClickHouse: x\n: java.sql.SQLException: Connection refused", "1/2" },
    };
    for (size_t i = 0; i < 2; i++) {
        struct driver *driver = patient_driver();
        fail_twice_saying(driver, texts[i][0]);
        probe_says(driver, EVENT_PROBE_DOWN, at(0, 30, 7), "postgres", "");
        assert_string_equal(driver_incident(driver, 1)->cause.scenario, texts[i][1]);
        assert_int_equal(driver_incident(driver, 1)->severity, SEVERITY_WARNING);
        driver_free(driver);
    }
}

/* What probes saw before anything went wrong is not known to be so now. */
static void what_was_down_earlier_explains_nothing_later(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail");
    probe_says(driver, EVENT_PROBE_DOWN, at(0, 15, 11), "clickhouse", "");
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=1");
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=fail");
    assert_null(table_cause(&driver->engine->tables.at[0]).words);
    driver_free(driver);
}

static void a_probe_of_another_component_confirms_nothing(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    for (int64_t slot = 15; slot <= 30; slot += 15) {
        driver_begin(driver, at(0, slot, 0));
        driver_fail_saying(driver, at(0, slot, 5), "a", 1, "java.net.ConnectException: Connection refused");
        driver_end(driver, at(0, slot, 6));
    }
    driver_told(driver);
    struct event event = { .kind = EVENT_PROBE_DOWN,
                           .time_ms = at(0, 30, 7),
                           .text = slice_of("k2-prefect-db"),
                           .line = slice_of("k2-prefect-db is down: exited") };
    driver_feed(driver, event);
    assert_quiet(driver);
    assert_non_null(strstr(driver->story.at, "#1 probe k2-prefect-db is down: exited\n"));
    event.text = slice_of("ClickHouse");
    driver_feed(driver, event);
    assert_told(driver, "00:30:07 firing critical ConsecutiveFailures #1 a\n");
    assert_non_null(strstr(driver->last_summary, "no new data for a since 00:00 (30 min), ClickHouse unreachable"));
    driver_free(driver);
}

static void a_probe_is_news_to_the_incidents_it_names(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=fail");
    assert_int_equal(engine_newest_open(driver->engine), 1);
    struct event event = {
        .kind = EVENT_PROBE_NOTED, .time_ms = at(0, 30, 11), .number = 2, .line = slice_of("x is up")
    };
    driver_feed(driver, event);
    assert_null(strstr(driver->story.at, "x is up"));
    event.number = 1;
    driver_feed(driver, event);
    assert_non_null(strstr(driver->story.at, "#1 probe x is up\n"));
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=1");
    assert_int_equal(engine_newest_open(driver->engine), 0);
    driver_free(driver);
}

static void what_a_failure_says_becomes_cause_and_evidence(void **unused)
{
    (void)unused;
    struct driver *driver = patient_driver();
    for (int64_t slot = 15; slot <= 30; slot += 15) {
        driver_begin(driver, at(0, slot, 0));
        driver_fail_saying(driver, at(0, slot, 5), "a", 1, "java.net.ConnectException: Connection refused");
        driver_end(driver, at(0, slot, 6));
    }
    const struct incident *incident = driver_incident(driver, 1);
    assert_string_equal(incident->cause.scenario, "1/2");
    assert_non_null(strstr(incident->cause.words, "ClickHouse"));
    assert_non_null(strstr(driver->last_summary, "no new data for a since 00:00 (30 min), "));
    assert_non_null(strstr(driver->last_summary, "ClickHouse"));
    assert_string_equal(incident->evidence, "java.net.ConnectException: Connection refused");
    assert_non_null(strstr(driver->story.at, "#1 evidence java.net.ConnectException: Connection refused\n"));
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_failure_is_no_news_two_are_three_are_critical),
        cmocka_unit_test(the_rule_speaks_of_the_next_slot_only_if_that_is_known),
        cmocka_unit_test(a_success_between_starts_the_count_anew),
        cmocka_unit_test(the_thresholds_are_the_configured_ones),
        cmocka_unit_test(lag_is_certain_when_it_will_be_beyond_critical),
        cmocka_unit_test(a_slot_within_two_seconds_is_not_the_next_attempt),
        cmocka_unit_test(failures_within_a_fifteenth_of_the_interval_are_one),
        cmocka_unit_test(an_exception_fails_the_running_table_and_those_not_reached),
        cmocka_unit_test(a_burst_of_exceptions_counts_once),
        cmocka_unit_test(an_exception_outside_a_cycle_fails_nothing),
        cmocka_unit_test(an_exception_does_not_fail_a_retired_table),
        cmocka_unit_test(a_confirming_probe_makes_it_critical),
        cmocka_unit_test(a_first_failure_is_critical_by_the_component_that_explains_it),
        cmocka_unit_test(what_is_seen_down_is_more_than_a_guess),
        cmocka_unit_test(what_is_seen_down_does_not_explain_what_a_text_tells),
        cmocka_unit_test(what_was_down_earlier_explains_nothing_later),
        cmocka_unit_test(a_probe_of_another_component_confirms_nothing),
        cmocka_unit_test(a_probe_is_news_to_the_incidents_it_names),
        cmocka_unit_test(what_a_failure_says_becomes_cause_and_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

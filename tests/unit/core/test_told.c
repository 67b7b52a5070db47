/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* What others than the log tell of a failure: the true text, which comes a moment later. */

static const char banner[] = "2026-02-12 11:15:17,066 - __main__ - INFO - ====";
static const char full[] = "java.io.IOException: No space left on device";
static const char corrupt[] = "duplicate key value violates unique constraint";

static void tell(struct driver *driver, int64_t at_ms, const char *table, const char *text)
{
    driver_feed(driver, (struct event){ .kind = EVENT_FAILURE_TOLD,
                                        .time_ms = at_ms,
                                        .offset = -1,
                                        .table = slice_of(table),
                                        .text = slice_of(text) });
}

static void probe_down(struct driver *driver, int64_t at_ms, const char *name)
{
    driver_feed(driver, (struct event){ .kind = EVENT_PROBE_DOWN,
                                        .time_ms = at_ms,
                                        .offset = -1,
                                        .text = slice_of(name),
                                        .line = slice_of("it is down") });
}

/* A cycle at that minute of the first hour in which a, or a and b, fail, and the log has only the job's own output. */
static void failing_cycle(struct driver *driver, int64_t minute, bool both)
{
    driver_begin(driver, at(0, minute, 0));
    driver_fail_saying(driver, at(0, minute, 2), "a", 1, banner);
    if (both)
        driver_fail_saying(driver, at(0, minute, 4), "b", 1, banner);
    else
        driver_ok(driver, at(0, minute, 4), "b", 10);
    driver_end(driver, at(0, minute, 6));
}

static struct driver *started(void)
{
    struct driver *driver = driver_new();
    driver->settings.detect.lag_warning_ms = driver->settings.detect.lag_critical_ms = hours(9);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=10 b=10");
    return driver;
}

static void the_incident_begins_with_what_was_told_of_the_failure_before(void **unused)
{
    (void)unused;
    struct driver *driver = started();
    failing_cycle(driver, 15, false);
    tell(driver, at(0, 15, 7), "a", full);
    assert_quiet(driver);
    failing_cycle(driver, 30, false);
    assert_told(driver, "00:30:02 firing warning ConsecutiveFailures #1 a\n");
    assert_string_equal(driver_incident(driver, 1)->cause.id, "job-disk");
    assert_non_null(strstr(driver->story.at, "#1 evidence told of a: java.io.IOException: No space left on device\n"));
    driver_free(driver);
}

static void a_better_cause_is_an_update_of_the_same_incident(void **unused)
{
    (void)unused;
    struct driver *driver = started();
    failing_cycle(driver, 15, false);
    failing_cycle(driver, 30, false);
    assert_told(driver, "00:30:02 firing warning ConsecutiveFailures #1 a\n");
    tell(driver, at(0, 30, 7), "a", full);
    driver_tick(driver, at(0, 32, 0));
    assert_told(driver, "00:31:07 firing warning ConsecutiveFailures #1 a\n");
    assert_string_equal(driver_incident(driver, 1)->cause.id, "job-disk");
    tell(driver, at(0, 32, 1), "a", full); /* no news */
    driver_tick(driver, at(0, 40, 0));
    assert_quiet(driver);
    driver_free(driver);
}

/* What was seen down is no longer why all of its tables fail. */
static void the_true_text_takes_the_place_of_what_a_probe_explained(void **unused)
{
    (void)unused;
    struct driver *driver = started();
    failing_cycle(driver, 15, true);
    probe_down(driver, at(0, 15, 7), "clickhouse");
    driver_tick(driver, at(0, 20, 0));
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "1/2");
    driver_told(driver);
    tell(driver, at(0, 20, 1), "a", full);
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "1/2"); /* b still fails for that */
    tell(driver, at(0, 20, 2), "b", full);
    assert_string_equal(driver_incident(driver, 1)->cause.id, "job-disk");
    driver_tick(driver, at(0, 25, 0));
    assert_told(driver, "00:21:02 firing critical ConsecutiveFailures #1 a,b\n");
    assert_int_equal(driver_open_count(driver), 1);
    driver_free(driver);
}

static void two_causes_are_two_incidents(void **unused)
{
    (void)unused;
    struct driver *driver = started();
    failing_cycle(driver, 15, true);
    failing_cycle(driver, 30, true);
    tell(driver, at(0, 30, 7), "a", full);
    tell(driver, at(0, 30, 8), "b", corrupt);
    driver_tick(driver, at(0, 32, 0));
    assert_int_equal(driver_open_count(driver), 2);
    assert_string_equal(driver_incident(driver, 1)->cause.id, "job-disk");
    assert_string_equal(driver_incident(driver, 2)->cause.id, "watermark-corrupt");
    driver_free(driver);
}

static void a_text_of_an_earlier_failure_is_a_guess_only(void **unused)
{
    (void)unused;
    struct driver *driver = started();
    failing_cycle(driver, 15, false);
    tell(driver, at(0, 15, 7), "a", full);
    struct table *table = &driver->engine->tables.at[0];
    assert_string_equal(table_cause(table).id, "job-disk");
    driver_begin(driver, at(0, 30, 0));
    driver_fail_saying(driver, at(0, 30, 2), "a", 1, corrupt);
    assert_string_equal(table_cause(table).id, "watermark-corrupt");
    driver_ok(driver, at(0, 30, 4), "b", 10);
    driver_end(driver, at(0, 30, 6));
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=10 b=10");
    tell(driver, at(0, 45, 12), "a", full); /* it came too late: the table is well */
    assert_null(table->told);
    driver_free(driver);
}

static void a_told_text_outlives_a_restart(void **unused)
{
    (void)unused;
    struct driver *driver = started();
    failing_cycle(driver, 15, false);
    tell(driver, at(0, 15, 7), "a", full);
    driver_restart(driver);
    assert_string_equal(table_cause(&driver->engine->tables.at[0]).id, "job-disk");
    assert_false(driver->engine->tables.at[0].told_is_old);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_incident_begins_with_what_was_told_of_the_failure_before),
        cmocka_unit_test(a_better_cause_is_an_update_of_the_same_incident),
        cmocka_unit_test(the_true_text_takes_the_place_of_what_a_probe_explained),
        cmocka_unit_test(two_causes_are_two_incidents),
        cmocka_unit_test(a_text_of_an_earlier_failure_is_a_guess_only),
        cmocka_unit_test(a_told_text_outlives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

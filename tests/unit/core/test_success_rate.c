/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* Flapping: more than three failures of a table within a day, never in a row. */

static struct driver *driver_flapping(const int64_t *hours_of_failures, size_t count, int64_t until_hour)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t slot = 0; slot < 4 * until_hour; slot++) {
        bool fails = false;
        for (size_t i = 0; i < count; i++)
            fails = fails || slot == 4 * hours_of_failures[i];
        driver_cycle(driver, at(0, 15 * slot, 0), seconds(10), fails ? "a=fail b=100" : "a=100 b=100");
    }
    return driver;
}

static void three_failures_in_a_day_are_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_flapping((int64_t[]){ 1, 5, 9 }, 3, 30);
    assert_quiet(driver);
    driver_free(driver);
}

/* Failures at 1, 5, 9 and 13 h: the last but one is a day old at 33 h. */
static void the_fourth_is_a_warning_until_at_most_one_lies_within_a_day(void **unused)
{
    (void)unused;
    struct driver *driver = driver_flapping((int64_t[]){ 1, 5, 9, 13 }, 4, 33);
    assert_told(driver, "13:00:05 firing warning SuccessRateLow #1 a\n");
    assert_int_equal(driver_incident(driver, 1)->onset_ms, at(1, 0, 5));
    assert_string_equal(driver_incident(driver, 1)->summary, "a: 4 failures within a day, never in a row");
    driver_cycle(driver, at(33, 0, 0), seconds(2), "a=100 b=100");
    driver_tick(driver, at(33, 0, 5) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(33, 0, 5));
    assert_told(driver, "33:00:05 resolved warning SuccessRateLow #1 a\n");
    driver_free(driver);
}

static void a_failure_a_day_old_does_not_count(void **unused)
{
    (void)unused;
    struct driver *driver = driver_flapping((int64_t[]){ 1, 5, 9, 25 }, 4, 26);
    assert_quiet(driver);
    driver_free(driver);
    driver = driver_flapping((int64_t[]){ 2, 5, 9, 25 }, 4, 26);
    assert_told(driver, "25:00:05 firing warning SuccessRateLow #1 a\n");
    driver_free(driver);
}

static void another_failure_keeps_it_open(void **unused)
{
    (void)unused;
    struct driver *driver = driver_flapping((int64_t[]){ 1, 5, 9, 13, 20 }, 5, 37);
    assert_told(driver, "13:00:05 firing warning SuccessRateLow #1 a\n");
    driver_tick(driver, at(37, 0, 5)); /* 13 h + a day */
    assert_told(driver, "37:00:05 resolved warning SuccessRateLow #1 a\n");
    driver_free(driver);
}

static void the_number_that_is_configured_holds(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.detect.flapping_per_day = 1;
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    for (int64_t i = 0; i < 4; i++)
        driver_cycle(driver, at(0, 15 * i, 0), seconds(10), i % 2 ? "a=fail" : "a=100");
    assert_told(driver, "00:45:10 firing warning SuccessRateLow #1 a\n");
    driver_free(driver);
}

/* Four failures, but three of them in a row: that is the other incident's. */
static void failures_in_a_row_belong_to_their_own_incident(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=100");
    driver_cycles(driver, at(0, 30, 0), at(1, 15, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(1, 15, 0), seconds(10), "a=100");
    driver_cycle(driver, at(1, 30, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(1, 45, 0), seconds(10), "a=100");
    for (int64_t i = 1; i <= driver->incident_count; i++)
        assert_int_equal(driver_incident(driver, i)->alert, ALERT_CONSECUTIVE_FAILURES);
    assert_int_equal(driver->incident_count, 1);
    driver_free(driver);
}

static void a_burst_is_one_failure(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_begin(driver, at(0, 15, 0));
    for (int64_t i = 0; i < 5; i++) {
        driver_run(driver, at(0, 15, 2 * i), "a");
        driver_fail(driver, at(0, 15, 2 * i + 1), "a");
    }
    driver_end(driver, at(0, 15, 10));
    assert_quiet(driver);
    driver_free(driver);
}

/* Lines that the clock has ticked past already are all of one instant. */
static void a_burst_within_an_instant_is_one_failure(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_begin(driver, at(0, 15, 0));
    for (int64_t i = 0; i < 5; i++)
        driver_fail(driver, at(0, 15, 1), "a");
    driver_end(driver, at(0, 15, 10));
    assert_quiet(driver);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_failures_in_a_day_are_no_news),
        cmocka_unit_test(the_fourth_is_a_warning_until_at_most_one_lies_within_a_day),
        cmocka_unit_test(a_failure_a_day_old_does_not_count),
        cmocka_unit_test(another_failure_keeps_it_open),
        cmocka_unit_test(the_number_that_is_configured_holds),
        cmocka_unit_test(failures_in_a_row_belong_to_their_own_incident),
        cmocka_unit_test(a_burst_is_one_failure),
        cmocka_unit_test(a_burst_within_an_instant_is_one_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

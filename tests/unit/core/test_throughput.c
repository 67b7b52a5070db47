/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <stdio.h>

/* Throughput: three runs in a row with far fewer rows than usual, against the same hour and against the last day. */

static void one_run(struct driver *driver, int64_t at_ms, int64_t rows)
{
    char run[64];
    snprintf(run, sizeof run, "a=%lld", (long long)rows);
    driver_cycle(driver, at_ms, seconds(10), run);
}

/* 10,000 rows a run from then on, up to at(0, 0, 0). */
static struct driver *driver_since(int64_t from_ms)
{
    struct driver *driver = driver_new();
    driver_start(driver, from_ms);
    driver_cycles(driver, from_ms, at(0, 0, 0), seconds(10), "a=10000");
    assert_quiet(driver);
    return driver;
}

static struct driver *driver_with_days(int64_t days)
{
    return driver_since(at(-24 * days, 0, 0));
}

/* An even past: z = ln(rows / 10000) / 0.25 is -6 at 10000 / e^1.5 = 2231.3 rows. */
static void three_low_runs_are_a_warning_and_one_in_range_its_end(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    one_run(driver, at(0, 0, 0), 2231);
    one_run(driver, at(0, 15, 0), 2231);
    assert_quiet(driver);
    one_run(driver, at(0, 30, 0), 2231);
    assert_told(driver, "00:30:10 firing warning ThroughputLow #1 a\n");
    assert_int_equal(driver_incident(driver, 1)->onset_ms, at(0, 0, 10));
    one_run(driver, at(0, 45, 0), 100);
    assert_quiet(driver);
    one_run(driver, at(1, 0, 0), 9000);
    assert_told(driver, "01:00:10 resolved warning ThroughputLow #1 a\n");
    driver_free(driver);
}

static void a_fifth_of_the_usual_is_low_not_a_quarter(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    for (int64_t i = 0; i < 6; i++)
        one_run(driver, at(0, 15 * i, 0), 2232);
    assert_quiet(driver);
    driver_free(driver);
}

static void two_low_runs_twice_are_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    for (int64_t i = 0; i < 12; i++)
        one_run(driver, at(0, 15 * i, 0), i % 3 == 2 ? 10000 : 10);
    assert_quiet(driver);
    driver_free(driver);
}

/* Ten samples of the hour must be known: two a day, five days. Begun half an hour later there are nine. */
static void five_days_must_be_known(void **unused)
{
    (void)unused;
    for (int64_t late = 0; late <= 30; late += 30) {
        struct driver *driver = driver_since(at(-24 * 5, late, 0));
        for (int64_t i = 0; i < 3; i++)
            one_run(driver, at(0, 15 * i, 0), 10);
        /* The first low run is the tenth sample then, and two are too few. */
        assert_told(driver, late ? "" : "00:30:10 firing warning ThroughputLow #1 a\n");
        driver_free(driver);
    }
}

/* Quiet nights: 100 rows from 0 to 6 h, 10,000 by day. Night is no anomaly, and neither is the morning. */
static void a_night_is_no_anomaly(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t slot = 0; slot < 10 * 96; slot++)
        one_run(driver, at(0, 15 * slot, 0), slot % 96 < 24 ? 100 : 10000);
    assert_quiet(driver);
    driver_free(driver);
}

static void runs_without_rows_say_nothing(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    driver->settings.detect.stall_warning_p = 0;
    driver->settings.detect.stall_critical_p = 0;
    driver_configure(driver);
    for (int64_t i = 0; i < 6; i++)
        one_run(driver, at(0, 15 * i, 0), 0);
    assert_quiet(driver);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_low_runs_are_a_warning_and_one_in_range_its_end),
        cmocka_unit_test(a_fifth_of_the_usual_is_low_not_a_quarter),
        cmocka_unit_test(two_low_runs_twice_are_no_news),
        cmocka_unit_test(five_days_must_be_known),
        cmocka_unit_test(a_night_is_no_anomaly),
        cmocka_unit_test(runs_without_rows_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

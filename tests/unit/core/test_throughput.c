/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <stdio.h>

/* Throughput: four runs or more that move far fewer rows than the same hours of the days before. All times are hours after a Monday. */

static void one_run(struct driver *driver, int64_t at_ms, int64_t rows)
{
    char run[64];
    snprintf(run, sizeof run, "a=%lld", (long long)rows);
    driver_cycle(driver, at_ms, seconds(10), run);
}

/* So many runs of so many rows each, a quarter of an hour apart, the first one at from_ms. */
static void runs(struct driver *driver, int64_t from_ms, int64_t count, int64_t rows)
{
    for (int64_t i = 0; i < count; i++)
        one_run(driver, from_ms + minutes(15 * i), rows);
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

/*
 * Five days of the week are known, so a quarter becomes 1 / (4 (1 + 2/5)) = 1 / 5.6, and four runs of the usual 40,000 rows are low below
 * 7,142.9. They are back at 20,000.
 */
static void four_low_runs_are_a_warning_and_half_the_usual_its_end(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    runs(driver, at(0, 0, 0), 3, 1785);
    assert_quiet(driver);
    one_run(driver, at(0, 45, 0), 1785);
    assert_told(driver, "00:45:10 firing warning ThroughputLow #1 a\n");
    assert_int_equal(driver_incident(driver, 1)->onset_ms, at(0, 0, 10));
    assert_non_null(strstr(driver->story.at,
                           "4 runs with rows moved 7140; the same hours of 5 days: median 40000, lowest "
                           "40000, limit 7143"));
    one_run(driver, at(1, 0, 0), 8000);
    assert_quiet(driver);
    one_run(driver, at(1, 15, 0), 8429);
    assert_quiet(driver);
    one_run(driver, at(1, 30, 0), 8000);
    assert_told(driver, "01:30:10 resolved warning ThroughputLow #1 a\n");
    driver_free(driver);
}

/* Eight runs are low below 80,000 / (3 x 1.4) = 19,047.6, twelve below 28,571.4. */
static void a_fifth_takes_longer_and_a_quarter_is_not_low(void **unused)
{
    (void)unused;
    static const struct {
        int64_t rows;
        const char *told;
    } cases[] = {
        { 1786, "01:45:10 firing warning ThroughputLow #1 a\n" },
        { 2380, "01:45:10 firing warning ThroughputLow #1 a\n" },
        { 2381, "" },
        { 2500, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct driver *driver = driver_with_days(7);
        runs(driver, at(0, 0, 0), 16, cases[i].rows);
        assert_told(driver, cases[i].told);
        driver_free(driver);
    }
}

/* Three weeks are known: a quarter becomes 1 / (4 (1 + 2/15)), and a third 1 / 3.4. */
static void a_fifth_is_told_in_an_hour_where_weeks_are_known(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(21);
    runs(driver, at(0, 0, 0), 4, 2000);
    assert_told(driver, "00:45:10 firing warning ThroughputLow #1 a\n");
    driver_free(driver);
}

static void low_runs_between_others_are_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    for (int64_t i = 0; i < 16; i++)
        one_run(driver, at(0, 15 * i, 0), i % 3 == 2 ? 10000 : 10);
    assert_quiet(driver);
    driver_free(driver);
}

/* Cycles that the scheduler's death cut off moved most of the rows, and nobody learnt how many. */
static void a_crash_loop_is_no_low_volume(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    for (int64_t i = 0; i < 8; i++) {
        driver_start(driver, at(0, 15 * i, 0));
        one_run(driver, at(0, 15 * i, 0), 300);
    }
    assert_null(strstr(driver_told(driver), "ThroughputLow"));
    driver_free(driver);
}

static void four_days_must_be_known(void **unused)
{
    (void)unused;
    for (int64_t days = 3; days <= 4; days++) {
        struct driver *driver = driver_with_days(days);
        runs(driver, at(0, 0, 0), 4, 10);
        assert_told(driver, days == 4 ? "00:45:10 firing warning ThroughputLow #1 a\n" : "");
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

/* Four weeks with weekends of 2,000 rows a run, then a Wednesday. */
static struct driver *driver_with_quiet_weekends(void)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t slot = 0; slot < 30 * 96 + 24; slot++)
        one_run(driver, at(0, 15 * slot, 0), slot / 96 % 7 >= 5 ? 2000 : 10000);
    assert_quiet(driver);
    return driver;
}

static void a_weekday_is_held_against_weekdays(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_quiet_weekends();
    runs(driver, at(30 * 24 + 6, 0, 0), 4, 1900);
    assert_told(driver, "726:45:10 firing warning ThroughputLow #1 a\n");
    driver_free(driver);
}

/* On the Wednesday of the fifth week the market is as on a Sunday. */
static void a_holiday_like_a_sunday_is_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_quiet_weekends();
    runs(driver, at(30 * 24 + 6, 0, 0), 90, 2000);
    assert_quiet(driver);
    driver_free(driver);
}

/* The market opens at 8 h; one day at 9 h, which is low by the hour before the opening, too: 100 rows. */
static void an_opening_an_hour_late_is_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t slot = 0; slot < 15 * 96; slot++)
        one_run(driver, at(0, 15 * slot, 0), slot % 96 < (slot < 14 * 96 ? 32 : 36) ? 100 : 10000);
    assert_quiet(driver);
    driver_free(driver);
}

/* The lowest days are 0.4 of the median, so that only 0.064 of it is low: 640 of 10,000 rows. */
static void where_days_differ_more_is_asked(void **unused)
{
    (void)unused;
    static const int64_t day_rows[] = { 4000, 10000, 40000, 80000, 10000, 10000, 10000 };
    for (int64_t rows = 630; rows <= 650; rows += 20) {
        struct driver *driver = driver_new();
        driver_start(driver, at(-28 * 24, 0, 0));
        for (int64_t slot = 0; slot < 28 * 96 + 24; slot++)
            one_run(driver, at(-28 * 24, 15 * slot, 0), slot < 28 * 96 ? day_rows[slot / 96 % 7] : 10000);
        driver_told(driver);
        runs(driver, at(6, 0, 0), 4, rows);
        assert_told(driver, rows == 630 ? "06:45:10 firing warning ThroughputLow #1 a\n" : "");
        driver_free(driver);
    }
}

/* Every second run moves nine times the rows of the others: four runs of a tenth of the mean may be chance. */
static void where_runs_scatter_more_is_asked(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(-21 * 24, 0, 0));
    for (int64_t slot = 0; slot < 21 * 96; slot++)
        one_run(driver, at(-21 * 24, 15 * slot, 0), slot % 2 ? 2000 : 18000);
    runs(driver, at(0, 0, 0), 4, 1000);
    assert_quiet(driver);
    driver_free(driver);
}

/* 20 rows an hour: four may be an accident of counting, and a dozen in two hours are none any more. */
static void small_counts_take_longer(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(-21 * 24, 0, 0));
    driver_cycles(driver, at(-21 * 24, 0, 0), at(0, 0, 0), seconds(10), "a=5");
    runs(driver, at(0, 0, 0), 12, 1);
    assert_told(driver, "01:30:10 firing warning ThroughputLow #1 a\n");
    driver_free(driver);
}

/* One run an hour, then four: each moves a quarter of what it did. */
static void another_cadence_is_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(-14 * 24, 0, 0));
    driver_feed(driver,
                (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at(-14 * 24, 0, 0), .duration_ms = hours(1) });
    for (int64_t hour = -14 * 24; hour < 0; hour++)
        one_run(driver, at(hour, 0, 0), 40000);
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at(0, -1, 0), .duration_ms = minutes(15) });
    one_run(driver, at(0, 0, 0), 9000);
    driver_told(driver); /* the lag that the new cadence makes of the last hour */
    runs(driver, at(0, 15, 0), 24, 9000);
    assert_quiet(driver);
    driver_free(driver);
}

/* Fifteen weekdays are known, of which the second lowest is the measure: two low mornings are told, the third is a habit. */
static void what_recurs_on_the_third_day_is_known(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(21);
    for (int64_t day = 0; day < 3; day++) {
        runs(driver, at(24 * day, 0, 0), 24, 10000);
        runs(driver, at(24 * day + 6, 0, 0), 8, 1000);
        runs(driver, at(24 * day + 8, 0, 0), 64, 10000);
        const char *told = driver_told(driver);
        assert_int_equal(strstr(told, "firing warning ThroughputLow") != NULL, day < 2);
    }
    driver_free(driver);
}

/* The hours of an incident are no measure while it is open: after 23 hours at a tenth it still is. */
static void low_runs_are_no_measure_for_a_day(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    runs(driver, at(0, 0, 0), 92, 1000);
    assert_told(driver, "00:45:10 firing warning ThroughputLow #1 a\n");
    driver_free(driver);
}

static void the_first_weekend_may_be_quiet(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t slot = 0; slot < 14 * 96; slot++)
        one_run(driver, at(0, 15 * slot, 0), slot / 96 % 7 >= 5 ? 100 : 10000);
    assert_quiet(driver);
    driver_free(driver);
}

/* A tenth for good: the incident ends after a day, and four days later the tenth of that is news. */
static void a_new_level_is_normal_after_a_day(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(14);
    runs(driver, at(0, 0, 0), 97, 1000);
    assert_told(driver, "00:45:10 firing warning ThroughputLow #1 a\n");
    one_run(driver, at(24, 15, 0), 1000);
    assert_told(driver, "24:15:10 resolved warning ThroughputLow #1 a\n");
    runs(driver, at(24, 30, 0), 5 * 96, 1000);
    assert_quiet(driver);
    runs(driver, at(6 * 24, 30, 0), 8, 100);
    assert_told(driver, "145:15:10 firing warning ThroughputLow #2 a\n");
    driver_free(driver);
}

/* A table that failed for a day in the meantime has no new level: what is usual is still known. */
static void an_outage_makes_no_new_level(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(14);
    runs(driver, at(0, 0, 0), 6, 1000);
    assert_told(driver, "00:45:10 firing warning ThroughputLow #1 a\n");
    driver_cycles(driver, at(1, 30, 0), at(30, 0, 0), seconds(10), "a=fail");
    runs(driver, at(30, 0, 0), 3, 10000);
    driver_told(driver);
    driver_restart(driver);
    one_run(driver, at(30, 45, 0), 10000);
    assert_told(driver, "30:45:10 resolved warning ThroughputLow #1 a\n");
    runs(driver, at(31, 0, 0), 4, 1000);
    assert_told(driver, "31:45:10 firing warning ThroughputLow #3 a\n");
    driver_free(driver);
}

static void runs_without_rows_say_nothing(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    driver->settings.detect.stall_warning_p = 0;
    driver->settings.detect.stall_critical_p = 0;
    driver_configure(driver);
    runs(driver, at(0, 0, 0), 6, 0);
    one_run(driver, at(1, 30, 0), 10000);
    assert_quiet(driver);
    driver_free(driver);
}

/* Two of three runs move nothing, as the stall's rule says: the volume of such a table says nothing either. */
static void a_table_of_mostly_zeros_is_not_judged(void **unused)
{
    (void)unused;
    for (int64_t zeros = 1; zeros <= 2; zeros++) {
        struct driver *driver = driver_new();
        driver_start(driver, at(-14 * 24, 0, 0));
        for (int64_t slot = 0; slot < 14 * 96 + 24; slot++)
            one_run(driver, at(-14 * 24, 15 * slot, 0), slot % 3 < zeros ? 0 : slot < 14 * 96 ? 10000 : 10);
        assert_string_equal(driver_told(driver), zeros == 2 ? "" : "01:15:10 firing warning ThroughputLow #1 a\n");
        driver_free(driver);
    }
}

static void what_is_known_is_saved(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_days(7);
    driver_restart(driver);
    runs(driver, at(0, 0, 0), 2, 1000);
    driver_restart(driver);
    runs(driver, at(0, 30, 0), 2, 1000);
    assert_told(driver, "00:45:10 firing warning ThroughputLow #1 a\n");
    driver_restart(driver);
    runs(driver, at(1, 0, 0), 2, 10000);
    assert_told(driver, "01:15:10 resolved warning ThroughputLow #1 a\n");
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_low_runs_are_a_warning_and_half_the_usual_its_end),
        cmocka_unit_test(a_fifth_takes_longer_and_a_quarter_is_not_low),
        cmocka_unit_test(a_fifth_is_told_in_an_hour_where_weeks_are_known),
        cmocka_unit_test(low_runs_between_others_are_no_news),
        cmocka_unit_test(a_crash_loop_is_no_low_volume),
        cmocka_unit_test(four_days_must_be_known),
        cmocka_unit_test(a_night_is_no_anomaly),
        cmocka_unit_test(a_weekday_is_held_against_weekdays),
        cmocka_unit_test(a_holiday_like_a_sunday_is_no_news),
        cmocka_unit_test(an_opening_an_hour_late_is_no_news),
        cmocka_unit_test(where_days_differ_more_is_asked),
        cmocka_unit_test(where_runs_scatter_more_is_asked),
        cmocka_unit_test(small_counts_take_longer),
        cmocka_unit_test(another_cadence_is_no_news),
        cmocka_unit_test(what_recurs_on_the_third_day_is_known),
        cmocka_unit_test(low_runs_are_no_measure_for_a_day),
        cmocka_unit_test(the_first_weekend_may_be_quiet),
        cmocka_unit_test(a_new_level_is_normal_after_a_day),
        cmocka_unit_test(an_outage_makes_no_new_level),
        cmocka_unit_test(runs_without_rows_say_nothing),
        cmocka_unit_test(a_table_of_mostly_zeros_is_not_judged),
        cmocka_unit_test(what_is_known_is_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

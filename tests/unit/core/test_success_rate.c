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
    assert_string_equal(driver_incident(driver, 1)->summary,
                        "a fails again and again since 01:00, 4 in a day, never two in a row");
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

static void the_chance_is_the_beta_binomial_one(void **unused)
{
    (void)unused;
    static const struct {
        int64_t failures, runs, past_failures, past_runs;
        double chance;
    } cases[] = {
        { 0, 5, 0, 0, 1 },
        { 1, 1, 0, 0, 0.5 },
        { 2, 2, 0, 0, 0.375 },
        { 1, 2, 4, 10, 1 - 6.5 / 11 * 7.5 / 12 },
        { 4, 96, 1000, 100000, 0.016137 }, /* nearly binomial: 0.016057 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double chance =
            success_rate_chance(cases[i].failures, cases[i].runs, cases[i].past_failures, cases[i].past_runs);
        assert_in_range((int64_t)(1e6 * chance + 0.5), (int64_t)(1e6 * cases[i].chance + 0.5) - 1,
                        (int64_t)(1e6 * cases[i].chance + 0.5) + 1);
    }
    assert_true(success_rate_chance(4, INT64_MAX, 0, 1000) <= 1);
}

/* Against the past's law: 2 of 2 with nothing before are 2/10 * 3/11 beside 1/2 * 3/4; a past below 1 % counts as 1 %. */
static void the_factor_compares_a_rate_near_a_fifth_with_the_past(void **unused)
{
    (void)unused;
    static const struct {
        int64_t failures, runs, past_failures, past_runs;
        double factor;
    } cases[] = {
        { 2, 2, 0, 0, (2.0 / 10 * 3 / 11) / (0.5 * 0.75) },
        { 1, 3, 9, 99, (2.0 / 10 * 8 / 11 * 9 / 12) / (9.5 / 100 * 90.5 / 101 * 91.5 / 102) },
        { 1, 1, 0, 99, (2.0 / 10) / 0.01 },
        { 1, 1, 5, 999, (2.0 / 10) / 0.01 },
        { 0, 1, 99, 199, 8.0 / 10 / 0.5025 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double factor =
            success_rate_factor(cases[i].failures, cases[i].runs, cases[i].past_failures, cases[i].past_runs);
        assert_in_range((int64_t)(1e6 * factor), (int64_t)(1e6 * cases[i].factor * 0.99999),
                        (int64_t)(1e6 * cases[i].factor * 1.00001));
    }
    assert_true(success_rate_factor(0, INT64_MAX, 0, 1000) >= 0);
}

/* A table with a history: one failure every `every` runs for ten days, none if that is 0. Then it fails at each of the slots given. */
static struct driver *driver_with_history(int64_t every, const int64_t *slots, size_t count)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t slot = 0; slot < 960; slot++)
        driver_cycle(driver, at(0, 15 * slot, 0), seconds(10), every && slot % every == every / 2 ? "a=fail" : "a=100");
    for (int64_t slot = 0; slot < 96; slot++) {
        bool fails = false;
        for (size_t i = 0; i < count; i++)
            fails = fails || slot == slots[i];
        driver_cycle(driver, at(240, 15 * slot, 0), seconds(10), fails ? "a=fail" : "a=100");
        if (slot == 40)
            driver_restart(driver);
    }
    return driver;
}

/* Four failures a day are nothing new where one run in 40 fails, and news where none failed for ten days. */
static void what_is_usual_for_a_table_is_no_news(void **unused)
{
    (void)unused;
    static const int64_t slots[] = { 5, 30, 55, 80 };
    struct driver *driver = driver_with_history(40, slots, 4);
    assert_quiet(driver);
    driver_free(driver);
    driver = driver_with_history(0, slots, 4);
    assert_told(driver, "260:00:10 firing warning SuccessRateLow #1 a\n");
    assert_string_equal(driver->last_summary,
                        "a fails again and again since 01:15 (18 h 45 min), 4 in a day, never two in a row");
    driver_free(driver);
}

/* A rate that rises from 1 % shows after a few hours, with a failure of the hours before, and a restart forgets nothing. */
static void a_sudden_change_is_told_within_hours(void **unused)
{
    (void)unused;
    static const int64_t slots[] = { 3, 8, 14, 20 };
    struct driver *driver = driver_with_history(100, slots, 4);
    assert_told(driver, "243:30:10 firing warning SuccessRateLow #1 a\n");
    assert_non_null(strstr(driver->story.at, "#1 rule failures within a day: 4; detect.flapping_per_day is 3; before, "
                                             "9 of 879 runs failed; the chance of so many "
                                             "in 25 runs is"));
    driver_free(driver);
}

/* Two failures, with one of the hours before, are news where one in a hundred was usual; three are none where one in twenty was. */
static void three_failures_within_hours_are_told_where_they_are_new(void **unused)
{
    (void)unused;
    static const int64_t slots[] = { 3, 6, 9 };
    struct driver *driver = driver_with_history(100, slots, 3);
    assert_told(driver,
                "241:30:10 firing warning SuccessRateLow #1 a\n261:30:10 resolved warning SuccessRateLow #1 a\n");
    assert_non_null(strstr(driver->story.at, "a rate near 20 % explains them "));
    assert_false(driver_incident(driver, 1)->open);
    assert_in_range(driver_incident(driver, 1)->resolved_ms, at(240 + 12, 0, 0), at(240 + 24 + 3, 0, 0));
    driver_free(driver);
    driver = driver_with_history(20, slots, 3); /* the first failures are judged by their number alone */
    assert_told(driver, "17:30:10 firing warning SuccessRateLow #1 a\n73:45:10 resolved warning SuccessRateLow #1 a\n");
    driver_free(driver);
}

/* Who allows ten failures a day is not told of three within hours. */
static void as_many_as_are_configured_must_come_first(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.detect.flapping_per_day = 5;
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    for (int64_t slot = 0; slot < 960; slot++)
        driver_cycle(driver, at(0, 15 * slot, 0), seconds(10), "a=100");
    for (int64_t slot = 0; slot < 8; slot++)
        driver_cycle(driver, at(240, 15 * slot, 0), seconds(10), slot % 2 ? "a=fail" : "a=100");
    assert_quiet(driver);
    driver_cycles(driver, at(242, 0, 0), at(242, 15, 0), seconds(10), "a=100");
    driver_cycles(driver, at(242, 15, 0), at(242, 30, 0), seconds(10), "a=fail");
    assert_told(driver, "242:15:10 firing warning SuccessRateLow #1 a\n");
    driver_free(driver);
}

/* One run in five failed for ten days: three failures in a day are far fewer, and no news. */
static void fewer_failures_than_before_are_no_news(void **unused)
{
    (void)unused;
    static const int64_t slots[] = { 3, 50, 93 };
    struct driver *driver = driver_with_history(5, slots, 3);
    driver_told(driver);
    assert_int_equal(driver->incident_count, 1); /* of the first days, which have no past */
    assert_false(driver_incident(driver, 1)->open);
    assert_true(driver_incident(driver, 1)->resolved_ms < at(240, 0, 0));
    driver_free(driver);
}

/* At an interval of 30 s three failures in a day are one in a thousand runs. */
static void one_failure_in_a_thousand_runs_is_no_news(void **unused)
{
    (void)unused;
    enum { DAY_RUNS = 2880 };
    struct driver *driver = driver_new();
    driver->settings.schedule.interval_ms = seconds(30);
    driver_configure(driver);
    for (int64_t run = 0; run < 6 * DAY_RUNS; run++)
        driver_cycle(driver, seconds(30 * run), seconds(10),
                     run > 4 * DAY_RUNS && run % 1400 == 0 ? "a=fail" : "a=100");
    assert_quiet(driver);
    driver_free(driver);
}

static void the_same_failures_spread_over_a_day_are_no_news(void **unused)
{
    (void)unused;
    static const int64_t slots[] = { 3, 30, 60, 90 };
    struct driver *driver = driver_with_history(100, slots, 4);
    assert_quiet(driver);
    driver_free(driver);
}

/* A table that fails in every tenth run from some day on: the warning ends when that is what it does. */
static void what_is_new_for_good_becomes_usual(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_history(0, NULL, 0);
    for (int64_t slot = 0; slot < 96 * 21; slot++)
        driver_cycle(driver, at(264, 15 * slot, 0), seconds(10), slot % 10 == 5 ? "a=fail" : "a=100");
    assert_int_equal(driver->incident_count, 1);
    assert_false(driver_incident(driver, 1)->open);
    assert_in_range(driver_incident(driver, 1)->resolved_ms - driver_incident(driver, 1)->opened_ms, hours(24),
                    hours(24 * 20));
    driver_free(driver);
}

/* Failures in a row are told as such: they do not make later single ones usual. */
static void failures_in_a_row_are_not_learnt(void **unused)
{
    (void)unused;
    static const int64_t slots[] = { 5, 30, 55, 80 };
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t slot = 0; slot < 960; slot++)
        driver_cycle(driver, at(0, 15 * slot, 0), seconds(10), slot % 200 > 190 ? "a=fail" : "a=100");
    driver_told(driver);
    for (int64_t slot = 0; slot < 96; slot++)
        driver_cycle(driver, at(240, 15 * slot, 0), seconds(10),
                     slot == slots[0] || slot == slots[1] || slot == slots[2] || slot == slots[3] ? "a=fail" : "a=100");
    assert_told(driver, "260:00:10 firing warning SuccessRateLow #5 a\n");
    driver_free(driver);
}

/* At an interval of a minute a day has 1440 runs. What is learnt still spans more than that day. */
static void a_short_interval_is_judged_by_the_past_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.schedule.interval_ms = minutes(1);
    driver_configure(driver);
    for (int64_t run = 0; run < 30 * 60; run++)
        driver_cycle(driver, at(0, run, 0), seconds(10), run % 100 == 99 ? "a=fail" : "a=100");
    assert_told(driver, "06:39:10 firing warning SuccessRateLow #1 a\n27:19:10 resolved warning SuccessRateLow #1 a\n");
    for (int64_t run = 30 * 60; run < 4 * 24 * 60; run++)
        driver_cycle(driver, at(0, run, 0), seconds(10), run % 100 == 99 ? "a=fail" : "a=100");
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
        cmocka_unit_test(the_chance_is_the_beta_binomial_one),
        cmocka_unit_test(the_factor_compares_a_rate_near_a_fifth_with_the_past),
        cmocka_unit_test(three_failures_within_hours_are_told_where_they_are_new),
        cmocka_unit_test(as_many_as_are_configured_must_come_first),
        cmocka_unit_test(what_is_usual_for_a_table_is_no_news),
        cmocka_unit_test(a_sudden_change_is_told_within_hours),
        cmocka_unit_test(fewer_failures_than_before_are_no_news),
        cmocka_unit_test(one_failure_in_a_thousand_runs_is_no_news),
        cmocka_unit_test(the_same_failures_spread_over_a_day_are_no_news),
        cmocka_unit_test(what_is_new_for_good_becomes_usual),
        cmocka_unit_test(failures_in_a_row_are_not_learnt),
        cmocka_unit_test(a_short_interval_is_judged_by_the_past_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

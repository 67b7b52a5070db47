/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* Slow cycles: elapsed and final time against fixed thresholds, unusual twice in a row, rising. */

/* count cycles of about duration_ms, one an interval, up to at(0, 0, 0). */
static struct driver *driver_with_past(int64_t count, int64_t duration_ms)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0) - count * minutes(15));
    driver_cycles(driver, at(0, 0, 0) - count * minutes(15), at(0, 0, 0), duration_ms, "a=100 b=100");
    assert_quiet(driver);
    return driver;
}

static void elapsed(int64_t run_ms, const char *told)
{
    struct driver *driver = driver_with_past(1, seconds(10));
    driver_begin(driver, at(0, 0, 0));
    driver_run(driver, at(0, 0, 0), "a");
    driver_tick(driver, at(0, 0, 0) + run_ms);
    assert_told(driver, told);
    driver_free(driver);
}

static void a_running_cycle_is_slow_as_it_crosses_the_thresholds(void **unused)
{
    (void)unused;
    elapsed(seconds(300) - 1, "");
    elapsed(seconds(300), "00:05:00 firing warning CycleSlow #1\n");
    elapsed(seconds(600) - 1, "00:05:00 firing warning CycleSlow #1\n");
    elapsed(seconds(600), "00:05:00 firing warning CycleSlow #1\n00:10:00 firing critical CycleTooSlow #1\n");
}

static void final(int64_t duration_ms, const char *told)
{
    struct driver *driver = driver_with_past(1, seconds(10));
    driver_cycle(driver, at(0, 0, 0), duration_ms, "a=100 b=100");
    assert_told(driver, told);
    driver_free(driver);
}

static void a_cycle_of_exactly_the_threshold_is_not_slow(void **unused)
{
    (void)unused;
    final(seconds(300), "");
    final(seconds(300) + 1, "00:05:00 firing warning CycleSlow #1\n");
    final(seconds(600), "00:05:00 firing warning CycleSlow #1\n");
    final(seconds(600) + 1, "00:05:00 firing warning CycleSlow #1\n00:10:00 firing critical CycleTooSlow #1\n");
}

static void the_next_cycle_that_is_not_slow_resolves(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_past(1, seconds(10));
    driver_cycle(driver, at(0, 0, 0), seconds(601), "a=100 b=100");
    driver_told(driver);
    driver_cycle(driver, at(0, 15, 0), seconds(400), "a=100 b=100");
    assert_quiet(driver);
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=100 b=100");
    assert_told(driver, "00:30:10 resolved critical CycleTooSlow #1\n");
    assert_int_equal(driver_incident(driver, 1)->onset_ms, at(0, 0, 0));
    driver_free(driver);
}

static void two_cycles(int64_t past_count, int64_t past_ms, int64_t first_ms, int64_t second_ms, const char *told)
{
    struct driver *driver = driver_with_past(past_count, past_ms);
    driver_cycle(driver, at(0, 0, 0), first_ms, "a=100 b=100");
    driver_cycle(driver, at(0, 15, 0), second_ms, "a=100 b=100");
    assert_told(driver, told);
    driver_free(driver);
}

static void two_unusual_cycles_in_a_row_are_news(void **unused)
{
    (void)unused;
    two_cycles(100, seconds(10), seconds(61), seconds(61), "00:16:01 firing warning CycleSlow #1\n");
    two_cycles(100, seconds(10), seconds(61), seconds(10), "");
    two_cycles(100, seconds(10), seconds(10), seconds(61), "");
}

/* Of a cycle in the first hours it cannot be known whether it comes each night. Half hours are counted. */
static void a_day_must_be_known(void **unused)
{
    (void)unused;
    two_cycles(94, seconds(10), seconds(61), seconds(61), "");
    two_cycles(96, seconds(10), seconds(61), seconds(61), "00:16:01 firing warning CycleSlow #1\n");
}

/* So many cycles of 10 s every two hours, then three of 61 s. */
static void three_after(int64_t count, const char *told)
{
    struct driver *driver = driver_new();
    driver->settings.schedule.interval_ms = hours(2);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0) - count * hours(2));
    driver_cycles(driver, at(0, 0, 0) - count * hours(2), at(0, 0, 0), seconds(10), "a=100 b=100");
    driver_cycles(driver, at(0, 0, 0), at(6, 0, 0), seconds(61), "a=100 b=100");
    assert_told(driver, told);
    driver_free(driver);
}

/* With 19 the first one is unjudged, hence good, and the 20th sample: the second and third are unusual. */
static void twenty_good_cycles_must_be_known(void **unused)
{
    (void)unused;
    three_after(18, "");
    three_after(19, "04:01:01 firing warning CycleSlow #1\n");
    three_after(20, "02:01:01 firing warning CycleSlow #1\n03:01:01 escalated warning CycleSlow #1\n");
}

static void a_minute_is_never_unusual(void **unused)
{
    (void)unused;
    two_cycles(100, seconds(10), seconds(60), seconds(60), "");
    two_cycles(100, seconds(10), seconds(60) + 1, seconds(60) + 1, "00:16:00.001 firing warning CycleSlow #1\n");
}

static void three_cycles(int64_t past_ms, int64_t duration_ms, const char *told)
{
    struct driver *driver = driver_with_past(100, past_ms);
    driver_cycles(driver, at(0, 0, 0), at(0, 45, 0), duration_ms, "a=100 b=100");
    assert_told(driver, told);
    driver_free(driver);
}

/* ln 1.5 / 0.05 is a score of 8.1: the factor of 1.5 decides. */
static void half_as_long_again_as_the_median_is_not_unusual(void **unused)
{
    (void)unused;
    three_cycles(seconds(43), seconds(64) + 500, "");
    three_cycles(seconds(43), seconds(64) + 501, "00:31:04.501 firing warning CycleSlow #1\n");
}

/* Two in a row are news where nothing was ever as long as two fifths of that; otherwise it must last for 25 minutes. */
static void what_is_not_unheard_of_must_last(void **unused)
{
    (void)unused;
    three_cycles(seconds(40), seconds(120), "00:17:00 firing warning CycleSlow #1\n");
    struct driver *driver = driver_with_past(60, seconds(40));
    driver_cycle(driver, at(0, 0, 0), seconds(60), "a=100 b=100");
    driver_cycles(driver, at(0, 15, 0), at(10, 0, 0), seconds(40), "a=100 b=100");
    driver_cycle(driver, at(10, 0, 0), seconds(120), "a=100 b=100");
    driver_cycle(driver, at(10, 15, 0), seconds(120), "a=100 b=100");
    assert_quiet(driver);
    driver_cycle(driver, at(10, 30, 0), seconds(120), "a=100 b=100");
    assert_told(driver, "10:32:00 firing warning CycleSlow #1\n");
    driver_free(driver);
}

/*
 * Durations of 20 and 60 s in turn: median of ln = (ln 20 + ln 60) / 2, MAD = ln 3 / 2, scaled .81441. A configured score of 2 asks
 * 2 / sqrt 3 of each cycle of a run, which is at sqrt(1200) e^(1.1547 x .81441) = 88.7 s.
 */
static void the_spread_of_the_past_decides(void **unused)
{
    (void)unused;
    for (int64_t s = 88; s <= 89; s++) {
        struct driver *driver = driver_new();
        driver->settings.detect.slow_z = 2;
        driver_configure(driver);
        driver_start(driver, at(0, 0, 0));
        for (int64_t i = 0; i < 96; i++)
            driver_cycle(driver, at(0, 15 * i, 0), seconds(i % 2 ? 20 : 60), "a=100 b=100");
        driver_cycles(driver, at(24, 0, 0), at(24, 45, 0), seconds(s), "a=100 b=100");
        assert_told(driver, s == 88 ? "" : "24:31:29 firing warning CycleSlow #1\n");
        driver_free(driver);
    }
}

static void an_unusual_cycle_keeps_the_incident_open(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_past(100, seconds(10));
    driver_cycle(driver, at(0, 0, 0), seconds(301), "a=100 b=100");
    driver_told(driver);
    driver_cycle(driver, at(0, 15, 0), seconds(100), "a=100 b=100");
    assert_quiet(driver);
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=100 b=100");
    assert_told(driver, "00:30:10 resolved warning CycleSlow #1\n");
    driver_free(driver);
}

/*
 * Four days of 20 and 40 s in turn, so spread that no cycle is unusual; then each cycle takes factor times as long as the one
 * before, from 40 s on.
 */
static struct driver *driver_drifting(int64_t count, double factor)
{
    struct driver *driver = driver_new();
    double duration_ms = 40000;
    driver_start(driver, at(0, 0, 0));
    for (int64_t i = 0; i < 4 * 96; i++)
        driver_cycle(driver, at(0, 15 * i, 0), seconds(i % 2 ? 20 : 40), "a=100 b=100");
    for (int64_t i = 0; i < count; i++, duration_ms *= factor)
        driver_cycle(driver, at(96, 15 * i, 0), (int64_t)duration_ms, "a=100 b=100");
    return driver;
}

/* 40 s x 1.07^n: beyond 60 s at the 6th, 300 s at the 30th, seven and a half hours on. */
static void rising_cycles_are_news_hours_before_they_are_slow(void **unused)
{
    (void)unused;
    struct driver *driver = driver_drifting(31, 1.07);
    assert_int_equal(driver_incident(driver, 1)->alert, ALERT_CYCLE_SLOW);
    assert_in_range(driver_incident(driver, 1)->opened_ms, at(97, 30, 0), at(101, 0, 0));
    assert_non_null(strstr(driver->story.at, "cycles grow slower since "));
    driver_free(driver);
}

/* The same trend, but slower: 40 s x 1.02^40 is 88 s, which is beyond every other part, and another 4 hours make it 121 s. */
static void a_gentle_rise_is_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_drifting(40, 1.02);
    assert_quiet(driver);
    driver_free(driver);
}

/* Rising from 2 to 59 s within 8 hours: never beyond the floor. */
static void a_rise_below_a_minute_is_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    double duration_ms = 2000;
    driver_start(driver, at(0, 0, 0));
    for (int64_t i = 0; i < 32; i++, duration_ms *= 1.11)
        driver_cycle(driver, at(0, 15 * i, 0), (int64_t)duration_ms, "a=100 b=100");
    assert_true(duration_ms < 60000);
    assert_quiet(driver);
    driver_free(driver);
}

static void a_hiccup_does_not_rise(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_past(40, seconds(30));
    driver_cycle(driver, at(0, 0, 0), seconds(200), "a=100 b=100");
    driver_cycles(driver, at(0, 15, 0), at(10, 0, 0), seconds(30), "a=100 b=100");
    assert_quiet(driver);
    driver_free(driver);
}

static void a_failed_cycle_teaches_nothing(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_past(0, 0);
    for (int64_t i = 0; i < 20; i++)
        driver_cycle(driver, at(0, 15 * i, 0), seconds(10), i % 2 ? "a=100 b=fail" : "a=100 b=100");
    driver_told(driver);
    driver_cycle(driver, at(5, 0, 0), seconds(61), "a=100 b=100");
    driver_cycle(driver, at(5, 15, 0), seconds(61), "a=100 b=100");
    driver_cycle(driver, at(5, 30, 0), seconds(61), "a=100 b=100");
    for (int64_t i = 1; i <= driver->incident_count; i++)
        assert_int_not_equal(driver_incident(driver, i)->alert, ALERT_CYCLE_SLOW);
    driver_free(driver);
}

/* Twenty good cycles, a takes 5 s and b 5 s; then one of them takes long. */
static void the_cause_names_the_table_or_the_machine(void **unused)
{
    (void)unused;
    static const struct {
        int64_t a_ms, b_ms, a_rows;
        const char *scenario, *words;
    } cases[] = {
        { 250000, 100000, 1000, "3/2", "2 of 2 tables are slow" },
        { 301000, 5000, 1000, "3", "one table is slow: a" },
        { 301000, 5000, 60000, "3/1", "volume spike: a moved 60000 rows, 60 times the usual" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct driver *driver = driver_new();
        driver_start(driver, at(0, 0, 0));
        driver_cycles(driver, at(0, 0, 0), at(5, 0, 0), seconds(10), "a=1000 b=1000");
        driver->settings.detect.cycle_slow_ms = seconds(305); /* so that it is judged at its end */
        driver_configure(driver);
        driver_begin(driver, at(5, 0, 0));
        driver_run(driver, at(5, 0, 0), "a");
        driver_ok(driver, at(5, 0, 0) + cases[i].a_ms, "a", cases[i].a_rows);
        driver_run(driver, at(5, 0, 0) + cases[i].a_ms, "b");
        driver_ok(driver, at(5, 0, 0) + cases[i].a_ms + cases[i].b_ms, "b", 1000);
        driver_end(driver, at(5, 0, 0) + cases[i].a_ms + cases[i].b_ms);
        assert_string_equal(driver_incident(driver, 1)->cause.scenario, cases[i].scenario);
        if (!driver_incident(driver, 1)->cause.words ||
            !strstr(driver_incident(driver, 1)->cause.words, cases[i].words))
            fail_msg("%s: not in: %s", cases[i].words, driver_incident(driver, 1)->cause.words);
        driver_free(driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_cycle_is_slow_as_it_crosses_the_thresholds),
        cmocka_unit_test(a_cycle_of_exactly_the_threshold_is_not_slow),
        cmocka_unit_test(the_next_cycle_that_is_not_slow_resolves),
        cmocka_unit_test(two_unusual_cycles_in_a_row_are_news),
        cmocka_unit_test(a_day_must_be_known),
        cmocka_unit_test(twenty_good_cycles_must_be_known),
        cmocka_unit_test(a_minute_is_never_unusual),
        cmocka_unit_test(half_as_long_again_as_the_median_is_not_unusual),
        cmocka_unit_test(what_is_not_unheard_of_must_last),
        cmocka_unit_test(the_spread_of_the_past_decides),
        cmocka_unit_test(an_unusual_cycle_keeps_the_incident_open),
        cmocka_unit_test(rising_cycles_are_news_hours_before_they_are_slow),
        cmocka_unit_test(a_gentle_rise_is_no_news),
        cmocka_unit_test(a_rise_below_a_minute_is_no_news),
        cmocka_unit_test(a_hiccup_does_not_rise),
        cmocka_unit_test(a_failed_cycle_teaches_nothing),
        cmocka_unit_test(the_cause_names_the_table_or_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

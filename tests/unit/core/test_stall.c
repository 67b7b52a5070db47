/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <math.h>

/* The silent stall: successes that move nothing, judged by the table's own past. */

/* A table of one run an interval, on and on. */
struct past {
    struct driver *driver;
    int64_t runs;
};

static struct past past_new(void)
{
    struct past past = { .driver = driver_new() };
    driver_start(past.driver, at(0, 0, 0));
    return past;
}

static void more(struct past *past, int64_t count, int64_t rows)
{
    for (; count > 0; count--) {
        int64_t at_ms = at(0, 15 * past->runs++, 0);
        driver_begin(past->driver, at_ms);
        driver_run(past->driver, at_ms, "a");
        driver_ok(past->driver, at_ms + seconds(10), "a", rows);
        driver_end(past->driver, at_ms + seconds(10));
    }
}

static enum severity severity_now(const struct past *past)
{
    const struct driver *driver = past->driver;
    if (driver->incident_count == 0 || !driver_incident(driver, driver->incident_count)->open)
        return SEVERITY_NONE;
    assert_int_equal(driver_incident(driver, driver->incident_count)->alert, ALERT_WATERMARK_STALE);
    return driver_incident(driver, driver->incident_count)->severity;
}

/* The severity after each of the zeros that follow n moving runs: "-w" is none after the first, warning after the second. */
static void zeros_after(int64_t n, const char *expected)
{
    struct past past = past_new();
    more(&past, n, 1000);
    for (const char *c = expected; *c; c++) {
        more(&past, 1, 0);
        char got = "-wc"[severity_now(&past)];
        if (got != *c)
            fail_msg("after %d moving runs and %d zeros: %c, not %c", (int)n, (int)(c - expected) + 1, got, *c);
    }
    driver_free(past.driver);
}

static void the_chance_is_the_product_of_the_design(void **unused)
{
    (void)unused;
    assert_true(fabs(stall_chance(8, 0, 1) - 0.5 / 9) < 1e-15);
    assert_true(fabs(stall_chance(8, 2, 3) - 2.5 / 9 * 3.5 / 10 * 4.5 / 11) < 1e-15);
    assert_true(stall_chance(8, 0, 0) == 1);
}

/* .75 / ((n + 1) (n + 2)) < 1e-4 from n = 86 on. */
static void two_zeros_are_a_warning_from_86_runs_on(void **unused)
{
    (void)unused;
    zeros_after(85, "--w");
    zeros_after(86, "-w");
}

/* 624 runs are six and a half days: every weekly closure of a day has begun by then. */
static void three_zeros_are_critical_from_six_days_and_a_half_on(void **unused)
{
    (void)unused;
    zeros_after(122, "-wwwwwwww");
    zeros_after(623, "-wwwwwwww");
    zeros_after(624, "-wc");
    zeros_after(672, "-wc"); /* a week */
}

/* P(3) after 700 runs is 1.875 / (701 x 702 x 703) = 5.4199e-9. */
static void the_chance_that_is_configured_holds(void **unused)
{
    (void)unused;
    for (int64_t below = 0; below <= 1; below++) {
        struct past past = past_new();
        past.driver->settings.detect.stall_critical_p = below ? 5.41e-9 : 5.43e-9;
        driver_configure(past.driver);
        more(&past, 700, 1000);
        more(&past, 3, 0);
        assert_int_equal(severity_now(&past), below ? SEVERITY_WARNING : SEVERITY_CRITICAL);
        driver_free(past.driver);
    }
}

static void eight_runs_must_be_known(void **unused)
{
    (void)unused;
    zeros_after(7, "------------");
    zeros_after(8, "-----w");
}

static void the_counts_that_are_configured_hold(void **unused)
{
    (void)unused;
    struct past past = past_new();
    past.driver->settings.detect.stall_warning_runs = 4;
    past.driver->settings.detect.stall_critical_runs = 5;
    driver_configure(past.driver);
    more(&past, 700, 1000);
    more(&past, 3, 0);
    assert_int_equal(severity_now(&past), SEVERITY_NONE);
    more(&past, 1, 0);
    assert_int_equal(severity_now(&past), SEVERITY_WARNING);
    more(&past, 1, 0);
    assert_int_equal(severity_now(&past), SEVERITY_CRITICAL);
    driver_free(past.driver);
}

/* Two honest zeros in a row once: only four in a row are news, although the chance of three is 2e-7 already. */
static void the_streak_must_exceed_the_longest_by_two(void **unused)
{
    (void)unused;
    struct past past = past_new();
    more(&past, 40, 1000);
    more(&past, 2, 0);
    more(&past, 700, 1000);
    more(&past, 3, 0);
    assert_int_equal(severity_now(&past), SEVERITY_NONE);
    more(&past, 1, 0);
    assert_int_equal(severity_now(&past), SEVERITY_CRITICAL);
    driver_free(past.driver);
}

/* The same without a weekend seen: zeros occur here, and who knows what a Saturday is like. */
static void where_zeros_occur_nothing_is_critical_within_a_week(void **unused)
{
    (void)unused;
    struct past past = past_new();
    more(&past, 40, 1000);
    more(&past, 2, 0);
    more(&past, 400, 1000);
    more(&past, 3, 0);
    assert_int_equal(severity_now(&past), SEVERITY_NONE);
    more(&past, 20, 0);
    assert_int_equal(severity_now(&past), SEVERITY_WARNING);
    driver_free(past.driver);
}

/*
 * Each night from 0 to 2 h has eight zeros. Twelve by day are a stall at an hour that never had one; the night itself, an
 * eighth longer than the longest or not, is none.
 */
static void nights_are_learnt_by_their_hours(void **unused)
{
    (void)unused;
    struct past past = past_new();
    for (int night = 0; night < 14; night++) {
        more(&past, 8, 0);
        more(&past, 88, 1000);
    }
    assert_int_equal(past.driver->incident_count, 0);
    more(&past, 9, 0);
    more(&past, 31, 1000);
    assert_int_equal(past.driver->incident_count, 0);
    more(&past, 14, 0);
    assert_int_equal(past.driver->incident_count, 1);
    driver_free(past.driver);
}

static void an_incident_teaches_no_zeros(void **unused)
{
    (void)unused;
    struct past past = past_new();
    more(&past, 700, 1000);
    for (int i = 0; i < 3; i++) {
        more(&past, 1, 0);
        assert_int_equal(severity_now(&past), SEVERITY_NONE);
        more(&past, 1, 0);
        assert_int_equal(severity_now(&past), SEVERITY_WARNING);
        more(&past, 10, 0);
        assert_int_equal(severity_now(&past), SEVERITY_CRITICAL);
        more(&past, 1, 20000); /* what had gathered */
        more(&past, 10, 1000);
        assert_int_equal(severity_now(&past), SEVERITY_NONE);
    }
    assert_int_equal(past.driver->incident_count, 3);
    assert_int_equal(driver_saved_sum(past.driver, "stall.zeros", 0), 0);
    driver_free(past.driver);
}

/*
 * 20 zeros, then rows, then three zeros. What gathered is more than (20 + 1) / 2 times what the runs that move anything move:
 * 10.5 x 1,000.
 */
static void after_a_stall_that_ended_with(int64_t rows, enum severity second_stall)
{
    struct past past = past_new();
    more(&past, 700, 1000);
    more(&past, 20, 0);
    more(&past, 1, rows);
    more(&past, 10, 1000);
    more(&past, 3, 0);
    assert_int_equal(severity_now(&past), second_stall);
    driver_free(past.driver);
}

static void a_stall_that_did_not_catch_up_puts_the_next_in_doubt(void **unused)
{
    (void)unused;
    after_a_stall_that_ended_with(1000, SEVERITY_WARNING);
    after_a_stall_that_ended_with(10500, SEVERITY_WARNING);
    after_a_stall_that_ended_with(10501, SEVERITY_CRITICAL);
}

/* A second night of 20 zeros that ends as the first did: both were honest, and a third one is no news. */
static void two_doubtful_streaks_within_a_week_are_learnt(void **unused)
{
    (void)unused;
    struct past past = past_new();
    more(&past, 200, 1000);
    for (int i = 0; i < 2; i++) {
        more(&past, 20, 0);
        more(&past, 76, 1000);
    }
    assert_int_equal(past.driver->incident_count, 2);
    assert_int_equal(driver_saved_sum(past.driver, "stall.zeros", 0), 40);
    assert_int_equal(driver_saved_sum(past.driver, "stall.longest", 0), 20);
    more(&past, 21, 0);
    assert_int_equal(past.driver->incident_count, 2);
    driver_free(past.driver);
}

/* Two stalls at the same hours that did not catch up look like closures, and excuse none at other hours. */
static void two_doubtful_streaks_excuse_none_at_other_hours(void **unused)
{
    (void)unused;
    struct past past = past_new();
    more(&past, 960, 1000);
    for (int i = 0; i < 2; i++) {
        more(&past, 12, 0);
        more(&past, 84, 1000);
    }
    more(&past, 24, 1000);
    more(&past, 2, 0);
    assert_int_equal(past.driver->incident_count, 3);
    driver_free(past.driver);
}

static void doubt_ends_after_a_week(void **unused)
{
    (void)unused;
    for (int64_t later = 671; later <= 672; later++) {
        struct past past = past_new();
        more(&past, 200, 1000);
        more(&past, 20, 0);
        more(&past, later - 2, 1000); /* the third zero comes `later` runs after the first row */
        more(&past, 3, 0);
        assert_int_equal(severity_now(&past), later == 671 ? SEVERITY_WARNING : SEVERITY_CRITICAL);
        driver_free(past.driver);
    }
}

/* The clock is set back by a month, and eight days go by: a stall is certain again, and not in doubt until the month has passed. */
static void doubt_ends_after_a_week_although_the_clock_was_set_back(void **unused)
{
    (void)unused;
    struct past past = past_new();
    more(&past, 200, 1000);
    more(&past, 20, 0);
    more(&past, 2, 1000);
    int64_t now = past.runs, back = 31 * 96;
    past.runs -= back;
    driver_resumed(past.driver, at(0, 15 * past.runs, 0), -minutes(15 * back));
    more(&past, 8 * 96, 1000);
    assert_true(past.runs < now);
    more(&past, 3, 0);
    assert_int_equal(severity_now(&past), SEVERITY_CRITICAL);
    driver_free(past.driver);
}

static void a_table_of_mostly_zeros_is_blind(void **unused)
{
    (void)unused;
    assert_false(stall_counts_are_blind(8, 4, 0)); /* 4.5 / 9 */
    assert_true(stall_counts_are_blind(7, 4, 0));  /* 4.5 / 8 */
    assert_false(stall_counts_are_blind(0, 0, 7)); /* never a row */
    assert_true(stall_counts_are_blind(0, 0, 8));

    struct past past = past_new();
    for (int i = 0; i < 20; i++) {
        more(&past, 1, 1000);
        more(&past, 2, 0);
    }
    more(&past, 100, 0);
    assert_int_equal(past.driver->incident_count, 0);
    driver_free(past.driver);
}

static void a_host_that_never_says_rows_is_never_news(void **unused)
{
    (void)unused;
    struct past past = past_new();
    more(&past, 300, 0);
    assert_int_equal(past.driver->incident_count, 0);
    driver_free(past.driver);
}

static void a_run_that_does_not_say_is_neither(void **unused)
{
    (void)unused;
    struct past past = past_new();
    more(&past, 200, 1000);
    more(&past, 1, 0);
    more(&past, 5, -1);
    assert_int_equal(severity_now(&past), SEVERITY_NONE);
    more(&past, 1, 0);
    assert_int_equal(severity_now(&past), SEVERITY_WARNING);
    driver_free(past.driver);
}

/* A cycle that ended before its slot runs again at once: there is nothing left to move. */
static void a_second_run_within_a_moment_does_not_count(void **unused)
{
    (void)unused;
    static const struct {
        int64_t later_s;
        enum severity severity;
    } cases[] = {
        { 59, SEVERITY_NONE },
        { 60, SEVERITY_WARNING },
    };
    for (size_t i = 0; i < 2; i++) {
        struct past past = past_new();
        more(&past, 200, 1000);
        more(&past, 1, 0);
        int64_t success = at(0, 15 * 200, 10);
        driver_cycle(past.driver, success + seconds(cases[i].later_s - 1), seconds(1), "a=0");
        assert_int_equal(severity_now(&past), cases[i].severity);
        driver_free(past.driver);
    }
}

static void it_tells_since_when_and_what_to_do(void **unused)
{
    (void)unused;
    struct past past = past_new();
    more(&past, 96, 1000);
    more(&past, 2, 0);
    assert_told(past.driver, "24:15:10 firing warning WatermarkStale #1 a\n");
    const struct incident *incident = driver_incident(past.driver, 1);
    assert_int_equal(incident->onset_ms, at(24, 0, 10));
    assert_string_equal(incident->summary, "a stalled, 2 runs moved 0 rows since 00:00");
    assert_string_equal(incident->cause.scenario, "4/5");
    more(&past, 1, 5);
    assert_told(past.driver, "24:30:10 resolved warning WatermarkStale #1 a\n");
    driver_free(past.driver);
}

static void all_tables_at_once_after_a_restart_may_be_lost_counts(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(24, 0, 0), seconds(10), "a=100 b=100");
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(23, 50, 0));
    driver_start(driver, at(23, 51, 0));
    driver_cycles(driver, at(24, 0, 0), at(24, 30, 0), seconds(10), "a=0 b=0");
    /* a is judged when b's second zero is not there yet, but its first is. */
    assert_non_null(strstr(driver->story.at, "a restart may have lost the row counts"));
    assert_int_equal(driver_open_count(driver), 1);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chance_is_the_product_of_the_design),
        cmocka_unit_test(two_zeros_are_a_warning_from_86_runs_on),
        cmocka_unit_test(three_zeros_are_critical_from_six_days_and_a_half_on),
        cmocka_unit_test(the_chance_that_is_configured_holds),
        cmocka_unit_test(eight_runs_must_be_known),
        cmocka_unit_test(the_counts_that_are_configured_hold),
        cmocka_unit_test(the_streak_must_exceed_the_longest_by_two),
        cmocka_unit_test(where_zeros_occur_nothing_is_critical_within_a_week),
        cmocka_unit_test(nights_are_learnt_by_their_hours),
        cmocka_unit_test(an_incident_teaches_no_zeros),
        cmocka_unit_test(a_stall_that_did_not_catch_up_puts_the_next_in_doubt),
        cmocka_unit_test(two_doubtful_streaks_within_a_week_are_learnt),
        cmocka_unit_test(two_doubtful_streaks_excuse_none_at_other_hours),
        cmocka_unit_test(doubt_ends_after_a_week),
        cmocka_unit_test(doubt_ends_after_a_week_although_the_clock_was_set_back),
        cmocka_unit_test(a_table_of_mostly_zeros_is_blind),
        cmocka_unit_test(a_host_that_never_says_rows_is_never_news),
        cmocka_unit_test(a_run_that_does_not_say_is_neither),
        cmocka_unit_test(a_second_run_within_a_moment_does_not_count),
        cmocka_unit_test(it_tells_since_when_and_what_to_do),
        cmocka_unit_test(all_tables_at_once_after_a_restart_may_be_lost_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

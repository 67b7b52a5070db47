/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include "agent/core/closures.h"

/*
 * What a table's honest zeros teach the stall's rule: weekends, holidays, nights and lunch breaks, small counts, a single outage. All times
 * are hours after a Monday's midnight.
 */

enum { WEEK = 7 * 24 };

/* A table of one run a quarter of an hour, and a row count for each. */
struct market {
    struct driver *driver;
    bool (*is_closed)(int64_t hour_of_week, int64_t hour);
    int64_t run;
};

static bool is_weekend(int64_t hour_of_week, int64_t hour)
{
    (void)hour;
    return hour_of_week >= 4 * 24 + 21 && hour_of_week < 6 * 24 + 21;
}

static bool is_weekend_or_fifth_monday(int64_t hour_of_week, int64_t hour)
{
    return is_weekend(hour_of_week, hour) || (hour >= 4 * WEEK && hour < 4 * WEEK + 24);
}

static bool is_midweek(int64_t hour_of_week, int64_t hour)
{
    (void)hour;
    return hour_of_week >= 2 * 24 + 9 && hour_of_week < 3 * 24 + 12;
}

static bool is_lunch(int64_t hour_of_week, int64_t hour)
{
    (void)hour;
    return hour_of_week % 24 == 11;
}

static bool is_night(int64_t hour_of_week, int64_t hour)
{
    (void)hour;
    return hour_of_week % 24 >= 22 || hour_of_week % 24 < 6;
}

static bool is_never(int64_t hour_of_week, int64_t hour)
{
    (void)hour_of_week;
    (void)hour;
    return false;
}

static struct market market_new(bool (*is_closed)(int64_t hour_of_week, int64_t hour))
{
    struct market market = { .driver = driver_new(), .is_closed = is_closed };
    driver_start(market.driver, at(0, 0, 0));
    return market;
}

static void one_run(struct market *market, int64_t rows)
{
    int64_t at_ms = at(0, 15 * market->run++, 0);
    driver_begin(market->driver, at_ms);
    driver_run(market->driver, at_ms, "fx");
    driver_ok(market->driver, at_ms + seconds(10), "fx", rows);
    driver_end(market->driver, at_ms + seconds(10));
}

static void more(struct market *market, int64_t count, int64_t rows)
{
    for (; count > 0; count--)
        one_run(market, rows);
}

static void market_until(struct market *market, int64_t hour)
{
    while (market->run < 4 * hour) {
        int64_t now = market->run / 4;
        one_run(market, market->is_closed(now % WEEK, now) ? 0 : 1000 + market->run % 7 * 50);
    }
}

/* How many runs without rows it takes to be told, of at most so many. */
static int64_t told_after(struct market *market, int64_t most)
{
    int64_t before = market->driver->incident_count;
    for (int64_t runs = 1; runs <= most; runs++) {
        one_run(market, 0);
        if (market->driver->incident_count > before)
            return runs;
    }
    return 0;
}

static void assert_no_critical(const struct market *market)
{
    for (int64_t id = 1; id <= market->driver->incident_count; id++)
        assert_int_equal(driver_incident(market->driver, id)->severity, SEVERITY_WARNING);
}

static void a_weekly_closure_is_one_warning_once(void **unused)
{
    (void)unused;
    static bool (*const closures[])(int64_t, int64_t) = { is_weekend, is_midweek };
    for (size_t i = 0; i < 2; i++) {
        struct market market = market_new(closures[i]);
        market_until(&market, 6 * WEEK);
        assert_int_equal(market.driver->incident_count, 1);
        assert_no_critical(&market);
        driver_free(market.driver);
    }
}

/* Without the closures' own place in memory their 192 zeros would hide a stall for two days. */
static void a_stall_on_the_tuesday_after_is_told_within_two_hours(void **unused)
{
    (void)unused;
    for (int64_t week = 1; week <= 4; week++) {
        struct market market = market_new(is_weekend);
        market_until(&market, week * WEEK + 24 + 10);
        assert_in_range(told_after(&market, 8), 2, 8);
        driver_free(market.driver);
    }
}

static void a_stall_that_begins_while_it_is_closed_is_told_after_the_opening(void **unused)
{
    (void)unused;
    struct market market = market_new(is_weekend);
    market_until(&market, 3 * WEEK + 5 * 24);
    int64_t opening = 4 * (24 + 21), runs = told_after(&market, opening + 8 + 4);
    assert_in_range(runs, opening + 4 + 2, opening + 8 + 4); /* an hour's grace, and two hours */
    driver_free(market.driver);
}

/* The bank holiday costs one warning. The Monday a week later is a working day: one closure is no habit. */
static void a_holiday_is_one_warning_and_no_habit(void **unused)
{
    (void)unused;
    struct market market = market_new(is_weekend_or_fifth_monday);
    market_until(&market, 5 * WEEK + 10);
    assert_int_equal(market.driver->incident_count, 2);
    assert_no_critical(&market);
    assert_in_range(told_after(&market, 8), 2, 8);
    driver_free(market.driver);
}

/* Nothing in the log tells a stall from a holiday, so it is critical only when two holidays in a row would be over. */
static void a_table_that_closes_is_critical_after_two_days(void **unused)
{
    (void)unused;
    struct market market = market_new(is_midweek);
    market_until(&market, 4 * WEEK + 4 * 24);
    for (int64_t hour = 0; hour <= 60; hour++) {
        for (int64_t i = 0; i < 4; i++)
            one_run(&market, 0);
        if (driver_incident(market.driver, 2)->severity == SEVERITY_CRITICAL) {
            assert_int_equal(hour, 52);
            driver_free(market.driver);
            return;
        }
    }
    fail_msg("never critical");
}

/* Nights and lunch breaks are told on two days at most; a stall by day is told although the nights are longer. */
static void daily_closures_are_known_on_the_third_day(void **unused)
{
    (void)unused;
    static bool (*const closures[])(int64_t, int64_t) = { is_lunch, is_night };
    for (size_t i = 0; i < 2; i++) {
        struct market market = market_new(closures[i]);
        market_until(&market, 4 * WEEK + 14);
        assert_in_range(market.driver->incident_count, 0, 2);
        assert_no_critical(&market);
        assert_in_range(told_after(&market, 8), 2, 8);
        driver_free(market.driver);
    }
}

/* The night's last run comes late: it lies in an hour in which zeros are rare, but only it does. */
static void a_night_that_is_over_does_not_count_by_day(void **unused)
{
    (void)unused;
    struct market market = market_new(is_night);
    market_until(&market, 3 * WEEK + 6);
    int64_t before = market.driver->incident_count;
    one_run(&market, 0);
    assert_int_equal(market.driver->incident_count, before);
    driver_free(market.driver);
}

static void what_is_known_of_closures_is_saved(void **unused)
{
    (void)unused;
    struct market market = market_new(is_weekend);
    market_until(&market, WEEK);
    driver_restart(market.driver);
    market_until(&market, 2 * WEEK + 24 + 10);
    assert_int_equal(market.driver->incident_count, 1);
    driver_restart(market.driver);
    assert_in_range(told_after(&market, 8), 2, 8);
    driver_free(market.driver);
}

static void two_weeks_make_a_habit_and_one_of_two_does_not(void **unused)
{
    (void)unused;
    struct closures closures = { 0 };
    closures_add(&closures, at(100, 0, 0), at(130, 0, 0));
    assert_true(closures_are_weekly(&closures, at(0, 0, 0), at(WEEK + 110, 0, 0))); /* the only week that is known */
    assert_true(closures_are_weekly(&closures, at(0, 0, 0), at(WEEK + 99, 0, 0)));  /* an hour before, */
    assert_false(closures_are_weekly(&closures, at(0, 0, 0), at(WEEK + 98, 59, 59)));
    assert_true(closures_are_weekly(&closures, at(0, 0, 0), at(WEEK + 130, 59, 59))); /* an hour after */
    assert_false(closures_are_weekly(&closures, at(0, 0, 0), at(WEEK + 131, 0, 0)));
    assert_false(
        closures_are_weekly(&closures, at(-WEEK, 0, 0), at(WEEK + 110, 0, 0))); /* it was open the week before */
    closures_add(&closures, at(WEEK + 100, 0, 0), at(WEEK + 130, 0, 0));
    assert_true(closures_are_weekly(&closures, at(-3 * WEEK, 0, 0), at(2 * WEEK + 110, 0, 0)));
    assert_false(closures_are_weekly(&closures, at(-3 * WEEK, 0, 0), at(3 * WEEK + 110, 0, 0))); /* open last week */
}

static void two_days_of_fourteen_make_a_daily_habit(void **unused)
{
    (void)unused;
    struct closures closures = { 0 };
    closures_add(&closures, at(10, 0, 0), at(15, 0, 0));
    assert_false(closures_are_daily(&closures, at(24 + 12, 0, 0)));
    closures_add(&closures, at(24 + 10, 0, 0), at(24 + 15, 0, 0));
    assert_true(closures_are_daily(&closures, at(2 * 24 + 12, 0, 0)));
    assert_false(closures_are_daily(&closures, at(2 * 24 + 16, 0, 0)));
    assert_true(closures_are_daily(&closures, at(14 * 24 + 12, 0, 0)));
    assert_false(closures_are_daily(&closures, at(15 * 24 + 12, 0, 0)));
    assert_false(closures_are_weekly(&closures, at(0, 0, 0), at(WEEK + 12, 0, 0)));
}

static void the_newest_eight_closures_are_kept(void **unused)
{
    (void)unused;
    struct closures closures = { 0 };
    for (int64_t i = 0; i < 9; i++)
        closures_add(&closures, at(100 * i, 0, 0), at(100 * i + 24, 0, 0));
    assert_int_equal(closures.count, CLOSURES_KEPT);
    assert_int_equal(closures.from_ms[0], at(100, 0, 0));
    assert_int_equal(closures.to_ms[7], at(824, 0, 0));
}

/* A table of 0 to 5 rows a run has zeros by chance before it has shown any: its first week teaches that. */
static void small_counts_are_no_news_in_the_first_week(void **unused)
{
    (void)unused;
    for (int64_t weeks = 0; weeks <= 2; weeks += 2) {
        struct market market = market_new(is_never);
        for (int64_t i = 0; i < 300 + weeks * 672; i++)
            more(&market, 1, 1 + i % 5);
        more(&market, 24, 0);
        assert_int_equal(market.driver->incident_count, weeks ? 1 : 0);
        driver_free(market.driver);
    }
}

/* A single zero every night, and nine on a Wednesday at noon. Six more are told, unless there were nine on two Wednesdays. */
static void a_long_streak_that_was_seen_once_is_no_habit(void **unused)
{
    (void)unused;
    for (int64_t times = 1; times <= 2; times++) {
        struct market market = market_new(is_never);
        for (int64_t day = 0; day < 42; day++) {
            int64_t outage = day == 16 || (day == 30 && times == 2) ? 9 : 0;
            more(&market, 1, 0);
            more(&market, 47, 1000);
            more(&market, outage, 0);
            more(&market, 48 - outage, 1000);
        }
        int64_t before = market.driver->incident_count;
        more(&market, 48, 1000);
        more(&market, 6, 0);
        assert_int_equal(market.driver->incident_count, before + (times == 1));
        driver_free(market.driver);
    }
}

/* Removes the fields whose names begin so. */
static void forget_fields(struct strbuf *state, const char *prefix)
{
    struct strbuf kept = { 0 };
    for (char *save = NULL, *line = strtok_r(state->at, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, prefix, strlen(prefix)) != 0)
            strbuf_printf(&kept, "%s\n", line);
    strbuf_free(state);
    *state = kept;
}

/* It knows that the longest streak had three runs, and not at which hours. */
static void a_state_of_an_older_version_keeps_its_longest_streak(void **unused)
{
    (void)unused;
    for (int64_t zeros = 4; zeros <= 5; zeros++) {
        struct market market = market_new(is_never);
        struct archive archive;
        more(&market, 8, 1000);
        more(&market, 3, 0);
        more(&market, 1400, 1000);
        driver_save(market.driver);
        static const char *const newer[] = { "stall.few",       "stall.longest.by", "stall.second",
                                             "stall.closed",    "stall.opened",     "stall.streak.place",
                                             "stall.open_zero", "stall.first_move", "stall.closing" };
        for (size_t i = 0; i < sizeof newer / sizeof newer[0]; i++)
            forget_fields(&market.driver->live, newer[i]);
        engine_free(market.driver->engine);
        market.driver->engine = engine_for(market.driver);
        archive_load_from(&archive, strbuf_slice(&market.driver->live));
        engine_archive_live(market.driver->engine, &archive);
        int64_t before = market.driver->incident_count;
        more(&market, zeros, 0);
        assert_int_equal(market.driver->incident_count, before + (zeros == 5));
        driver_free(market.driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weekly_closure_is_one_warning_once),
        cmocka_unit_test(a_stall_on_the_tuesday_after_is_told_within_two_hours),
        cmocka_unit_test(a_stall_that_begins_while_it_is_closed_is_told_after_the_opening),
        cmocka_unit_test(a_holiday_is_one_warning_and_no_habit),
        cmocka_unit_test(a_table_that_closes_is_critical_after_two_days),
        cmocka_unit_test(daily_closures_are_known_on_the_third_day),
        cmocka_unit_test(a_night_that_is_over_does_not_count_by_day),
        cmocka_unit_test(what_is_known_of_closures_is_saved),
        cmocka_unit_test(two_weeks_make_a_habit_and_one_of_two_does_not),
        cmocka_unit_test(two_days_of_fourteen_make_a_daily_habit),
        cmocka_unit_test(the_newest_eight_closures_are_kept),
        cmocka_unit_test(small_counts_are_no_news_in_the_first_week),
        cmocka_unit_test(a_long_streak_that_was_seen_once_is_no_habit),
        cmocka_unit_test(a_state_of_an_older_version_keeps_its_longest_streak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

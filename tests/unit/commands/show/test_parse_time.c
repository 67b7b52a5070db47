/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/commands/show/parse_time.h"

static const int64_t NOW = INT64_C(1772508902743);      /* 2026-03-03 14:35:02.743 in Sydney, UTC+11 */
static const int64_t MIDNIGHT = INT64_C(1772456400000); /* 2026-03-03 00:00 there */
static const int64_t HOUR = 3600000, DAY = 86400000;

static void assert_time(const char *text, enum time_edge edge, int64_t expected)
{
    int64_t ms = -1;
    assert_true(parse_time(text, NOW, edge, &ms));
    assert_int_equal(ms, expected);
}

static void test_words(void **state)
{
    (void)state;
    assert_time("now", TIME_SINCE, NOW);
    assert_time("today", TIME_SINCE, MIDNIGHT);
    assert_time("yesterday", TIME_SINCE, MIDNIGHT - DAY);
    assert_time("yesterday", TIME_UNTIL, MIDNIGHT);
}

static void test_ago(void **state)
{
    (void)state;
    assert_time("2h", TIME_SINCE, NOW - 2 * HOUR);
    assert_time("7d", TIME_UNTIL, NOW - 7 * DAY);
    assert_time("1h30m", TIME_SINCE, NOW - 3 * HOUR / 2);
}

static void test_dates(void **state)
{
    (void)state;
    assert_time("2026-03-03", TIME_SINCE, MIDNIGHT);
    assert_time("2026-03-03", TIME_UNTIL, MIDNIGHT + DAY);
    assert_time("2026-03-03 10:15", TIME_SINCE, MIDNIGHT + 10 * HOUR + HOUR / 4);
    assert_time("2026-03-03T10:15:02", TIME_UNTIL, MIDNIGHT + 10 * HOUR + HOUR / 4 + 2000);
    assert_time("2026-03-03T10:15:00Z", TIME_SINCE, MIDNIGHT + 21 * HOUR + HOUR / 4);
    assert_time("2026-03-03T10:15:00+01:00", TIME_SINCE, MIDNIGHT + 20 * HOUR + HOUR / 4);
}

static void test_seconds_have_a_fraction_of_any_length(void **state)
{
    const int64_t second = MIDNIGHT + 10 * HOUR + HOUR / 4 + 2000;
    (void)state;
    assert_time("2026-03-03T10:15:02.5+11:00", TIME_SINCE, second + 500);
    assert_time("2026-03-03T10:15:02.743Z", TIME_SINCE, second + 743 + 11 * HOUR);
    assert_time("2026-03-03 10:15:02.74", TIME_SINCE, second + 740);
    assert_time("2026-03-03t10:15:02.743999999999999999999999z", TIME_SINCE, second + 743 + 11 * HOUR);
    assert_time("2026-03-03T10:15:02.000000001-00:30", TIME_SINCE, second + 11 * HOUR + HOUR / 2);
}

static void test_a_duration_needs_a_unit(void **state)
{
    int64_t ms = 42;
    (void)state;
    assert_false(parse_duration("2", &ms));
    assert_false(parse_duration("1h30", &ms));
    assert_false(parse_duration("", &ms));
    assert_false(parse_time("7", NOW, TIME_SINCE, &ms));
    assert_int_equal(ms, 42);
    assert_true(parse_duration("2m", &ms));
    assert_int_equal(ms, 120000);
}

/* The day on which summer time ends has 25 hours. */
static void test_a_day_may_have_25_hours(void **state)
{
    int64_t from = 0, to = 0;
    (void)state;
    assert_true(parse_time("2026-04-05", NOW, TIME_SINCE, &from));
    assert_true(parse_time("2026-04-05", NOW, TIME_UNTIL, &to));
    assert_int_equal(to - from, 25 * HOUR);
}

static void test_nonsense(void **state)
{
    static const char *const texts[] = { "",
                                         "soon",
                                         "2026-13-01",
                                         "2026-03-03x",
                                         "2026-03-03 10",
                                         "2026-03-03T10:15 o'clock",
                                         "2h ago",
                                         "-2h",
                                         "2026-02-29",
                                         "2026-04-31",
                                         "2026-03-03T10:15:02.",
                                         "2026-03-03T10:15:02.Z",
                                         "2026-03-03T10:15.5",
                                         "2026-03-03T10:15:02.5 o'clock",
                                         "2026-03-03T",
                                         "2026-03-03T24:15",
                                         "2026-03-03T10:15:02z+01:00" };
    int64_t ms = 42;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(parse_time(texts[i], NOW, TIME_SINCE, &ms) || ms != 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_ago),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_a_day_may_have_25_hours),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_seconds_have_a_fraction_of_any_length),
        cmocka_unit_test(test_a_duration_needs_a_unit),
    };
    setenv("TZ", "Australia/Sydney", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

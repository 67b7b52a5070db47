/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
                                         "2026-03-03T10:15:02z+01:00",
                                         "26-03-03",
                                         " 2026-03-03",
                                         "2026-03-03T10:15:02+24:00",
                                         "2026-03-03T10:15:02+01:60",
                                         "2026-03-03T10:15:02+1",
                                         "2026-03-03T10:15:02+01:",
                                         "2026-03-03T10:15:02+01:00Z",
                                         "2026-03-03T10:15:02 ",
                                         "2026-03-03T10:15:02,Z" };
    int64_t ms = 42;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(parse_time(texts[i], NOW, TIME_SINCE, &ms) || ms != 42);
}

/* --- any time of RFC 3339 ------------------------------------------------------------------------------------ */

static uint64_t seed = 20260303;

/* xorshift: the same numbers in each run. */
static int64_t draw(int64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)(seed % (uint64_t)below);
}

static const int64_t FIRST = 0, LAST = INT64_C(253402300799999); /* the years 1970 to 9999 */

/* A time with a fraction of `digits` digits (0: none) and an offset in minutes; 0 may be written as Z. */
static void write_time(char *out, size_t room, int64_t ms, int digits, int offset)
{
    struct tm utc;
    time_t seconds = (time_t)(ms / 1000) + offset * 60;
    char fraction[64] = "", zone[16];
    assert_non_null(gmtime_r(&seconds, &utc));
    if (digits > 0) {
        fraction[0] = '.';
        for (int i = 1; i <= digits; i++) {
            int64_t digit = i == 1 ? ms / 100 % 10 : i == 2 ? ms / 10 % 10 : i == 3 ? ms % 10 : draw(10);
            fraction[i] = "0123456789"[digit];
        }
        fraction[digits + 1] = '\0';
    }
    snprintf(zone, sizeof zone, "%c%02d:%02d", offset < 0 ? '-' : '+', abs(offset) / 60, abs(offset) % 60);
    if (offset == 0 && draw(2))
        snprintf(zone, sizeof zone, "%c", draw(2) ? 'Z' : 'z');
    snprintf(out, room, "%04d-%02d-%02d%c%02d:%02d:%02d%s%s", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
             "Tt "[draw(3)], utc.tm_hour, utc.tm_min, utc.tm_sec, fraction, zone);
}

static void test_any_rfc3339_time_is_read_to_the_millisecond(void **state)
{
    static const int64_t parts[] = { 1000, 100, 10, 1 };
    char text[128];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        int digits = (int)draw(31), offset = draw(4) ? (int)draw(2 * 1439 + 1) - 1439 : 0;
        int64_t ms = FIRST + 2 * DAY + draw(LAST - FIRST - 4 * DAY);
        ms -= ms % parts[digits < 3 ? digits : 3]; /* what so few digits cannot say */
        write_time(text, sizeof text, ms, digits, offset);
        int64_t read = -1;
        if (!parse_time(text, NOW, TIME_SINCE, &read) || read != ms)
            fail_msg("%s: %lld instead of %lld", text, (long long)read, (long long)ms);
    }
}

/* A changed or missing byte gives another time of the years 0 to 9999, or none, and then nothing is written. */
static void test_a_damaged_time_is_a_time_or_none(void **state)
{
    static const char bytes[] = "0123456789-+:., TtZz\xff\x7fx/";
    char text[128];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        write_time(text, sizeof text, DAY + draw(LAST - 3 * DAY), 1 + (int)draw(9), (int)draw(1440));
        size_t at = (size_t)draw((int64_t)strlen(text));
        if (draw(2))
            text[at] = bytes[draw((int64_t)sizeof bytes - 1)];
        else
            text[at] = '\0';
        int64_t read = -1;
        if (!parse_time(text, NOW, TIME_SINCE, &read))
            assert_int_equal(read, -1);
        else
            assert_true(read >= INT64_C(-62167219200000) - 2 * DAY && read <= LAST + 2 * DAY);
    }
}

/* A local time without an offset is read as what a clock on the wall showed. */
static void test_any_local_time_is_read_as_the_clock_showed_it(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++) {
        time_t seconds = (time_t)draw(INT64_C(4000000000)), again;
        struct tm local, shown;
        char text[64];
        int64_t read = -1;
        localtime_r(&seconds, &local);
        strftime(text, sizeof text, draw(2) ? "%Y-%m-%d %H:%M:%S,743" : "%Y-%m-%dT%H:%M:%S.743", &local);
        assert_true(parse_time(text, NOW, TIME_SINCE, &read));
        assert_int_equal((read % 1000 + 1000) % 1000, 743);
        again = (time_t)((read - 743) / 1000);
        localtime_r(&again, &shown);
        assert_true(local.tm_hour == shown.tm_hour && local.tm_min == shown.tm_min && local.tm_sec == shown.tm_sec &&
                    local.tm_mday == shown.tm_mday && local.tm_mon == shown.tm_mon && local.tm_year == shown.tm_year);
    }
}

static void test_what_rfc3339_allows_beside_that(void **state)
{
    const int64_t second = MIDNIGHT + 10 * HOUR + HOUR / 4 + 2000;
    (void)state;
    assert_time("2026-03-03T23:59:60Z", TIME_SINCE, MIDNIGHT + DAY + 11 * HOUR); /* a leap second */
    assert_time("2026-03-03T10:15:02-00:00", TIME_SINCE, second + 11 * HOUR);
    assert_time("2026-03-03T10:15:02+23:59", TIME_SINCE, second + 11 * HOUR - 24 * HOUR + 60000);
    assert_time("2026-03-03T10:15:02-12:00", TIME_SINCE, second + 23 * HOUR);
    assert_time("2026-03-03 10:15:02,743", TIME_SINCE, second + 743); /* copied from the log */
    assert_time("2026-03-03 10:15 +1100", TIME_SINCE, second - 2000);
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
        cmocka_unit_test(test_any_rfc3339_time_is_read_to_the_millisecond),
        cmocka_unit_test(test_a_damaged_time_is_a_time_or_none),
        cmocka_unit_test(test_any_local_time_is_read_as_the_clock_showed_it),
        cmocka_unit_test(test_what_rfc3339_allows_beside_that),
    };
    setenv("TZ", "Australia/Sydney", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

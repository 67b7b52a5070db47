/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "agent/core/units.h"
#include "base/zone.h"
#include "silence.h"

/* Windows by the local clock, through the changes of three zones. */

/* "2026-03-29 01:00" in UTC. */
static int64_t utc(const char *text)
{
    struct tm tm = { 0 };
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
    return (int64_t)timegm(&tm) * 1000;
}

static const char *utc_words(int64_t ms, char out[32])
{
    time_t instant = ms / 1000;
    struct tm tm;
    gmtime_r(&instant, &tm);
    strftime(out, 32, "%Y-%m-%d %H:%M", &tm);
    return out;
}

enum { MON = 1, TUE = 2, FRI = 16, SAT = 32, SUN = 64 };

static int64_t time_of(const char *text)
{
    return text ? 60 * strtoll(text, NULL, 10) + strtoll(text + 3, NULL, 10) : -1;
}

struct window_case {
    const char *zone;
    int64_t days;
    const char *from, *to, *now, *begins, *ends; /* the last three in UTC */
};

static void check(const struct window_case *known)
{
    char text[2][32];
    int64_t begins_ms, ends_ms;
    struct silence_window window = { .days = known->days,
                                     .from_min = time_of(known->from),
                                     .to_min = time_of(known->to) };
    assert_true(zone_set(known->zone));
    assert_true(silence_window_next(&window, zone_offset_ms, utc(known->now), &begins_ms, &ends_ms));
    utc_words(begins_ms, text[0]);
    utc_words(ends_ms, text[1]);
    if (strcmp(text[0], known->begins) != 0 || strcmp(text[1], known->ends) != 0)
        fail_msg("%s, %s to %s at %s: %s to %s, not %s to %s", known->zone, known->from, known->to, known->now, text[0],
                 text[1], known->begins, known->ends);
    assert_true(begins_ms % MINUTE_MS == 0 && ends_ms % MINUTE_MS == 0);
    assert_true(silence_window_is_in_force(&window, zone_offset_ms, begins_ms));
    assert_true(silence_window_is_in_force(&window, zone_offset_ms, ends_ms - 1));
    assert_false(silence_window_is_in_force(&window, zone_offset_ms, begins_ms - 1));
    assert_false(silence_window_is_in_force(&window, zone_offset_ms, ends_ms));
}

static void check_all(const struct window_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&cases[i]);
}
#define CHECK(cases) check_all(cases, sizeof(cases) / sizeof(cases)[0])

static void ordinary_days(void **unused)
{
    (void)unused;
    static const struct window_case cases[] = {
        { "UTC", 0, "22:00", "07:00", "2026-06-03 23:00", "2026-06-03 22:00", "2026-06-04 07:00" },
        { "UTC", 0, "22:00", "07:00", "2026-06-04 06:59", "2026-06-03 22:00", "2026-06-04 07:00" },
        { "UTC", 0, "22:00", "07:00", "2026-06-04 07:00", "2026-06-04 22:00", "2026-06-05 07:00" },
        { "UTC", 0, "08:00", "09:30", "2026-06-04 09:00", "2026-06-04 08:00", "2026-06-04 09:30" },
        { "UTC", TUE, NULL, "07:00", "2026-06-01 09:00", "2026-06-02 00:00", "2026-06-02 07:00" },
        { "UTC", TUE, "20:00", NULL, "2026-06-01 09:00", "2026-06-02 20:00", "2026-06-03 00:00" },
        { "UTC", TUE, "20:00", "24:00", "2026-06-01 09:00", "2026-06-02 20:00", "2026-06-03 00:00" },
        /* 2026-06-06 is a Saturday. One over midnight belongs to the day on which it begins. */
        { "UTC", SAT | SUN, "22:00", "07:00", "2026-06-06 03:00", "2026-06-06 22:00", "2026-06-07 07:00" },
        { "UTC", SAT | SUN, "22:00", "07:00", "2026-06-08 06:00", "2026-06-07 22:00", "2026-06-08 07:00" },
        { "UTC", SAT | SUN, "22:00", "07:00", "2026-06-08 08:00", "2026-06-13 22:00", "2026-06-14 07:00" },
        /* Whole days, and days of 24 hours from another hour on. */
        { "UTC", SAT | SUN, NULL, NULL, "2026-06-06 03:00", "2026-06-06 00:00", "2026-06-08 00:00" },
        { "UTC", SAT, "00:00", "00:00", "2026-06-06 03:00", "2026-06-06 00:00", "2026-06-07 00:00" },
        { "UTC", SAT, "08:00", "08:00", "2026-06-07 07:00", "2026-06-06 08:00", "2026-06-07 08:00" },
        /* The day is the zone's: Monday begins in Auckland at noon of UTC's Sunday. */
        { "Pacific/Auckland", MON, "00:00", "01:00", "2026-06-07 12:30", "2026-06-07 12:00", "2026-06-07 13:00" },
        { "America/New_York", FRI, "20:00", "23:00", "2026-06-06 01:00", "2026-06-06 00:00", "2026-06-06 03:00" },
    };
    CHECK(cases);
}

static void the_change_in_spring(void **unused)
{
    (void)unused;
    static const struct window_case cases[] = {
        /* Berlin, 2026-03-29: at 01:00 UTC 02:00 becomes 03:00. */
        { "Europe/Berlin", 0, "22:00", "07:00", "2026-03-29 00:30", "2026-03-28 21:00", "2026-03-29 05:00" },
        { "Europe/Berlin", SUN, "00:00", "00:00", "2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00" },
        { "Europe/Berlin", 0, "22:00", "02:30", "2026-03-29 00:30", "2026-03-28 21:00", "2026-03-29 01:00" },
        { "Europe/Berlin", 0, "02:30", "06:00", "2026-03-29 02:00", "2026-03-29 01:00", "2026-03-29 04:00" },
        /* What is left out as a whole does not come on that day. */
        { "Europe/Berlin", 0, "02:15", "02:45", "2026-03-29 00:30", "2026-03-30 00:15", "2026-03-30 00:45" },
        /* New York, 2026-03-08: at 07:00 UTC. */
        { "America/New_York", 0, "22:00", "07:00", "2026-03-08 07:30", "2026-03-08 03:00", "2026-03-08 11:00" },
        { "America/New_York", SUN, "01:00", "04:00", "2026-03-08 07:30", "2026-03-08 06:00", "2026-03-08 08:00" },
        /* Lord Howe, 2026-10-04: at 15:30 UTC of the day before 02:00 becomes 02:30. */
        { "Australia/Lord_Howe", 0, "22:00", "07:00", "2026-10-03 15:45", "2026-10-03 11:30", "2026-10-03 20:00" },
        { "Australia/Lord_Howe", SUN, "02:10", "03:00", "2026-10-03 15:45", "2026-10-03 15:30", "2026-10-03 16:00" },
    };
    CHECK(cases);
}

static void the_change_in_autumn(void **unused)
{
    (void)unused;
    static const struct window_case cases[] = {
        /* Berlin, 2026-10-25: at 01:00 UTC 03:00 becomes 02:00. */
        { "Europe/Berlin", 0, "22:00", "07:00", "2026-10-25 01:30", "2026-10-24 20:00", "2026-10-25 06:00" },
        { "Europe/Berlin", SUN, "00:00", "00:00", "2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00" },
        { "Europe/Berlin", 0, "22:00", "02:00", "2026-10-24 23:30", "2026-10-24 20:00", "2026-10-25 00:00" },
        { "Europe/Berlin", 0, "22:00", "02:30", "2026-10-25 00:45", "2026-10-24 20:00", "2026-10-25 01:30" },
        { "Europe/Berlin", 0, "02:30", "03:00", "2026-10-25 01:10", "2026-10-25 00:30", "2026-10-25 02:00" },
        { "Europe/Berlin", 0, "02:15", "02:45", "2026-10-25 01:00", "2026-10-25 00:15", "2026-10-25 01:45" },
        { "Europe/Berlin", 0, "03:00", "04:00", "2026-10-25 00:30", "2026-10-25 02:00", "2026-10-25 03:00" },
        /* New York, 2026-11-01: at 06:00 UTC. */
        { "America/New_York", 0, "22:00", "07:00", "2026-11-01 06:30", "2026-11-01 02:00", "2026-11-01 12:00" },
        { "America/New_York", SUN, "01:30", "01:45", "2026-11-01 05:40", "2026-11-01 05:30", "2026-11-01 06:45" },
        /* Lord Howe, 2026-04-05: at 15:00 UTC of the day before 02:00 becomes 01:30. */
        { "Australia/Lord_Howe", 0, "22:00", "07:00", "2026-04-04 15:15", "2026-04-04 11:00", "2026-04-04 20:30" },
        { "Australia/Lord_Howe", SUN, "01:40", "01:50", "2026-04-04 15:00", "2026-04-04 14:40", "2026-04-04 15:20" },
        /* Havana, 2025-11-02: at 05:00 UTC 01:00 becomes 00:00, so that the day has its first hour twice. */
        { "America/Havana", 0, "23:00", "00:30", "2025-11-02 04:45", "2025-11-02 03:00", "2025-11-02 05:30" },
    };
    CHECK(cases);
}

/* --- for any window ------------------------------------------------------------------------------------------ */

/* Whether the clock shows a time in the window, and the day is the one on which it began. */
static bool is_shown(const struct silence_window *window, int64_t at_ms)
{
    int64_t local_min = (at_ms + zone_offset_ms(at_ms)) / MINUTE_MS, day = local_min / DAY_MINUTES,
            minute = local_min % DAY_MINUTES;
    bool today = !window->days || window->days >> (day + 3) % 7 & 1,
         yesterday = !window->days || window->days >> (day + 2) % 7 & 1;
    if (window->from_min < window->to_min)
        return today && minute >= window->from_min && minute < window->to_min;
    return (today && minute >= window->from_min) || (yesterday && minute < window->to_min);
}

static bool is_change_near(int64_t at_ms)
{
    return zone_offset_ms(at_ms - 2 * (int64_t)DAY_MS) != zone_offset_ms(at_ms + 2 * (int64_t)DAY_MS);
}

static void a_window_is_in_force_whenever_the_clock_shows_it(void **unused)
{
    (void)unused;
    static const char *const zones[] = { "Europe/Berlin",  "America/New_York", "Australia/Lord_Howe",
                                         "America/Havana", "Asia/Kolkata",     "Africa/Casablanca" };
    uint64_t random = 7;
    for (int i = 0; i < 3000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        struct silence_window window = { .days = (int64_t)(random >> 20 & 127),
                                         .from_min = (int64_t)(random >> 30) % 96 * 15,
                                         .to_min = (int64_t)(random >> 40) % 96 * 15 };
        assert_true(zone_set(zones[(random >> 50) % 6]));
        /* Somewhere in the year, or near one of Berlin's changes. */
        int64_t at_ms = utc(i % 2   ? "2026-01-01 00:00"
                            : i % 4 ? "2026-03-28 00:00"
                                    : "2026-10-24 00:00") +
                        (int64_t)(random >> 33) % (i % 2 ? 365 * 24 * 60 : 48 * 60) * MINUTE_MS;
        bool in_force = silence_window_is_in_force(&window, zone_offset_ms, at_ms), shown = is_shown(&window, at_ms);
        int64_t begins_ms, ends_ms;
        if (shown && !in_force)
            fail_msg("not in force although it is shown, case %d", i);
        if (in_force && !shown && !is_change_near(at_ms))
            fail_msg("in force although it is not shown, case %d", i);
        if (!silence_window_next(&window, zone_offset_ms, at_ms, &begins_ms, &ends_ms))
            fail_msg("it never comes, case %d", i);
        assert_true(begins_ms < ends_ms && at_ms < ends_ms && in_force == (begins_ms <= at_ms));
        if (!is_shown(&window, begins_ms) || !is_shown(&window, ends_ms - 1))
            fail_msg("its first or its last moment is not shown, case %d", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_days),
        cmocka_unit_test(the_change_in_spring),
        cmocka_unit_test(the_change_in_autumn),
        cmocka_unit_test(a_window_is_in_force_whenever_the_clock_shows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

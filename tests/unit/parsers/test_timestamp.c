/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/zone.h"
#include "parsers/timestamp.h"

static const int64_t NEVER = INT64_MIN;

static int64_t read_after(int64_t last_ms, const char *text)
{
    struct timestamp_reader reader;
    int64_t ms = 0;
    timestamp_reader_init(&reader);
    timestamp_seen(&reader, last_ms);
    assert_int_equal(timestamp_read(&reader, text, strlen(text), &ms), strlen(text));
    return ms;
}

static int64_t utc(const char *text)
{
    char *zone = getenv("TZ") ? strdup(getenv("TZ")) : NULL;
    assert_true(zone_set("UTC"));
    int64_t ms = read_after(NEVER, text);
    if (zone) {
        assert_true(zone_set(zone));
        free(zone);
    }
    return ms;
}

static void assert_reads(int64_t last_ms, const char *local, const char *expected_utc)
{
    assert_int_equal(read_after(last_ms, local), utc(expected_utc));
}

/* The last time seen and the awaited one in UTC; what is read in local time, and what it means. */
static void assert_reads_awaited(const char *last_utc, const char *awaited_utc, const char *local,
                                 const char *expected_utc)
{
    struct timestamp_reader reader;
    int64_t ms = 0, last_ms = utc(last_utc), awaited_ms = utc(awaited_utc);
    timestamp_reader_init(&reader);
    timestamp_seen(&reader, last_ms);
    timestamp_await(&reader, awaited_ms);
    assert_int_equal(timestamp_read(&reader, local, strlen(local), &ms), strlen(local));
    assert_int_equal(ms, utc(expected_utc));
    timestamp_seen(&reader, last_ms);
    assert_int_equal(timestamp_read(&reader, local, strlen(local), &ms), strlen(local));
    assert_int_equal(ms, read_after(last_ms, local)); /* it is awaited no longer than until the next record */
}

/* A log that was truncated under a writer, or cut off by a power failure, has bytes of 0, also before its first line. */
static void bytes_of_zero_are_no_time(void **state)
{
    (void)state;
    static const char stamp[] = "2026-03-03 10:00:00";
    for (size_t kept = 0; kept < sizeof stamp - 1; kept++) {
        struct timestamp_reader reader;
        char text[sizeof stamp] = { 0 };
        int64_t ms = 0;
        memcpy(text, stamp, kept);
        timestamp_reader_init(&reader);
        assert_int_equal(timestamp_read(&reader, text, sizeof stamp - 1, &ms), 0);
        memset(text, 0, sizeof text);
        memcpy(text + kept, stamp + kept, sizeof stamp - 1 - kept);
        assert_int_equal(timestamp_read(&reader, text, sizeof stamp - 1, &ms), kept == 0 ? sizeof stamp - 1 : 0);
    }
}

static void plain_times_are_read(void **state)
{
    (void)state;
    assert_true(zone_set("UTC"));
    assert_int_equal(read_after(NEVER, "1970-01-01 00:00:00"), 0);
    assert_int_equal(read_after(NEVER, "2026-02-12 19:34:58,462"), INT64_C(1770924898462));
    assert_int_equal(read_after(NEVER, "2026-02-12T19:34:58.462"), INT64_C(1770924898462));
    assert_int_equal(read_after(NEVER, "2026-02-12T19:34:58.462999"), INT64_C(1770924898462));
    assert_int_equal(read_after(NEVER, "2026-02-12 19:34:58,4"), INT64_C(1770924898400));
    assert_int_equal(read_after(NEVER, "2024-02-29 12:00:00"), INT64_C(1709208000000));
    assert_int_equal(read_after(NEVER, "2000-03-01 00:00:00"), INT64_C(951868800000));
    assert_int_equal(read_after(NEVER, "9999-12-31 23:59:59,999"), INT64_C(253402300799999));
}

static void every_day_of_the_calendar_follows_the_one_before(void **state)
{
    (void)state;
    assert_true(zone_set("UTC"));
    for (int64_t day = 0; day < 366 * 140; day++) {
        char text[40];
        zone_format_rfc3339(day * 86400000, text);
        text[19] = '\0';
        assert_int_equal(read_after(NEVER, text), day * 86400000);
    }
}

static void only_the_stamp_is_used(void **state)
{
    (void)state;
    struct timestamp_reader reader;
    int64_t ms;
    timestamp_reader_init(&reader);
    assert_int_equal(timestamp_read(&reader, "2026-02-12 19:34:58,462 - x", 27, &ms), 23);
    assert_int_equal(timestamp_read(&reader, "2026-02-12 19:34:58 - x", 23, &ms), 19);
    assert_int_equal(timestamp_read(&reader, "2026-02-12 19:34:58, and", 24, &ms), 19);
}

static void what_is_no_time_is_not_read(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "",
        "2026",
        "2026-02-12 19:34:5",
        "2026-02-30 19:34:58",
        "2025-02-29 00:00:00",
        "1900-02-29 00:00:00",
        "2026-13-01 00:00:00",
        "2026-00-01 00:00:00",
        "2026-01-00 00:00:00",
        "2026-01-01 24:00:00",
        "2026-01-01 00:60:00",
        "2026-01-01 00:00:60",
        "2026/01/01 00:00:00",
        "2026-01-01_00:00:00",
        "2026-01-01 00.00:00",
        "2026-01-01 00:00.00",
        "x026-01-01 00:00:00",
        "20x6-01-01 00:00:00",
        "2026-0x-01 00:00:00",
        "2026-01-01 00:00:0x",
        "2026-01-01 0/:00:00",
        "1969-12-31 23:59:59",
        "\xB2\xB0\xB2\xB6-01-01 00:00:00",
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        struct timestamp_reader reader;
        int64_t ms;
        timestamp_reader_init(&reader);
        assert_int_equal(timestamp_read(&reader, WRONG[i], strlen(WRONG[i]), &ms), 0);
    }
}

static void the_cached_hour_does_not_leak_into_another(void **state)
{
    (void)state;
    assert_true(zone_set("Europe/Berlin"));
    struct timestamp_reader reader;
    timestamp_reader_init(&reader);
    static const char *const TIMES[][2] = {
        { "2026-02-12 19:34:58,462", "2026-02-12 18:34:58,462" }, { "2026-02-12 19:00:00", "2026-02-12 18:00:00" },
        { "2026-02-12 20:00:00", "2026-02-12 19:00:00" },         { "2026-07-12 19:59:59", "2026-07-12 17:59:59" },
        { "2026-07-13 19:59:59", "2026-07-13 17:59:59" },         { "2026-02-12T20:30:00", "2026-02-12 19:30:00" },
    };
    for (size_t i = 0; i < sizeof TIMES / sizeof TIMES[0]; i++) {
        int64_t ms;
        assert_true(timestamp_read(&reader, TIMES[i][0], strlen(TIMES[i][0]), &ms) > 0);
        assert_int_equal(ms, utc(TIMES[i][1]));
    }
}

/* The stamp that was read last is known by its text, but not where the text alone does not tell what it means. */
static void a_stamp_that_comes_again_is_read_by_what_was_seen(void **state)
{
    static const char LOCAL[] = "2026-10-25 02:30:00,000 - __main__";
    static const int64_t NOON_MS = INT64_C(1792929600000); /* 2026-10-25 12:00 UTC */
    struct timestamp_reader reader;
    int64_t first_ms, again_ms;
    (void)state;
    assert_true(zone_set("Europe/Berlin"));
    timestamp_reader_init(&reader);
    assert_int_equal(timestamp_read(&reader, LOCAL, strlen(LOCAL), &first_ms), 23);
    timestamp_seen(&reader, first_ms + 50 * 60 * 1000);
    assert_int_equal(timestamp_read(&reader, LOCAL, strlen(LOCAL), &again_ms), 23);
    assert_int_equal(again_ms - first_ms, 60 * 60 * 1000);
    /* On any other day the second reading is the same, whatever was seen. */
    assert_int_equal(timestamp_read(&reader, "2026-11-25 13:00:00,250 - ", 26, &first_ms), 23);
    timestamp_seen(&reader, NOON_MS);
    assert_int_equal(timestamp_read(&reader, "2026-11-25 13:00:00,250 - ", 26, &again_ms), 23);
    assert_int_equal(again_ms, first_ms);
    assert_int_equal(first_ms - NOON_MS, INT64_C(31) * 24 * 60 * 60 * 1000 + 250);
    /* A stamp that only begins like it is another one. */
    assert_int_equal(timestamp_read(&reader, "2026-11-25 13:00:00,2503 ", 25, &again_ms), 24);
    assert_int_equal(timestamp_read(&reader, "2026-11-25 13:00:00,251 - ", 26, &again_ms), 23);
    assert_int_equal(again_ms, first_ms + 1);
}

static void berlin_in_autumn(void **state)
{
    (void)state;
    assert_true(zone_set("Europe/Berlin"));
    /* 03:00 CEST becomes 02:00 CET at 01:00 UTC. */
    assert_reads(NEVER, "2026-10-25 01:59:59", "2026-10-24 23:59:59");
    assert_reads(NEVER, "2026-10-25 02:30:00", "2026-10-25 00:30:00");
    assert_reads(utc("2026-10-25 00:30:59"), "2026-10-25 02:30:00", "2026-10-25 00:30:00");
    assert_reads(utc("2026-10-25 00:31:01"), "2026-10-25 02:30:00", "2026-10-25 01:30:00");
    assert_reads(utc("2026-10-25 00:59:59"), "2026-10-25 02:00:00", "2026-10-25 01:00:00");
    assert_reads(NEVER, "2026-10-25 03:00:00", "2026-10-25 02:00:00");
}

static void berlin_in_spring(void **state)
{
    (void)state;
    assert_true(zone_set("Europe/Berlin"));
    /* 02:00 CET becomes 03:00 CEST at 01:00 UTC. */
    assert_reads(NEVER, "2026-03-29 01:59:59", "2026-03-29 00:59:59");
    assert_reads(NEVER, "2026-03-29 02:30:00", "2026-03-29 01:30:00");
    assert_reads(NEVER, "2026-03-29 03:00:00", "2026-03-29 01:00:00");
}

static void sydney_in_both_changes(void **state)
{
    (void)state;
    assert_true(zone_set("Australia/Sydney"));
    /* 03:00 AEDT becomes 02:00 AEST on 5 April at 16:00 UTC of the day before. */
    assert_reads(NEVER, "2026-04-05 02:15:00", "2026-04-04 15:15:00");
    assert_reads(utc("2026-04-04 15:59:00"), "2026-04-05 02:15:00", "2026-04-04 16:15:00");
    assert_reads(NEVER, "2026-04-05 03:00:00", "2026-04-04 17:00:00");
    /* 02:00 AEST becomes 03:00 AEDT on 4 October. */
    assert_reads(NEVER, "2026-10-04 01:59:59", "2026-10-03 15:59:59");
    assert_reads(NEVER, "2026-10-04 02:15:00", "2026-10-03 16:15:00");
    assert_reads(NEVER, "2026-10-04 03:00:00", "2026-10-03 16:00:00");
}

static void lord_howe_shifts_by_half_an_hour(void **state)
{
    (void)state;
    assert_true(zone_set("Australia/Lord_Howe"));
    /* 02:00 +11 becomes 01:30 +10:30 on 5 April at 15:00 UTC of the day before. */
    assert_reads(NEVER, "2026-04-05 01:29:59", "2026-04-04 14:29:59");
    assert_reads(NEVER, "2026-04-05 01:45:00", "2026-04-04 14:45:00");
    assert_reads(utc("2026-04-04 14:59:00"), "2026-04-05 01:45:00", "2026-04-04 15:15:00");
    assert_reads(utc("2026-04-04 14:59:00"), "2026-04-05 01:15:00", "2026-04-04 14:15:00");
    assert_reads(NEVER, "2026-04-05 02:00:00", "2026-04-04 15:30:00");
    /* 02:00 +10:30 becomes 02:30 +11 on 4 October at 15:30 UTC of the day before. */
    assert_reads(NEVER, "2026-10-04 01:59:59", "2026-10-03 15:29:59");
    assert_reads(NEVER, "2026-10-04 02:10:00", "2026-10-03 15:40:00");
    assert_reads(NEVER, "2026-10-04 02:30:00", "2026-10-03 15:30:00");
}

/* A sleep of an hour through the change steps back by seconds, or not at all where the change is of half an hour. */
static void a_sleep_through_the_change_ends_when_it_was_said(void **state)
{
    (void)state;
    assert_true(zone_set("Europe/Berlin"));
    assert_reads_awaited("2026-10-25 00:00:42", "2026-10-25 01:00:00", "2026-10-25 02:00:02", "2026-10-25 01:00:02");
    assert_reads_awaited("2026-10-25 00:00:42", "2026-10-25 01:00:00", "2026-10-25 02:01:01", "2026-10-25 00:01:01");
    assert_reads_awaited("2026-10-25 00:00:42", "2026-10-25 00:15:00", "2026-10-25 02:15:01", "2026-10-25 00:15:01");
    assert_reads_awaited("2026-10-25 01:00:42", "2026-10-25 02:00:00", "2026-10-25 03:00:01", "2026-10-25 02:00:01");
    assert_true(zone_set("Australia/Lord_Howe"));
    assert_reads_awaited("2026-04-04 14:00:40", "2026-04-04 15:00:00", "2026-04-05 01:30:02", "2026-04-04 15:00:02");
    assert_reads_awaited("2026-04-04 14:00:40", "2026-04-04 15:00:00", "2026-04-05 01:32:00", "2026-04-04 14:32:00");
}

static void a_zone_that_skipped_a_day_and_one_that_changed_its_standard_time(void **state)
{
    (void)state;
    assert_true(zone_set("Pacific/Apia"));
    assert_reads(NEVER, "2011-12-29 23:59:59", "2011-12-30 09:59:59");
    assert_reads(NEVER, "2011-12-31 00:00:00", "2011-12-30 10:00:00");
    assert_true(zone_set("Europe/Moscow"));
    assert_reads(NEVER, "2014-10-26 01:30:00", "2014-10-25 21:30:00");
    assert_reads(utc("2014-10-25 21:59:00"), "2014-10-26 01:30:00", "2014-10-25 22:30:00");
}

/* A log line each minute through the days around a change: time never steps back, and each minute lasts one. */
static void a_log_through_the_change_is_continuous(void **state)
{
    (void)state;
    static const int64_t DAY_MS = 86400000;
    static const char *const CHANGES[][2] = {
        { "Europe/Berlin", "2026-10-24 12:00:00" },       { "Europe/Berlin", "2026-03-28 12:00:00" },
        { "Australia/Sydney", "2026-04-04 05:00:00" },    { "Australia/Sydney", "2026-10-03 05:00:00" },
        { "Australia/Lord_Howe", "2026-04-04 05:00:00" }, { "Australia/Lord_Howe", "2026-10-03 05:00:00" },
        { "Africa/Casablanca", "2026-02-14 12:00:00" },   { "America/St_Johns", "2026-11-01 00:00:00" },
        { "Asia/Kolkata", "2026-11-01 00:00:00" },
    };
    for (size_t i = 0; i < sizeof CHANGES / sizeof CHANGES[0]; i++) {
        int64_t begin = utc(CHANGES[i][1]);
        assert_true(zone_set(CHANGES[i][0]));
        struct timestamp_reader reader;
        timestamp_reader_init(&reader);
        for (int64_t ms = begin - 3 * DAY_MS; ms < begin + 4 * DAY_MS; ms += 60000) {
            char text[40];
            int64_t read_ms;
            zone_format_rfc3339(ms, text);
            text[23] = '\0';
            assert_int_equal(timestamp_read(&reader, text, 23, &read_ms), 23);
            assert_int_equal(read_ms, ms);
            timestamp_seen(&reader, read_ms);
        }
    }
}

static void zones_are_checked(void **state)
{
    (void)state;
    static const char *const GOOD[] = { "UTC",
                                        "Europe/Berlin",
                                        "Australia/Lord_Howe",
                                        "EST5EDT",
                                        "CET-1CEST",
                                        "CET-1CEST,M3.5.0,M10.5.0/3",
                                        "<+0330>-3:30",
                                        "NZST-12NZDT,J60,J300/-2:30" };
    static const char *const BAD[] = {
        "",         "Europe/Berln", "../etc/passwd", "Europe/../UTC",    "/etc/localtime", "Europe", "tzdata.zi",
        "zone.tab", "CET",          "C-1",           "CET-1CEST,M3.5.0", "UTC+",           ":UTC"
    };
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        assert_true(zone_set(GOOD[i]));
        assert_string_equal(getenv("TZ"), GOOD[i]);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        bool is_file_here = strcmp(BAD[i], "CET") == 0;
        if (!is_file_here) {
            assert_false(zone_set(BAD[i]));
            assert_string_equal(getenv("TZ"), GOOD[7]);
        }
    }
    assert_true(zone_set(NULL));
    assert_string_equal(getenv("TZ"), GOOD[7]);
}

static void assert_formats(const char *zone, int64_t ms, const char *expected)
{
    char text[40];
    assert_true(zone_set(zone));
    zone_format_rfc3339(ms, text);
    assert_string_equal(text, expected);
}

static void times_are_formatted_with_their_offset(void **state)
{
    (void)state;
    assert_formats("Australia/Sydney", INT64_C(1772493302743), "2026-03-03T10:15:02.743+11:00");
    assert_formats("UTC", INT64_C(1772493302743), "2026-03-02T23:15:02.743+00:00");
    assert_formats("America/St_Johns", INT64_C(1772493302743), "2026-03-02T19:45:02.743-03:30");
    assert_formats("UTC", -1, "1969-12-31T23:59:59.999+00:00");
    assert_formats("UTC", INT64_MAX, "292278994-08-17T07:12:55.807+00:00");
    assert_formats("UTC", INT64_MIN, "-292275055-05-16T16:47:04.192+00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_zero_are_no_time),
        cmocka_unit_test(plain_times_are_read),
        cmocka_unit_test(every_day_of_the_calendar_follows_the_one_before),
        cmocka_unit_test(only_the_stamp_is_used),
        cmocka_unit_test(what_is_no_time_is_not_read),
        cmocka_unit_test(the_cached_hour_does_not_leak_into_another),
        cmocka_unit_test(a_stamp_that_comes_again_is_read_by_what_was_seen),
        cmocka_unit_test(berlin_in_autumn),
        cmocka_unit_test(berlin_in_spring),
        cmocka_unit_test(sydney_in_both_changes),
        cmocka_unit_test(lord_howe_shifts_by_half_an_hour),
        cmocka_unit_test(a_sleep_through_the_change_ends_when_it_was_said),
        cmocka_unit_test(a_zone_that_skipped_a_day_and_one_that_changed_its_standard_time),
        cmocka_unit_test(a_log_through_the_change_is_continuous),
        cmocka_unit_test(zones_are_checked),
        cmocka_unit_test(times_are_formatted_with_their_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

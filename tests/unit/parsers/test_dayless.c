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

static int64_t utc(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(timestamp_read_utc(text, strlen(text), &ms), strlen(text));
    return ms;
}

/* Reads a time of day and lets the order go on from it. */
static int64_t next(struct timestamp_reader *reader, const char *text)
{
    int64_t ms = 0;
    assert_int_equal(dayless_read(reader, text, strlen(text), &ms), strlen(text));
    dayless_seen(&reader->dayless, ms);
    return ms;
}

static struct timestamp_reader reader_from(const char *zone, const char *last)
{
    struct timestamp_reader reader;
    assert_true(zone_set(zone));
    timestamp_reader_init(&reader);
    if (last)
        reader.dayless.last_ms = utc(last);
    return reader;
}

static void without_any_day_there_is_no_time(void **state)
{
    (void)state;
    struct timestamp_reader reader = reader_from("UTC", NULL);
    int64_t ms;
    assert_int_equal(dayless_read(&reader, "06:15:00.112", 12, &ms), 0);
    reader.dayless.last_ms = utc("2026-02-18T00:00:00Z");
    static const char *const BAD[] = { "",         "06:15",    "6:15:00",  "24:00:00",
                                       "06:60:00", "06:15:61", "06-15-00", "ab:cd:ef" };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_equal(dayless_read(&reader, BAD[i], strlen(BAD[i]), &ms), 0);
}

static void the_order_passes_midnight(void **state)
{
    (void)state;
    struct timestamp_reader reader = reader_from("UTC", "2026-02-18T00:00:00Z");
    assert_int_equal(next(&reader, "06:15:00.112"), utc("2026-02-18T06:15:00.112Z"));
    assert_int_equal(next(&reader, "06:14:59,999"),
                     utc("2026-02-18T06:14:59.999Z")); /* threads: a step back of less than a minute */
    assert_int_equal(next(&reader, "18:00:00"), utc("2026-02-18T18:00:00Z"));
    assert_int_equal(next(&reader, "23:59:59.999"), utc("2026-02-18T23:59:59.999Z"));
    assert_int_equal(next(&reader, "00:00:00"), utc("2026-02-19T00:00:00Z"));
    assert_int_equal(next(&reader, "23:59:59.998"), utc("2026-02-18T23:59:59.998Z"));
    assert_int_equal(next(&reader, "00:00:00.001"), utc("2026-02-19T00:00:00.001Z"));
    /* Nearly a whole day of silence. */
    assert_int_equal(next(&reader, "23:50:00"), utc("2026-02-19T23:50:00Z"));
    assert_int_equal(next(&reader, "23:50:01"), utc("2026-02-19T23:50:01Z"));
    assert_int_equal(next(&reader, "22:00:00"), utc("2026-02-20T22:00:00Z"));
    assert_int_equal(next(&reader, "22:00:01"), utc("2026-02-20T22:00:01Z"));
}

static void one_line_out_of_order_moves_no_day(void **state)
{
    (void)state;
    struct timestamp_reader reader = reader_from("UTC", "2026-02-18T06:00:00Z");
    next(&reader, "06:15:00");
    next(&reader, "05:15:00");
    assert_int_equal(next(&reader, "06:15:01"), utc("2026-02-18T06:15:01Z"));
    next(&reader, "04:00:00");
    next(&reader, "03:00:00");
    assert_int_equal(next(&reader, "06:15:02"), utc("2026-02-18T06:15:02Z"));
}

/* Europe/Berlin puts its clock back from 03:00 to 02:00 at 2026-10-25T01:00:00Z, and forward from 02:00 to 03:00 at 2026-03-29T01:00:00Z. */
static void a_clock_that_is_put_back_is_no_midnight(void **state)
{
    (void)state;
    struct timestamp_reader reader = reader_from("Europe/Berlin", "2026-10-24T23:00:00Z");
    assert_int_equal(next(&reader, "02:30:00"), utc("2026-10-25T00:30:00Z"));
    assert_int_equal(next(&reader, "02:59:59"), utc("2026-10-25T00:59:59Z"));
    assert_int_equal(next(&reader, "02:00:00"), utc("2026-10-25T01:00:00Z"));
    assert_int_equal(next(&reader, "02:45:00"), utc("2026-10-25T01:45:00Z"));
    assert_int_equal(next(&reader, "03:15:00"), utc("2026-10-25T02:15:00Z"));
    assert_int_equal(next(&reader, "00:15:00"), utc("2026-10-25T23:15:00Z"));

    reader = reader_from("Europe/Berlin", "2026-03-29T00:30:00Z");
    assert_int_equal(next(&reader, "01:59:59"), utc("2026-03-29T00:59:59Z"));
    assert_int_equal(next(&reader, "03:00:00"), utc("2026-03-29T01:00:00Z"));
    assert_int_equal(next(&reader, "01:00:00"), utc("2026-03-29T23:00:00Z"));
}

static void the_moment_of_writing_tells_the_day(void **state)
{
    (void)state;
    struct timestamp_reader reader = reader_from("UTC", "2026-01-01T00:00:00Z");
    reader.dayless.near_ms = utc("2026-02-18T00:00:00.050Z");
    assert_int_equal(next(&reader, "23:59:59.990"), utc("2026-02-17T23:59:59.990Z"));
    assert_int_equal(next(&reader, "00:00:00.010"), utc("2026-02-18T00:00:00.010Z"));
    /* A clock of another zone is at most half a day away. */
    assert_int_equal(next(&reader, "05:30:00"), utc("2026-02-18T05:30:00Z"));
    assert_int_equal(next(&reader, "19:00:00"), utc("2026-02-17T19:00:00Z"));
    /* The hour that happens twice. */
    assert_true(zone_set("Europe/Berlin"));
    reader.dayless.near_ms = utc("2026-10-25T01:30:00.5Z");
    assert_int_equal(next(&reader, "02:30:00"), utc("2026-10-25T01:30:00Z"));
    reader.dayless.near_ms = utc("2026-10-25T00:30:00.5Z");
    assert_int_equal(next(&reader, "02:30:00"), utc("2026-10-25T00:30:00Z"));
}

static void the_frame_tells_the_hour_in_every_zone(void **state)
{
    (void)state;
    static const char *const ZONES[] = { "UTC", "Asia/Kathmandu", "America/St_Johns" };
    for (size_t i = 0; i < sizeof ZONES / sizeof ZONES[0]; i++) {
        struct timestamp_reader reader = reader_from(ZONES[i], NULL);
        reader.dayless.frame_ms = utc("2026-02-18T06:15:00.130Z");
        assert_int_equal(next(&reader, "06:15:00.112"), utc("2026-02-18T06:15:00.112Z"));
        assert_int_equal(next(&reader, "12:00:00.112"), utc("2026-02-18T06:15:00.112Z")); /* +05:45 */
        assert_int_equal(next(&reader, "23:14:59.900"), utc("2026-02-18T06:14:59.900Z"));
        assert_int_equal(next(&reader, "06:15:01"), utc("2026-02-18T06:15:01Z")); /* a clock that is a bit ahead */
        assert_int_equal(next(&reader, "06:02:00"), utc("2026-02-18T06:02:00Z")); /* a pipe that was held up */
        reader.dayless.frame_ms = utc("2026-02-18T00:00:00.001Z");
        assert_int_equal(next(&reader, "23:59:59.990"), utc("2026-02-17T23:59:59.990Z"));
    }
}

static void the_order_survives_a_restart(void **state)
{
    (void)state;
    struct timestamp_reader before = reader_from("UTC", "2026-02-18T20:00:00Z"), after;
    next(&before, "23:59:00");
    next(&before, "13:00:00"); /* a doubt */
    timestamp_reader_init(&after);
    struct archive archive;
    struct strbuf saved = { 0 };
    archive_save_to(&archive, &saved);
    dayless_archive(&before.dayless, &archive);
    archive_load_from(&archive, strbuf_slice(&saved));
    dayless_archive(&after.dayless, &archive);
    assert_int_equal(next(&after, "13:00:01"), next(&before, "13:00:01"));
    assert_int_equal(after.dayless.last_ms, utc("2026-02-19T13:00:01Z"));
    strbuf_free(&saved);
}

static void instants_of_frames_are_read(void **state)
{
    (void)state;
    int64_t ms;
    assert_true(zone_set("Asia/Tokyo"));
    assert_int_equal(utc("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(utc("2026-02-18T06:15:00.112345678Z"), utc("2026-02-18T11:45:00.112+05:30"));
    assert_int_equal(timestamp_read_utc("2026-02-18T06:15:00", 19, &ms), 0);
    assert_int_equal(timestamp_read_utc("2026-02-18T06:15:00+0100", 24, &ms), 0);
    assert_int_equal(timestamp_read_utc("2026-02-18T06:15:00+24:00", 25, &ms), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any_day_there_is_no_time),
        cmocka_unit_test(the_order_passes_midnight),
        cmocka_unit_test(one_line_out_of_order_moves_no_day),
        cmocka_unit_test(a_clock_that_is_put_back_is_no_midnight),
        cmocka_unit_test(the_moment_of_writing_tells_the_day),
        cmocka_unit_test(the_frame_tells_the_hour_in_every_zone),
        cmocka_unit_test(the_order_survives_a_restart),
        cmocka_unit_test(instants_of_frames_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/core/known_durations.h"
#include "base/budgets.h"
#include "base/strbuf.h"

/* The durations of two weeks by half hours: what is counted as seen, on which days, and that it is saved. */

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
static const int64_t DAY = 24 * (int64_t)HOUR;
static const int64_t MONDAY = 1767571200000; /* 2026-01-05, 0:00 UTC */

/* Cycles of the duration each quarter of an hour from from_ms on, before to_ms. */
static void add(struct known_durations *known, int64_t from_ms, int64_t to_ms, int64_t duration_ms)
{
    for (int64_t at_ms = from_ms; at_ms < to_ms; at_ms += 15 * MINUTE)
        known_durations_add(known, MONDAY + at_ms, duration_ms);
}

static void nothing_is_known_of_nothing(void **unused)
{
    (void)unused;
    struct known_durations known = { 0 };
    int64_t values[SAMPLES_AT_HOUR];
    size_t count;
    assert_int_equal(known_durations_span_ms(&known, MONDAY), 0);
    assert_false(known_durations_any(&known, MONDAY, 0));
    assert_int_equal(known_durations_days(&known, MONDAY, 0), 0);
    assert_int_equal(known_durations_days_in_a_row(&known, MONDAY, 0), 0);
    assert_int_equal(known_durations_days_at_hour(&known, MONDAY, 0), 0);
    assert_int_equal(known_durations_count(&known, MONDAY, 7 * DAY, 0, 0, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(known_durations_at_hour(&known, MONDAY, values), 0);
}

static void a_day_counts_at_its_time_and_a_little_around_it(void **unused)
{
    (void)unused;
    struct known_durations known = { 0 };
    add(&known, 0, 2 * DAY, 40 * SECOND);
    known_durations_add(&known, MONDAY + 2 * DAY + 10 * HOUR, 160 * SECOND);
    int64_t next = MONDAY + 3 * DAY;
    for (int64_t off = -60; off <= 60; off += 30)
        assert_int_equal(known_durations_days_at_hour(&known, next + 10 * HOUR + off * MINUTE, 150 * SECOND), 1);
    assert_int_equal(known_durations_days_at_hour(&known, next + 10 * HOUR + 90 * MINUTE, 150 * SECOND), 0);
    assert_int_equal(known_durations_days_at_hour(&known, next + 10 * HOUR - 91 * MINUTE, 150 * SECOND), 0);
    assert_int_equal(known_durations_days_at_hour(&known, next + 10 * HOUR, 180 * SECOND), 0);
    /* The day itself does not count, and neither does what is older than two weeks. */
    assert_int_equal(known_durations_days_at_hour(&known, next - DAY + 10 * HOUR, 150 * SECOND), 0);
    assert_int_equal(known_durations_days_at_hour(&known, next + 13 * DAY + 10 * HOUR, 150 * SECOND), 1);
    assert_int_equal(known_durations_days_at_hour(&known, next + 14 * DAY + 10 * HOUR, 150 * SECOND), 0);
}

static void one_long_cycle_is_none_of_two_in_a_row(void **unused)
{
    (void)unused;
    struct known_durations known = { 0 };
    add(&known, 0, DAY, 40 * SECOND);
    known_durations_add(&known, MONDAY + DAY, 160 * SECOND);
    known_durations_add(&known, MONDAY + DAY + 15 * MINUTE, 40 * SECOND);
    int64_t now = MONDAY + 2 * DAY + 8 * HOUR;
    assert_int_equal(known_durations_days(&known, now, 150 * SECOND), 1);
    assert_int_equal(known_durations_days_in_a_row(&known, now, 150 * SECOND), 0);
    known_durations_add(&known, MONDAY + DAY + 30 * MINUTE, 160 * SECOND);
    known_durations_add(&known, MONDAY + DAY + 45 * MINUTE, 200 * SECOND);
    assert_int_equal(known_durations_days_in_a_row(&known, now, 150 * SECOND), 1);
    assert_int_equal(known_durations_days_in_a_row(&known, now, 190 * SECOND), 0);
}

static void any_leaves_out_what_began_later(void **unused)
{
    (void)unused;
    struct known_durations known = { 0 };
    add(&known, 0, DAY, 40 * SECOND);
    known_durations_add(&known, MONDAY + DAY, 160 * SECOND);
    assert_true(known_durations_any(&known, MONDAY + DAY + 30 * MINUTE, 150 * SECOND));
    assert_false(known_durations_any(&known, MONDAY + DAY, 150 * SECOND));
    assert_true(known_durations_any(&known, MONDAY + DAY, 40 * SECOND));
}

static void samples_are_one_a_half_hour(void **unused)
{
    (void)unused;
    struct known_durations known = { 0 };
    int64_t values[SAMPLES_AT_HOUR];
    size_t count, as_long;
    add(&known, 0, 12 * HOUR, 40 * SECOND);
    add(&known, 12 * HOUR, DAY, 160 * SECOND);
    int64_t now = MONDAY + DAY;
    assert_int_equal(known_durations_count(&known, now, DAY, 0, 150 * SECOND, &count), 24);
    assert_int_equal(count, 48);
    assert_int_equal(known_durations_count(&known, now, 7 * DAY, 12 * HOUR, 150 * SECOND, &count), 1);
    assert_int_equal(count, 25);
    assert_int_equal(known_durations_at_hour(&known, now + 6 * HOUR, values), 5);
    assert_in_range(values[0], 38 * SECOND, 42 * SECOND);
    assert_int_equal(known_durations_hour_days(&known, now + 12 * HOUR, 150 * SECOND, &count, &as_long), 1);
    assert_int_equal(count, 5);
    assert_int_equal(as_long, 3);
    assert_int_equal(known_durations_span_ms(&known, now), DAY);
}

/* Each step is 8 % longer; what is longer than 20 minutes or shorter than a second is kept as that. */
static void lengths_are_kept_to_a_twelfth(void **unused)
{
    (void)unused;
    for (int64_t ms = 1; ms < 10 * HOUR; ms = ms * 5 / 4 + 1) {
        struct known_durations known = { 0 };
        int64_t values[SAMPLES_AT_HOUR], expected = ms < 1000 ? 1000 : ms > 1187 * SECOND ? 1187 * SECOND : ms;
        known_durations_add(&known, MONDAY, ms);
        assert_int_equal(known_durations_at_hour(&known, MONDAY + DAY, values), 1);
        assert_in_range(values[0], expected * 23 / 24, expected * 25 / 24);
    }
}

static void a_clock_set_back_a_little_loses_nothing(void **unused)
{
    (void)unused;
    struct known_durations known = { 0 };
    add(&known, 0, 3 * DAY, 40 * SECOND);
    known_durations_add(&known, MONDAY + DAY, 160 * SECOND);
    assert_int_equal(known_durations_days(&known, MONDAY + 3 * DAY, 150 * SECOND), 1);
    assert_int_equal(known_durations_span_ms(&known, MONDAY + 3 * DAY), 3 * DAY);
    /* One that was far ahead was wrong, and so is one that is far behind. */
    known_durations_add(&known, MONDAY - 30 * DAY, 40 * SECOND);
    assert_int_equal(known_durations_days(&known, MONDAY + 3 * DAY, 0), 0);
    known_durations_add(&known, MONDAY - 90 * 365 * DAY, 40 * SECOND); /* before 1970 */
    assert_int_equal(known_durations_days(&known, MONDAY + 3 * DAY, 0), 0);
}

static void load(struct known_durations *known, const struct strbuf *saved)
{
    struct archive archive;
    archive_load_from(&archive, strbuf_slice(saved));
    known_durations_archive(known, &archive);
}

static void it_is_saved_in_2300_bytes(void **unused)
{
    (void)unused;
    struct known_durations known = { 0 }, loaded = { 0 };
    struct strbuf saved = { 0 };
    struct archive archive;
    for (int64_t i = 0; i < 20 * 96; i++)
        known_durations_add(&known, MONDAY + i * 15 * MINUTE, 900 + i * i % 1300000);
    archive_save_to(&archive, &saved);
    known_durations_archive(&known, &archive);
    load(&loaded, &saved);
    assert_memory_equal(&known, &loaded, sizeof known);
    assert_in_range(saved.len, 2000, 2300);
    strbuf_free(&saved);
}

static void a_hostile_state_is_bounded(void **unused)
{
    (void)unused;
    static const char text[] = "known.newest 9223372036854775807\nknown.previous -5\nknown.longest "
                               "=\x01\xff~~\nknown.pair -\nknown.first ==\n";
    struct known_durations known = { 0 };
    struct strbuf saved = { 0 };
    size_t count;
    strbuf_puts(&saved, text);
    load(&known, &saved);
    assert_true(known_durations_span_ms(&known, MONDAY) < 0);
    assert_true(known_durations_span_ms(&known, MONDAY) > -EVENT_TIME_MAX_MS);
    known_durations_count(&known, MONDAY, 7 * DAY, 0, 1, &count);
    known_durations_add(&known, MONDAY, 40 * SECOND);
    assert_int_equal(known_durations_days(&known, MONDAY + DAY, 0), 1);
    strbuf_free(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_of_nothing),
        cmocka_unit_test(a_day_counts_at_its_time_and_a_little_around_it),
        cmocka_unit_test(one_long_cycle_is_none_of_two_in_a_row),
        cmocka_unit_test(any_leaves_out_what_began_later),
        cmocka_unit_test(samples_are_one_a_half_hour),
        cmocka_unit_test(lengths_are_kept_to_a_twelfth),
        cmocka_unit_test(a_clock_set_back_a_little_loses_nothing),
        cmocka_unit_test(it_is_saved_in_2300_bytes),
        cmocka_unit_test(a_hostile_state_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include "base/budgets.h"

/* How often a cycle begins, as the log tells it. */

/* Promises that many minutes apart, each made just behind the one before. */
static struct interval promised(int64_t said_min, const int64_t *gaps_min, size_t count)
{
    struct interval interval = { 0 };
    int64_t promise_ms = at(0, 0, 0), begin_ms = at(0, 0, 0);
    if (said_min)
        interval_said(&interval, minutes(said_min));
    interval_promised(&interval, promise_ms, promise_ms - seconds(5));
    for (size_t i = 0; i < count; i++) {
        begin_ms = promise_ms;
        interval_begun(&interval, begin_ms, true);
        promise_ms += minutes(gaps_min[i]);
        interval_promised(&interval, promise_ms, begin_ms + seconds(10));
    }
    return interval;
}

#define PROMISED(said_min, ...)                                                                                        \
    promised(said_min, (const int64_t[]){ __VA_ARGS__ }, sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))   \
        .learnt_ms

static void the_median_of_five_promises_counts(void **unused)
{
    (void)unused;
    assert_int_equal(PROMISED(0, 60), minutes(60));
    assert_int_equal(PROMISED(0, 15, 30), minutes(15));
    assert_int_equal(PROMISED(0, 15, 30, 15, 45, 15), minutes(15));
    assert_int_equal(PROMISED(0, 60, 60, 60, 60, 60, 5, 5), minutes(60));
    assert_int_equal(PROMISED(0, 60, 60, 60, 60, 60, 5, 5, 5), minutes(5));
    assert_int_equal(PROMISED(0, 10, 20, 30, 10, 20, 30), minutes(20));
}

static void promises_outweigh_a_schedule_line_that_they_contradict(void **unused)
{
    (void)unused;
    assert_int_equal(PROMISED(60, 5), minutes(60));
    assert_int_equal(PROMISED(60, 5, 5), minutes(5));
    assert_int_equal(PROMISED(60, 5, 20, 5), minutes(60)); /* restarts, say */
    assert_int_equal(PROMISED(15, 60, 60), minutes(15));
    assert_int_equal(PROMISED(15, 60, 60, 60), minutes(60));
    assert_int_equal(PROMISED(15, 60, 60, 60, 15, 15), minutes(15));
    assert_int_equal(PROMISED(15, 480, 15, 15, 480, 15), minutes(15)); /* a pause at night */
}

/* Cycles of 20 minutes every 15 minutes: the promise is always the next slot, so every other slot is skipped. */
static void skipped_slots_are_no_longer_interval(void **unused)
{
    (void)unused;
    struct interval interval = { 0 };
    interval_said(&interval, minutes(15));
    for (int64_t m = 0; m < 600; m += 30) {
        interval_begun(&interval, at(0, m, 0), true);
        interval_promised(&interval, at(0, m + 30, 0), at(0, m + 20, 0));
        assert_int_equal(interval.learnt_ms, minutes(15));
    }
}

/* Where local time jumps, the seconds of the wait correct the promise. */
static void a_second_promise_of_a_wait_replaces_the_first(void **unused)
{
    (void)unused;
    struct interval interval = { 0 };
    for (int64_t m = 15; m <= 45; m += 15) {
        interval_promised(&interval, at(0, m, 0) + hours(m == 30), at(0, m, 0) - minutes(14));
        if (m == 30)
            interval_promised(&interval, at(0, m, 0), at(0, m, 0) - minutes(14));
        interval_begun(&interval, at(0, m, 0), true);
    }
    assert_int_equal(interval.promised_count, 2);
    assert_int_equal(interval.promised_ms[0], minutes(15));
    assert_int_equal(interval.promised_ms[1], minutes(15));
}

static void a_break_is_no_gap(void **unused)
{
    (void)unused;
    struct interval interval = { 0 };
    for (int64_t h = 0; h < 4; h++) {
        interval_begun(&interval, at(h, 0, 0), true);
        interval_promised(&interval, at(h + 1, 0, 0), at(h, 0, 10));
        interval_break(&interval);
    }
    assert_int_equal(interval.learnt_ms, 0);
    assert_int_equal(interval.begun_count, 0);
}

static void five_gaps_between_beginnings_are_enough(void **unused)
{
    (void)unused;
    struct interval interval = { 0 };
    for (int64_t i = 0; i < 6; i++) {
        assert_int_equal(interval.learnt_ms, 0);
        interval_begun(&interval, at(0, 7 * i, i % 2), true);
        interval_begun(&interval, at(0, 7 * i, 2), true); /* a burst */
    }
    assert_int_equal(interval.learnt_ms, minutes(7) + seconds(1));
    assert_true(interval_is_observed(&interval));
    interval_promised(&interval, at(1, 0, 0), at(0, 50, 0));
    assert_true(interval_is_observed(&interval)); /* one promise is no gap */
    interval_begun(&interval, at(1, 0, 0), true);
    interval_promised(&interval, at(1, 10, 0), at(1, 0, 10));
    assert_false(interval_is_observed(&interval));
    assert_int_equal(interval.learnt_ms, minutes(10));
}

static struct interval begun(const int64_t *gaps_min, size_t count)
{
    struct interval interval = { 0 };
    int64_t begin_ms = at(0, 0, 0);
    interval_begun(&interval, begin_ms, true);
    for (size_t i = 0; i < count; i++)
        interval_begun(&interval, begin_ms += minutes(gaps_min[i]), true);
    return interval;
}

static int64_t slack_of(const int64_t *gaps_min, size_t count)
{
    struct interval interval = begun(gaps_min, count);
    return interval_slack(&interval);
}

#define SLACK(...)                                                                                                     \
    slack_of((const int64_t[]){ __VA_ARGS__ }, sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

static void gaps_that_did_no_harm_are_no_lateness(void **unused)
{
    (void)unused;
    assert_int_equal(SLACK(15, 15, 15, 15, 15), 0);
    assert_int_equal(SLACK(10, 20, 30, 10, 20), minutes(10));
    assert_int_equal(SLACK(5, 5, 5, 45, 5, 5, 5, 45), minutes(40));
    assert_int_equal(SLACK(60, 62, 60, 60, 60), minutes(6)); /* a jitter */
    assert_int_equal(SLACK(15, 20, 15, 15, 15), minutes(10));
    assert_int_equal(SLACK(15, 15, 480, 15, 15), 0); /* a night without a host */
    assert_int_equal(SLACK(60, 60, 110, 60, 60), minutes(50));
    struct interval interval = begun((const int64_t[]){ 15, 15, 15, 15, 15 }, 5);
    interval_begun(&interval, at(1, 45, 0), false); /* it was missed, and that was told */
    assert_int_equal(interval_slack(&interval), 0);
    interval_begun(&interval, at(2, 15, 0), false); /* it recurs */
    assert_int_equal(interval_slack(&interval), minutes(15));
    interval_promised(&interval, at(2, 30, 0), at(2, 15, 10));
    interval_begun(&interval, at(2, 30, 0), true);
    interval_promised(&interval, at(2, 45, 0), at(2, 30, 10));
    assert_int_equal(interval_slack(&interval), 0); /* a promise needs none */
}

/* A saved state may say anything. What others multiply is no longer than any log can tell. */
static void an_absurd_interval_of_a_saved_state_is_bounded(void **unused)
{
    (void)unused;
    struct interval saved = { .said_ms = INT64_MAX }, loaded = { 0 };
    struct strbuf text = { 0 };
    struct archive archive;
    archive_save_to(&archive, &text);
    archive_i64(&archive, "interval", &saved.said_ms);
    archive_load_from(&archive, strbuf_slice(&text));
    interval_archive(&loaded, &archive);
    assert_int_equal(loaded.learnt_ms, EVENT_TIME_MAX_MS);
    strbuf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_of_five_promises_counts),
        cmocka_unit_test(promises_outweigh_a_schedule_line_that_they_contradict),
        cmocka_unit_test(skipped_slots_are_no_longer_interval),
        cmocka_unit_test(a_second_promise_of_a_wait_replaces_the_first),
        cmocka_unit_test(a_break_is_no_gap),
        cmocka_unit_test(five_gaps_between_beginnings_are_enough),
        cmocka_unit_test(gaps_that_did_no_harm_are_no_lateness),
        cmocka_unit_test(an_absurd_interval_of_a_saved_state_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

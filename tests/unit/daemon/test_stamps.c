/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budgets.h"
#include "stamps_reader.h"

static void a_log_without_surprises_is_fed_as_it_comes(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    for (int i = 0; i < 8; i++)
        record(&reader, NOON + i * 10 * MINUTE, (char)('a' + i));
    settle(&reader, 0);
    assert_fed(&reader, "abcdefgh", 0);
}

static void one_stamp_of_another_time_is_left_out_of_a_replay(void **unused)
{
    (void)unused;
    const int64_t offs[] = { -DAY, DAY, -365 * DAY, 30 * DAY, 3650 * DAY, -2 * HOUR, 5 * MINUTE, -5 * MINUTE };
    for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++) {
        struct reader reader = reader_of_a_replay();
        record(&reader, NOON, 'a');
        record(&reader, NOON + SECOND, 'b');
        record(&reader, NOON + offs[i], 'x');
        record(&reader, NOON + 2 * SECOND, 'c');
        record(&reader, NOON + 10 * MINUTE, 'd');
        record(&reader, NOON + 10 * MINUTE, 'e');
        settle(&reader, 0);
        assert_fed(&reader, "abcde", 1);
    }
}

static void a_wrong_stamp_on_the_first_line_is_left_out(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    record(&reader, NOON - 9 * DAY, 'x');
    record(&reader, NOON, 'a');
    record(&reader, NOON + SECOND, 'b');
    settle(&reader, 0);
    assert_fed(&reader, "ab", 1);
}

static void an_old_line_after_every_new_one_is_left_out(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    for (int i = 0; i < 10; i++) {
        record(&reader, NOON + i * 14 * MINUTE, 'a');
        record(&reader, NOON - 3 * DAY + i * SECOND, 'x');
    }
    settle(&reader, 0);
    assert_fed(&reader, "aaaaaaaaaa", 10);
}

static void lines_of_another_log_in_the_middle_are_left_out(void **unused)
{
    (void)unused;
    for (int sign = -1; sign <= 1; sign += 2) {
        struct reader reader = reader_of_a_replay();
        record(&reader, NOON, 'a');
        record(&reader, NOON + SECOND, 'b');
        for (int i = 0; i < 200; i++)
            record(&reader, NOON + sign * 20 * DAY + i * 10 * MINUTE, 'x');
        record(&reader, NOON + 15 * MINUTE, 'c');
        settle(&reader, 0);
        assert_fed(&reader, "abc", 200);
    }
}

/* The scheduler was off for a week; what it says afterwards confirms itself. */
static void a_real_gap_stays_real(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    record(&reader, NOON, 'a');
    record(&reader, NOON + 5 * MINUTE, 'b'); /* its last word, with a pause before it and a gap behind it */
    record(&reader, NOON + 7 * DAY, 'c');
    record(&reader, NOON + 7 * DAY + SECOND, 'd');
    record(&reader, NOON + 7 * DAY + HOUR, 'e'); /* a cadence that nothing promised */
    record(&reader, NOON + 7 * DAY + HOUR, 'f');
    settle(&reader, 0);
    assert_fed(&reader, "abcdef", 0);
}

static void a_single_record_far_ahead_at_the_end_is_not_believed(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    record(&reader, NOON, 'a');
    record(&reader, NOON, 'b');
    record(&reader, NOON + DAY, 'x');
    settle(&reader, 0);
    assert_fed(&reader, "ab", 1);
}

static void a_long_pause_that_was_promised_needs_no_proof(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    record(&reader, NOON, 'a');
    record(&reader, NOON, 'b');
    reader.moment.promise_ms = NOON + 6 * HOUR;
    record(&reader, NOON + 6 * HOUR, 'c');
    assert_int_equal(stamps_held_bytes(reader.stamps), 0);
    assert_fed(&reader, "abc", 0);
}

/* The scheduler was started anew in between, with a shorter interval: its run at that time is no return to the old one. */
static void a_promise_of_before_a_gap_contradicts_nothing(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    record(&reader, NOON, 'a');
    record(&reader, NOON, 'b');
    reader.moment.promise_ms = NOON + HOUR;
    for (int i = 0; i < 5; i++)
        record(&reader, NOON + 45 * MINUTE + i * 5 * MINUTE, (char)('c' + i));
    settle(&reader, 0);
    assert_fed(&reader, "abcdefg", 0);
}

/* The scheduler was stopped for half an hour and started again between two slots: the record at the slot confirms what lies before it. */
static void what_lies_before_a_kept_promise_is_read_with_it(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    record(&reader, NOON, 'a');
    record(&reader, NOON, 'b');
    reader.moment.promise_ms = NOON + HOUR;
    record(&reader, NOON + 30 * MINUTE, 'c');
    record(&reader, NOON + 30 * MINUTE + 12 * SECOND, 'd');
    record(&reader, NOON + HOUR, 'e');
    assert_fed(&reader, "abcde", 0);
}

/* The clock was an hour ahead and is set right: the log lives through that hour again, in its order. */
static void a_clock_that_was_set_back_is_followed(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    record(&reader, NOON, 'a');
    record(&reader, NOON + SECOND, 'b');
    for (int i = 0; i < 6; i++)
        record(&reader, NOON - HOUR + i * 12 * MINUTE, (char)('c' + i));
    settle(&reader, 0);
    assert_fed(&reader, "abcdefgh", 0);
}

static void a_host_that_booted_ahead_loses_nothing_but_the_beginning(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    record(&reader, NOON + 100 * DAY, 'a');
    record(&reader, NOON + 100 * DAY, 'b');
    for (int i = 0; i < 6; i++)
        record(&reader, NOON + i * MINUTE, (char)('c' + i));
    settle(&reader, 0);
    assert_fed(&reader, "abcdefgh", 0);
}

/* Nothing confirms a record but the next one, which comes an hour or a day later. */
static void a_scheduler_that_says_little_is_believed(void **unused)
{
    (void)unused;
    const int64_t steps[] = { HOUR, 3 * HOUR, DAY };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct reader reader = reader_of_a_replay();
        for (int j = 0; j < 8; j++)
            record(&reader, NOON + j * steps[i], (char)('a' + j));
        settle(&reader, 0);
        assert_fed(&reader, "abcdefgh", 0);
    }
}

/* A gap, and then a later log pasted into what comes after it. */
static void what_interrupts_lines_that_go_on_behind_it_is_left_out(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    record(&reader, NOON, 'a');
    record(&reader, NOON, 'b');
    record(&reader, NOON + DAY, 'c');
    record(&reader, NOON + DAY + SECOND, 'd');
    for (int i = 0; i < 30; i++)
        record(&reader, NOON + 9 * DAY + i * MINUTE, 'x');
    record(&reader, NOON + DAY + 2 * SECOND, 'e');
    record(&reader, NOON + DAY + 3 * SECOND, 'f');
    settle(&reader, 0);
    assert_fed(&reader, "abcdef", 30);
}

/* Found at the start, a week behind what was read last: it is of this minute, so the host's clock confirms it at once. */
static void a_young_record_behind_a_gap_needs_no_second_one(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    reader.moment = (struct stamp_moment){ .clock_ms = NOON - 7 * DAY, .now_ms = NOON };
    record(&reader, NOON - 10 * SECOND, 'a');
    assert_fed(&reader, "a", 0);
}

/* The same, not of this minute: the time at which the file was written last confirms it. */
static void the_file_s_time_confirms_the_last_record(void **unused)
{
    (void)unused;
    for (int confirmed = 0; confirmed < 2; confirmed++) {
        struct reader reader = reader_of_a_replay();
        reader.moment = (struct stamp_moment){ .clock_ms = NOON - 7 * DAY, .now_ms = NOON };
        record(&reader, NOON - HOUR, 'a');
        settle(&reader, confirmed ? NOON - HOUR : NOON - MINUTE);
        assert_fed(&reader, confirmed ? "a" : "", confirmed ? 0 : 1);
    }
}

/* The host's clock is wrong, not the log's. */
static void a_log_that_was_in_the_future_before_goes_on_there(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_replay();
    reader.moment = (struct stamp_moment){ .clock_ms = NOON + 9 * DAY, .now_ms = NOON };
    record(&reader, NOON + 10 * DAY, 'a');
    record(&reader, NOON + 10 * DAY, 'b');
    settle(&reader, NOON);
    assert_fed(&reader, "ab", 0);
}

static void what_is_held_has_a_budget(void **unused)
{
    (void)unused;
    char line[1024];
    memset(line, 'x', sizeof line);
    const struct {
        int64_t away_ms, now_ms;
        size_t budget;
    } cases[] = { { 9 * DAY, 0, HELD_REPLAY_BYTES },
                  { -9 * DAY, 0, HELD_REPLAY_BYTES },
                  { 9 * DAY, NOON + 99 * DAY, HELD_BYTES } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stamps *stamps = stamps_new();
        struct stamp_moment moment = { .clock_ms = NOON, .now_ms = cases[i].now_ms };
        struct stamp_release release;
        size_t most = 0;
        for (int j = 0; !stamps_take_release(stamps, &release) && j < 100000; j++) {
            most = stamps_held_bytes(stamps);
            assert_false(stamps_judge(stamps, &moment, NOON + cases[i].away_ms + j * (SECOND / 100)));
            stamps_hold(stamps, &moment, (struct slice){ line, sizeof line }, 0);
        }
        /* At the budget it is held, one beyond it is decided. */
        assert_in_range(most, cases[i].budget - 2 * sizeof line, cases[i].budget);
        assert_in_range(stamps_held_bytes(stamps), cases[i].budget + 1, cases[i].budget + 2 * sizeof line);
        stamps_free(stamps);
    }
}

static void the_groups_of_lines_have_a_budget(void **unused)
{
    (void)unused;
    struct stamps *stamps = stamps_new();
    struct stamp_moment moment = { .clock_ms = NOON };
    for (int i = 0; i <= HELD_CHAINS; i++) {
        assert_int_equal(stamps_strays(stamps)->lines, 0);
        assert_false(stamps_judge(stamps, &moment, NOON - (i + 1) * DAY));
        stamps_hold(stamps, &moment, slice_of("x"), 0);
    }
    assert_int_equal(stamps_strays(stamps)->lines, HELD_CHAINS + 1);
    stamps_free(stamps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_without_surprises_is_fed_as_it_comes),
        cmocka_unit_test(one_stamp_of_another_time_is_left_out_of_a_replay),
        cmocka_unit_test(a_wrong_stamp_on_the_first_line_is_left_out),
        cmocka_unit_test(an_old_line_after_every_new_one_is_left_out),
        cmocka_unit_test(lines_of_another_log_in_the_middle_are_left_out),
        cmocka_unit_test(a_real_gap_stays_real),
        cmocka_unit_test(a_single_record_far_ahead_at_the_end_is_not_believed),
        cmocka_unit_test(a_long_pause_that_was_promised_needs_no_proof),
        cmocka_unit_test(a_promise_of_before_a_gap_contradicts_nothing),
        cmocka_unit_test(what_lies_before_a_kept_promise_is_read_with_it),
        cmocka_unit_test(a_clock_that_was_set_back_is_followed),
        cmocka_unit_test(a_host_that_booted_ahead_loses_nothing_but_the_beginning),
        cmocka_unit_test(a_scheduler_that_says_little_is_believed),
        cmocka_unit_test(what_interrupts_lines_that_go_on_behind_it_is_left_out),
        cmocka_unit_test(a_young_record_behind_a_gap_needs_no_second_one),
        cmocka_unit_test(the_file_s_time_confirms_the_last_record),
        cmocka_unit_test(a_log_that_was_in_the_future_before_goes_on_there),
        cmocka_unit_test(what_is_held_has_a_budget),
        cmocka_unit_test(the_groups_of_lines_have_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

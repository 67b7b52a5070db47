/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stamps_reader.h"

static void live_a_stamp_must_be_of_the_moment(void **unused)
{
    (void)unused;
    const int64_t offs[] = { -DAY, DAY, -HOUR, 5 * HOUR, -2 * MINUTE, 2 * MINUTE, -3650 * DAY };
    for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++) {
        struct reader reader = reader_of_a_live_log();
        record(&reader, NOON, 'a');
        record(&reader, NOON + offs[i], 'x');
        record(&reader, NOON - 50 * SECOND, 'b');
        pass(&reader, 15 * MINUTE);
        record(&reader, NOON + 15 * MINUTE, 'c');
        assert_fed(&reader, "abc", 1);
    }
}

static void live_an_old_log_is_left_out_however_slowly_it_is_pasted(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_live_log();
    for (int i = 0; i < 300; i++) {
        record(&reader, NOON - 3 * DAY + i * 10 * SECOND, 'x');
        pass(&reader, SECOND);
    }
    record(&reader, reader.moment.now_ms, 'a');
    assert_fed(&reader, "a", 300);
}

/* Whatever was written while it was stopped lies between the last look and now. */
static void live_an_agent_that_was_stopped_believes_what_was_written_meanwhile(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_live_log();
    pass(&reader, HOUR);
    record(&reader, NOON + 20 * MINUTE, 'a');
    record(&reader, NOON + 40 * MINUTE, 'b');
    assert_fed(&reader, "ab", 0);
}

static void live_another_zone_is_known_by_its_second_moment(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_live_log();
    record(&reader, NOON - 2 * HOUR, 'a');
    pass(&reader, 500);
    record(&reader, NOON - 2 * HOUR + 500, 'b');
    pass(&reader, 500);
    record(&reader, NOON - 2 * HOUR + 1000, 'c');
    assert_int_equal(reader.error_ms, -2 * HOUR);
    assert_int_equal(reader.moment.clock_ms, NOON + 1000);
    assert_fed(&reader, "abc", 0);
}

static void live_another_zone_is_known_when_nothing_contradicts_it(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_live_log();
    for (int i = 0; i < 3; i++)
        record(&reader, NOON + 9 * HOUR, (char)('a' + i));
    pass(&reader, 1999);
    assert_int_equal(reader.error_ms, 0);
    pass(&reader, 1);
    assert_int_equal(reader.error_ms, 9 * HOUR);
    assert_fed(&reader, "abc", 0);
}

static void live_a_whole_day_is_no_zone(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_live_log();
    for (int i = 0; i < 3; i++)
        record(&reader, NOON - DAY, 'x');
    pass(&reader, MINUTE);
    record(&reader, NOON + MINUTE, 'a');
    assert_fed(&reader, "a", 3);
}

static void live_another_clock_is_known_when_its_error_stays(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_live_log();
    for (int i = 0; i < 6; i++) {
        record(&reader, NOON - 7 * MINUTE + i * SECOND, (char)('a' + i));
        pass(&reader, SECOND);
    }
    record(&reader, NOON - 7 * MINUTE + 6 * SECOND, 'g');
    assert_int_equal(reader.error_ms, -7 * MINUTE);
    assert_fed(&reader, "abcdefg", 0);
}

/* 1. A line is written. 2. The clock is set back by an hour. 3. The line is read, before or after the jump is noticed. */
static void live_a_line_from_before_a_jump_is_put_right(void **unused)
{
    (void)unused;
    for (int noticed = 0; noticed < 2; noticed++) {
        struct reader reader = reader_of_a_live_log();
        reader.moment.now_ms = NOON - HOUR;
        reader.moment.jump_ms = noticed ? -HOUR : 0;
        record(&reader, NOON, 'a');
        if (!noticed) {
            stamps_notice_jump(reader.stamps, -HOUR);
            take_released(&reader);
        }
        assert_int_equal(reader.error_ms, 0);
        assert_int_equal(reader.moment.clock_ms, NOON - HOUR);
        assert_fed(&reader, "a", 0);
    }
}

static void a_restart_goes_on_with_what_is_held(void **unused)
{
    (void)unused;
    struct reader reader = reader_of_a_live_log();
    struct archive archive;
    struct strbuf state = { 0 };
    record(&reader, NOON - 2 * HOUR, 'a');
    archive_save_to(&archive, &state);
    stamps_archive(reader.stamps, &archive);
    stamps_free(reader.stamps);
    reader.stamps = stamps_new();
    archive_load_from(&archive, strbuf_slice(&state));
    stamps_archive(reader.stamps, &archive);
    pass(&reader, 500);
    record(&reader, NOON - 2 * HOUR + 500, 'b');
    assert_int_equal(reader.error_ms, -2 * HOUR);
    strbuf_free(&state);
    assert_fed(&reader, "ab", 0);
}

static void a_damaged_state_is_survived(void **unused)
{
    (void)unused;
    static const char *const states[] = {
        "stamp_chains 1 2 3\nstamp_lines 0 1 2\nstamp_text =abc\nstamp_last 9\n",
        "stamp_chains 1 2 3 4 5 6 7 8 9 10 11\nstamp_lines 0 99 0\nstamp_text =abc\nstamp_last 1\n",
        "stamp_chains 1 2 3 4 5 6 7 8 9 10 11\nstamp_lines -5 1 0 7 1 0\nstamp_text -\nstamp_last -4\n",
    };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct reader reader = reader_of_a_live_log();
        struct archive archive;
        archive_load_from(&archive, slice_of(states[i]));
        stamps_archive(reader.stamps, &archive);
        record(&reader, NOON - DAY, 'x');
        record(&reader, NOON, 'a');
        assert_string_equal(strbuf_text(&reader.fed), "a");
        stamps_free(reader.stamps);
        strbuf_free(&reader.fed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_a_stamp_must_be_of_the_moment),
        cmocka_unit_test(live_an_old_log_is_left_out_however_slowly_it_is_pasted),
        cmocka_unit_test(live_an_agent_that_was_stopped_believes_what_was_written_meanwhile),
        cmocka_unit_test(live_another_zone_is_known_by_its_second_moment),
        cmocka_unit_test(live_another_zone_is_known_when_nothing_contradicts_it),
        cmocka_unit_test(live_a_whole_day_is_no_zone),
        cmocka_unit_test(live_another_clock_is_known_when_its_error_stays),
        cmocka_unit_test(live_a_line_from_before_a_jump_is_put_right),
        cmocka_unit_test(a_restart_goes_on_with_what_is_held),
        cmocka_unit_test(a_damaged_state_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

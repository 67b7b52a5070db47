/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_help.h"

/* Which file is which: generations that were missed, packed ones, files that lost their end. */

static void generations_missed_are_read_in_order_and_copies_are_not(void **state)
{
    struct fixture *fixture = *state;
    static const char *const SUFFIXES[] = { "3", "20260212", "2026-02-12_10:00:00", "2026112404.backup", "bak", "1x" };
    begin_with(fixture, "one\n");
    rotate(fixture, "9");
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        char line[64];
        let_the_clock_tick();
        snprintf(line, sizeof line, "%s\n", SUFFIXES[i]);
        add(fixture->path, line);
        rotate(fixture, SUFFIXES[i]);
    }
    let_the_clock_tick();
    add(fixture->path, "last\n");
    wait_and_drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines),
                        "one\n3\n20260212\n2026-02-12_10:00:00\n2026112404.backup\nlast\n");
}

static void a_generation_missed_is_read_although_nothing_follows_it(void **state)
{
    struct fixture *fixture = *state;
    begin_with(fixture, "one\n");
    rotate(fixture, "2");
    let_the_clock_tick();
    add(fixture->path, "two\n");
    rotate(fixture, "1");
    wait_and_drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

/* The newest was deleted, so it is followed no longer; what came behind it is still known by its age, whatever has a name. */
static void a_generation_missed_after_a_deleted_one_is_read(void **state)
{
    struct fixture *fixture = *state;
    add(fixture->path, "before\n");
    rotate(fixture, "1");
    let_the_clock_tick();
    begin_with(fixture, "one\n");
    assert_int_equal(unlink(fixture->path), 0);
    settle(fixture);
    let_the_clock_tick();
    add(fixture->path, "two\n");
    rotate(fixture, "2026112404.backup");
    let_the_clock_tick();
    add(fixture->path, "three\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

static void pack(const struct fixture *fixture, const char *suffix)
{
    char command[96];
    snprintf(command, sizeof command, "gzip %s.%s", fixture->path, suffix);
    assert_int_equal(system(command), 0);
}

/* A name with a date beside names with numbers says nothing of their order. */
static void a_generation_set_aside_beside_packed_ones_is_read(void **state)
{
    struct fixture *fixture = *state;
    static const char *const PACKED[] = { "7", "6", "5", "4", "3", "2" };
    for (size_t i = 0; i < sizeof PACKED / sizeof PACKED[0]; i++) {
        add(fixture->path, PACKED[i]);
        add(fixture->path, " old\n");
        rotate(fixture, PACKED[i]);
        pack(fixture, PACKED[i]);
        let_the_clock_tick();
    }
    begin_with(fixture, "one\n");
    rotate(fixture, "1");
    let_the_clock_tick();
    add(fixture->path, "two\n");
    rotate(fixture, "2026112404.backup");
    let_the_clock_tick();
    add(fixture->path, "three\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

/* The scheduler is dead, and its log rotated and packed: nothing is at the path, and what was read is older than what it became. */
static void what_was_followed_is_not_read_again_from_its_packed_copy(void **state)
{
    struct fixture *fixture = *state;
    add(fixture->path, "older\n");
    rotate(fixture, "2");
    let_the_clock_tick();
    add(fixture->path, "one\n");
    let_the_clock_tick();
    begin_with(fixture, "one and a half\n");
    rotate(fixture, "1");
    pack(fixture, "1");
    pack(fixture, "2");
    settle(fixture);
    let_the_clock_tick();
    add(fixture->path, "two\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\none and a half\ntwo\n");
}

static void what_was_followed_is_not_read_again_from_a_copy_that_is_younger(void **state)
{
    struct fixture *fixture = *state;
    char command[400];
    begin_with(fixture, "one\n");
    let_the_clock_tick();
    snprintf(command, sizeof command, "cp %s %s.1; cp %s %s.7; rm %s", fixture->path, fixture->path, fixture->path,
             fixture->path, fixture->path);
    assert_int_equal(system(command), 0);
    settle(fixture);
    let_the_clock_tick();
    add(fixture->path, "two\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

static void generations_missed_are_read_although_they_were_packed(void **state)
{
    struct fixture *fixture = *state;
    add(fixture->path, "old\n");
    rotate(fixture, "4");
    pack(fixture, "4");
    let_the_clock_tick();
    begin_with(fixture, "one\n");
    rotate(fixture, "3");
    let_the_clock_tick();
    add(fixture->path, "two\n");
    rotate(fixture, "2");
    let_the_clock_tick();
    add(fixture->path, "three\n");
    rotate(fixture, "1");
    pack(fixture, "1"); /* whatever the order in which they are packed */
    pack(fixture, "2");
    pack(fixture, "3");
    add(fixture->path, "four\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\nfour\n");
}

/* Its writer stayed with it for a while: it was written to after the file that we hold was begun, and is older all the same. */
static void a_generation_written_to_late_stays_old_when_it_is_packed(void **state)
{
    struct fixture *fixture = *state;
    char stale[64];
    snprintf(stale, sizeof stale, "%s.3", fixture->path);
    add(fixture->path, "stale\n");
    rotate(fixture, "3");
    let_the_clock_tick();
    begin_with(fixture, "one\n");
    add(stale, "written late\n");
    rotate(fixture, "2");
    let_the_clock_tick();
    add(fixture->path, "two\n");
    rotate(fixture, "1");
    pack(fixture, "3");
    pack(fixture, "2");
    pack(fixture, "1");
    add(fixture->path, "three\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

static void read_and_stop(struct fixture *fixture, struct source_position *position)
{
    for (int i = 0; i < 200; i++) {
        char line[32];
        snprintf(line, sizeof line, "line %03d\n", i);
        add(fixture->path, line);
    }
    start(fixture, NULL, 0);
    drain(fixture);
    assert_int_equal(follow_positions(fixture->follow, position, 1), 1);
    assert_int_equal(position->offset, 200 * 9);
    fixture_stop(fixture);
    strbuf_clear(&fixture->lines);
}

/* As after a power cut: the start that follows may number devices otherwise. */
static void a_file_that_lost_its_end_is_known_on_another_device_as_well(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    read_and_stop(fixture, &position);
    assert_int_equal(truncate(fixture->path, 150 * 9), 0);
    position.device++;
    start(fixture, &position, 1);
    drain(fixture);
    add(fixture->path, "next\n");
    drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "next\n");
}

/* The writer was back first, and the file is longer than it was. */
static void a_line_that_took_the_place_of_a_lost_end_is_read_from_its_beginning(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    char note[8];
    read_and_stop(fixture, &position);
    assert_int_equal(truncate(fixture->path, 199 * 9), 0);
    add(fixture->path, "a longer line\nnext\n");
    start(fixture, &position, 1);
    drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "a longer line\nnext\n");
    snprintf(note, sizeof note, "%d ", FOLLOW_TRUNCATED);
    assert_non_null(strstr(strbuf_text(&fixture->notes), note));
}

/* A generation unpacked again, or touched by a writer that stayed with it, is not a new one. */
static void what_is_old_stays_old_whatever_its_dates_say(void **state)
{
    struct fixture *fixture = *state;
    char unpacked[64], stale[64];
    snprintf(unpacked, sizeof unpacked, "%s.7", fixture->path);
    snprintf(stale, sizeof stale, "%s.2", fixture->path);
    add(fixture->path, "stale\n");
    rotate(fixture, "2");
    let_the_clock_tick();
    begin_with(fixture, "one\n");
    let_the_clock_tick();
    add(stale, "written late\n");
    add(unpacked, "unpacked\n");
    struct timespec long_ago[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
    assert_int_equal(utimensat(AT_FDCWD, unpacked, long_ago, 0), 0);
    rotate(fixture, "1");
    add(fixture->path, "two\n");
    wait_and_drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(generations_missed_are_read_in_order_and_copies_are_not, setup, teardown),
        cmocka_unit_test_setup_teardown(a_generation_missed_is_read_although_nothing_follows_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_generation_missed_after_a_deleted_one_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_generation_set_aside_beside_packed_ones_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_followed_is_not_read_again_from_its_packed_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_followed_is_not_read_again_from_a_copy_that_is_younger, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(generations_missed_are_read_although_they_were_packed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_generation_written_to_late_stays_old_when_it_is_packed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_lost_its_end_is_known_on_another_device_as_well, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_that_took_the_place_of_a_lost_end_is_read_from_its_beginning, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_old_stays_old_whatever_its_dates_say, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

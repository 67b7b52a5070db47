/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_help.h"

#include <dirent.h>

/* What rotation does between two steps of the follower: while it looks through the directory, while it is down, while it reads a backlog. */

DIR *__real_opendir(const char *name);
DIR *__wrap_opendir(const char *name);

static void (*meanwhile)(struct fixture *fixture); /* called once, before the directory is read */
static struct fixture *rotated;

DIR *__wrap_opendir(const char *name)
{
    void (*now)(struct fixture *) = meanwhile;
    meanwhile = NULL;
    if (now)
        now(rotated);
    return __real_opendir(name);
}

static void when_looking(struct fixture *fixture, void (*does)(struct fixture *fixture))
{
    rotated = fixture;
    meanwhile = does;
}

/* As dockerd does it: the packed ones are shifted, the log is set aside and made anew, and what was set aside is packed. */
static void shift(const struct fixture *fixture)
{
    char from[96], to[96];
    for (int number = 8; number > 0; number--) {
        snprintf(from, sizeof from, "%s.%d.gz", fixture->path, number);
        snprintf(to, sizeof to, "%s.%d.gz", fixture->path, number + 1);
        rename(from, to);
    }
    rotate(fixture, "1");
    let_the_clock_tick();
    add(fixture->path, "");
}

static void pack_first(const struct fixture *fixture)
{
    char command[96];
    snprintf(command, sizeof command, "gzip %s.1", fixture->path);
    assert_int_equal(system(command), 0);
}

static void shift_and_pack(struct fixture *fixture)
{
    shift(fixture);
    pack_first(fixture);
}

static void shift_only(struct fixture *fixture)
{
    shift(fixture);
}

static void shift_and_pack_twice(struct fixture *fixture)
{
    shift_and_pack(fixture);
    add(fixture->path, "three\n");
    shift_and_pack(fixture);
    add(fixture->path, "four\n");
}

static void read_one(struct fixture *fixture, struct source_position *position)
{
    begin_with(fixture, "one\n");
    assert_int_equal(follow_positions(fixture->follow, position, 1), 1);
}

static void the_file_at_path_is_read_once_although_it_is_packed_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    begin_with(fixture, "one\n");
    shift_and_pack(fixture);
    add(fixture->path, "two\n");
    when_looking(fixture, shift_and_pack);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

static void what_is_packed_after_it_meanwhile_comes_after_it(void **state)
{
    struct fixture *fixture = *state;
    begin_with(fixture, "one\n");
    shift_and_pack(fixture);
    add(fixture->path, "two\n");
    when_looking(fixture, shift_and_pack_twice);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\nfour\n");
}

static void the_same_holds_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    read_one(fixture, &position);
    fixture_stop(fixture);
    shift_and_pack(fixture);
    add(fixture->path, "two\n");
    when_looking(fixture, shift_and_pack_twice);
    start(fixture, &position, 1);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\nfour\n");
}

/* What was read last is gone, and something packed lies there: all that is not packed came after it. */
static void the_file_at_path_is_read_once_although_it_is_set_aside_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    char name[96];
    add(fixture->path, "old\n");
    shift_and_pack(fixture);
    read_one(fixture, &position);
    fixture_stop(fixture);
    shift(fixture);
    snprintf(name, sizeof name, "%s.1", fixture->path);
    assert_int_equal(unlink(name), 0);
    add(fixture->path, "two\n");
    when_looking(fixture, shift_only);
    start(fixture, &position, 1);
    settle(fixture);
    add(fixture->path, "three\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

static void stand_at_new_file(struct fixture *fixture, struct source_position *position)
{
    shift(fixture);
    settle(fixture);
    assert_int_equal(follow_positions(fixture->follow, position, 1), 1);
    assert_int_equal(position->fingerprint_len, 0);
}

/* An agent was killed while it followed three files: nothing was read of the last two yet. Then the middle one is written and packed. */
static void stop_before_two_files(struct fixture *fixture, struct source_position positions[3])
{
    char second[96];
    read_one(fixture, &positions[0]);
    stand_at_new_file(fixture, &positions[1]);
    pack_first(fixture);
    stand_at_new_file(fixture, &positions[2]);
    fixture_stop(fixture);
    snprintf(second, sizeof second, "%s.1", fixture->path);
    add(second, "two\n");
    pack_first(fixture);
    add(fixture->path, "three\n");
}

static void a_file_packed_before_anything_was_read_of_it_is_read_before_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct source_position positions[3];
    stop_before_two_files(fixture, positions);
    start(fixture, positions, 3);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

static void the_same_holds_where_the_next_was_rotated_too(void **state)
{
    struct fixture *fixture = *state;
    struct source_position positions[3];
    stop_before_two_files(fixture, positions);
    shift(fixture);
    add(fixture->path, "four\n");
    start(fixture, positions, 3);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\nfour\n");
}

static void the_same_holds_where_the_one_before_is_not_followed_any_more(void **state)
{
    struct fixture *fixture = *state;
    struct source_position positions[3];
    stop_before_two_files(fixture, positions);
    shift(fixture);
    add(fixture->path, "four\n");
    start(fixture, &positions[1], 2);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\nfour\n");
}

static void the_same_holds_where_the_one_before_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct source_position positions[3];
    char first[96];
    stop_before_two_files(fixture, positions);
    snprintf(first, sizeof first, "%s.2.gz", fixture->path);
    assert_int_equal(unlink(first), 0);
    start(fixture, positions, 3);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

/* A writer stayed with the oldest file, so what was read to its end after that one lies between the remembered files as well. */
static void what_was_read_between_two_remembered_files_is_not_read_again(void **state)
{
    struct fixture *fixture = *state;
    struct source_position positions[3];
    char name[96];
    begin_with(fixture, "one\n");
    int writer = open(fixture->path, O_WRONLY | O_APPEND);
    assert_true(writer >= 0);
    rotate(fixture, "9");
    let_the_clock_tick();
    add(fixture->path, "read\n");
    settle(fixture);
    let_the_clock_tick();
    shift(fixture);
    settle(fixture);
    assert_int_equal(follow_positions(fixture->follow, positions, 3), 2); /* "read" is not followed any more */
    pack_first(fixture);
    shift(fixture);
    settle(fixture);
    struct source_position last[2];
    assert_int_equal(follow_positions(fixture->follow, last, 2), 2);
    positions[2] = last[1];
    fixture_stop(fixture);
    close(writer);
    snprintf(name, sizeof name, "%s.1", fixture->path);
    add(name, "two\n");
    pack_first(fixture);
    add(fixture->path, "three\n");
    start(fixture, positions, 3);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\nread\ntwo\nthree\n");
}

enum { BACKLOG_LINES = 60000 };

static void add_backlog(const struct fixture *fixture)
{
    struct strbuf text = { 0 };
    for (int i = 0; i < BACKLOG_LINES; i++)
        strbuf_printf(&text, "line %05d\n", i);
    add(fixture->path, strbuf_text(&text));
    strbuf_free(&text);
}

/* Reads on as the agent does with a backlog: without a follow_wait, which would take the events. */
static void assert_read_to_its_end(struct fixture *fixture, const char *end)
{
    drain(fixture);
    assert_int_equal(fixture->lines.len, BACKLOG_LINES * strlen("line 00000\n") + strlen(end));
    assert_string_equal(strbuf_text(&fixture->lines) + fixture->lines.len - strlen(end), end);
}

static void a_log_rotated_while_it_is_read_is_not_drained_before_the_new_one_is(void **state)
{
    struct fixture *fixture = *state;
    add_backlog(fixture);
    start(fixture, NULL, 0);
    assert_int_equal(follow_read(fixture->follow, 1), FOLLOW_MORE);
    shift(fixture);
    add(fixture->path, "two\n");
    assert_int_equal(follow_read(fixture->follow, 1), FOLLOW_MORE);
    shift(fixture);
    add(fixture->path, "three\n");
    assert_read_to_its_end(fixture, "two\nthree\n");
}

static void a_log_made_while_an_older_file_is_read_is_not_passed_over(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    begin_with(fixture, "line start\n");
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
    fixture_stop(fixture);
    strbuf_clear(&fixture->lines);
    add_backlog(fixture);
    rotate(fixture, "1");
    start(fixture, &position, 1);
    assert_int_equal(follow_read(fixture->follow, 1), FOLLOW_MORE);
    add(fixture->path, "two\n");
    assert_read_to_its_end(fixture, "two\n");
}

/* The first event of several ends follow_wait, the others wait. */
static void a_rotation_told_behind_another_event_is_noticed_at_once(void **state)
{
    struct fixture *fixture = *state;
    begin_with(fixture, "one\n");
    add(fixture->path, "two\n");
    rotate(fixture, "1");
    add(fixture->path, "three\n");
    wait_and_drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_at_path_is_read_once_although_it_is_packed_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_packed_after_it_meanwhile_comes_after_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_holds_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(the_file_at_path_is_read_once_although_it_is_set_aside_meanwhile, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_packed_before_anything_was_read_of_it_is_read_before_the_next, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_same_holds_where_the_next_was_rotated_too, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_holds_where_the_one_before_is_not_followed_any_more, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_holds_where_the_one_before_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_read_between_two_remembered_files_is_not_read_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_rotated_while_it_is_read_is_not_drained_before_the_new_one_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_log_made_while_an_older_file_is_read_is_not_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rotation_told_behind_another_event_is_noticed_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

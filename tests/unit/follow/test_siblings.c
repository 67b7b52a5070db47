/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_help.h"

#include "base/budgets.h"

#include "agent/follow/siblings.h"

/* Files beside the log, and at its path, that are not what they seem: those of another user give no line and hide none. */

enum { STRANGER = 65534 };

static void need_root(void)
{
    if (geteuid() != 0)
        skip_because("needs root, to make a file of another user");
}

/* A file beside the log that belongs to another user. */
static void add_strangers(const struct fixture *fixture, const char *suffix, const char *text)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%s", fixture->path, suffix);
    add(name, text);
    assert_int_equal(chown(name, STRANGER, STRANGER), 0);
}

/* Between two rotations that the follower did not see, a generation lies where the stranger puts his own. */
static void a_strangers_generation_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    need_root();
    begin_with(fixture, "one\n");
    rotate(fixture, "3");
    let_the_clock_tick();
    add(fixture->path, "two\n");
    rotate(fixture, "2");
    let_the_clock_tick();
    add_strangers(fixture, "1", "forged\n");
    let_the_clock_tick();
    add(fixture->path, "three\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

/* At a restart the remembered file is gone. A stranger's file that begins as that one did is not taken for its copy. */
static void a_strangers_copy_is_not_the_remembered_file(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    need_root();
    begin_with(fixture, "one\n");
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
    fixture_stop(fixture);
    strbuf_clear(&fixture->lines);
    add_strangers(fixture, "1", "one\nforged\n");
    assert_int_equal(unlink(fixture->path), 0);
    let_the_clock_tick();
    add(fixture->path, "two\n");
    start(fixture, &position, 1);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "two\n");
}

static void a_strangers_copy_is_not_the_rest_of_a_truncated_log(void **state)
{
    struct fixture *fixture = *state;
    need_root();
    begin_with(fixture, "one\n");
    add_strangers(fixture, "1", "one\nforged\n");
    assert_int_equal(truncate(fixture->path, 0), 0);
    add(fixture->path, "two\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

/* The file that was read is deleted, and the kernel gives the stranger's file the same number. */
static void a_strangers_file_with_the_same_inode_is_not_the_remembered_file(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    struct stat st = { 0 };
    char name[96];
    need_root();
    begin_with(fixture, "one\n");
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
    fixture_stop(fixture);
    strbuf_clear(&fixture->lines);
    assert_int_equal(unlink(fixture->path), 0);
    snprintf(name, sizeof name, "%s.1", fixture->path);
    for (int tries = 0; tries < 200 && st.st_ino != position.inode; tries++) {
        unlink(name);
        add_strangers(fixture, "1", "one\nforged\n");
        assert_int_equal(stat(name, &st), 0);
    }
    if (st.st_ino != position.inode)
        skip_because("the file system of the test's directory does not use an inode again at once");
    start(fixture, &position, 1);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "");
    add(fixture->path, "two\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "two\n");
}

/* After a reboot the stranger is first: the log at the path is his, and begins as ours did. */
static void a_strangers_log_is_refused_over_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    need_root();
    begin_with(fixture, "one\n");
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
    assert_int_equal(position.owner, geteuid());
    fixture_stop(fixture);
    strbuf_clear(&fixture->lines);
    assert_int_equal(unlink(fixture->path), 0);
    add(fixture->path, "one\nforged\n");
    assert_int_equal(chown(fixture->path, STRANGER, STRANGER), 0);
    start(fixture, &position, 1);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "");
    assert_non_null(strstr(follow_refusal(fixture->follow), "replaced by a file of user 65534"));
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
    assert_int_equal(position.owner, geteuid());
}

/* A history of an older version does not know the owner: the log that is found tells it. */
static void without_a_known_owner_the_log_tells_it(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    begin_with(fixture, "one\n");
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
    fixture_stop(fixture);
    strbuf_clear(&fixture->lines);
    position.owner = SOURCE_OWNER_UNKNOWN;
    add(fixture->path, "two\n");
    rotate(fixture, "1");
    start(fixture, &position, 1);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "");
    let_the_clock_tick();
    add(fixture->path, "three\n");
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "two\nthree\n");
}

static void a_strangers_empty_file_does_not_hide_a_packed_generation(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    char command[128];
    need_root();
    begin_with(fixture, "one\n");
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
    fixture_stop(fixture);
    add(fixture->path, "two\n");
    rotate(fixture, "1");
    snprintf(command, sizeof command, "gzip %s.1", fixture->path);
    assert_int_equal(system(command), 0);
    add_strangers(fixture, "1", "");
    start(fixture, &position, 1);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

/* Neither a link to a file of root nor an empty file of our own is the packed one's text. */
static void what_holds_no_text_does_not_hide_a_packed_generation(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    char command[128], name[96];
    begin_with(fixture, "one\n");
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
    add(fixture->path, "two\n");
    rotate(fixture, "1");
    snprintf(command, sizeof command, "gzip %s.1", fixture->path);
    assert_int_equal(system(command), 0);
    snprintf(name, sizeof name, "%s.1", fixture->path);
    for (int empty = 0; empty <= 1; empty++) {
        fixture_stop(fixture);
        strbuf_clear(&fixture->lines);
        unlink(name);
        if (empty)
            add(name, "");
        else
            assert_int_equal(symlink("/etc/passwd", name), 0);
        start(fixture, &position, 1);
        settle(fixture);
        assert_string_equal(strbuf_text(&fixture->lines), "two\n");
    }
}

/* Neither the agent nor root owns the log. */
static void the_generations_of_its_owner_are_read(void **state)
{
    struct fixture *fixture = *state;
    char name[96];
    need_root();
    add(fixture->path, "one\n");
    assert_int_equal(chown(fixture->path, STRANGER, STRANGER), 0);
    start(fixture, NULL, 0);
    settle(fixture);
    rotate(fixture, "3");
    let_the_clock_tick();
    add_strangers(fixture, "2", "two\n");
    let_the_clock_tick();
    add_strangers(fixture, "1", "forged by another stranger\n");
    snprintf(name, sizeof name, "%s.1", fixture->path);
    assert_int_equal(chown(name, STRANGER - 1, STRANGER), 0);
    let_the_clock_tick();
    add_strangers(fixture, "new", "three\n");
    snprintf(name, sizeof name, "%s.new", fixture->path);
    assert_int_equal(rename(name, fixture->path), 0);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

/* What root copies or packs by hand belongs to root, and is the log's all the same. */
static void a_copy_that_belongs_to_root_is_believed(void **state)
{
    struct fixture *fixture = *state;
    char command[256];
    need_root();
    add(fixture->path, "one\n");
    assert_int_equal(chown(fixture->path, STRANGER, STRANGER), 0);
    start(fixture, NULL, 0);
    settle(fixture);
    snprintf(command, sizeof command, "echo two >>%s; cp %s %s.1; echo three >%s", fixture->path, fixture->path,
             fixture->path, fixture->path);
    assert_int_equal(system(command), 0);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

static void a_hard_link_to_the_log_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const char *const LINKS[] = { "0", "1", "9", "20260212", "bak" };
    char name[96];
    begin_with(fixture, "one\n");
    for (size_t i = 0; i < sizeof LINKS / sizeof LINKS[0]; i++) {
        snprintf(name, sizeof name, "%s.%s", fixture->path, LINKS[i]);
        assert_int_equal(link(fixture->path, name), 0);
    }
    rotate(fixture, "2");
    let_the_clock_tick();
    add(fixture->path, "two\n");
    rotate(fixture, "3");
    let_the_clock_tick();
    add(fixture->path, "three\n");
    snprintf(name, sizeof name, "%s.4", fixture->path);
    assert_int_equal(link(fixture->path, name), 0);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

/* The line's end is further away than one call unpacks: its beginning must not be unpacked again and again. */
static void a_long_line_in_a_packed_file_is_cut_and_the_next_one_is_whole(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    char command[400];
    begin_with(fixture, "one\n");
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
    fixture_stop(fixture);
    strbuf_clear(&fixture->lines);
    snprintf(command, sizeof command,
             "{ yes short | head -n 1000000; head -c 10000 /dev/zero | tr '\\0' y; head -c 20000000 /dev/zero | tr "
             "'\\0' x;"
             " echo; echo two; } >>%s; gzip <%s >%s.1.gz; rm %s",
             fixture->path, fixture->path, fixture->path, fixture->path);
    assert_int_equal(system(command), 0);
    start(fixture, &position, 1);
    for (int reads = 0; follow_read(fixture->follow, 1 << 20) == FOLLOW_MORE; reads++)
        assert_in_range(reads, 0, 100);
    const char *at = fixture->lines.at + 1000000 * strlen("short\n");
    assert_int_equal(fixture->lines.at + fixture->lines.len - at, LINE_READ_MAX_BYTES + strlen("\ntwo\n"));
    assert_int_equal(strspn(at, "y"), 10000);
    assert_int_equal(strspn(at + 10000, "x"), LINE_READ_MAX_BYTES - 10000);
    assert_string_equal(at + LINE_READ_MAX_BYTES, "\ntwo\n");
}

static int count_notes(const struct fixture *fixture, enum follow_note note)
{
    int count = 0;
    char *end;
    for (const char *at = strbuf_text(&fixture->notes); *at; at = end + 1)
        count += strtol(at, &end, 10) == (long)note;
    return count;
}

static void a_log_that_is_deleted_while_its_writer_lives_is_said_once(void **state)
{
    struct fixture *fixture = *state;
    int writer = open(fixture->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    begin_with(fixture, "one\n");
    assert_int_equal(unlink(fixture->path), 0);
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
    assert_int_equal(count_notes(fixture, FOLLOW_DELETED), 1);
    assert_int_equal(write(writer, "two\n", 4), 4);
    settle(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
    assert_int_equal(count_notes(fixture, FOLLOW_DELETED), 1);
    close(writer);
}

static void a_log_that_is_deleted_after_its_writer_is_nothing_to_say(void **state)
{
    struct fixture *fixture = *state;
    begin_with(fixture, "one\n");
    assert_int_equal(unlink(fixture->path), 0);
    settle(fixture);
    assert_int_equal(count_notes(fixture, FOLLOW_DELETED), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_strangers_generation_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strangers_copy_is_not_the_remembered_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strangers_copy_is_not_the_rest_of_a_truncated_log, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strangers_file_with_the_same_inode_is_not_the_remembered_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_strangers_log_is_refused_over_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_known_owner_the_log_tells_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strangers_empty_file_does_not_hide_a_packed_generation, setup, teardown),
        cmocka_unit_test_setup_teardown(what_holds_no_text_does_not_hide_a_packed_generation, setup, teardown),
        cmocka_unit_test_setup_teardown(the_generations_of_its_owner_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_that_belongs_to_root_is_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hard_link_to_the_log_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_line_in_a_packed_file_is_cut_and_the_next_one_is_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_is_deleted_while_its_writer_lives_is_said_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_is_deleted_after_its_writer_is_nothing_to_say, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_help.h"

#include "agent/follow/listing.h"

/* Files beside the log: how many are opened, and that those of another user give no line. */

enum { STRANGER = 65534 };

static void need_root(void)
{
    if (geteuid() != 0)
        skip();
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
    stop(fixture);
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

static size_t count_siblings(const struct fixture *fixture)
{
    struct listing *listing = listing_begin(fixture->directory, "log", geteuid());
    while (!listing_go_on(listing))
        continue;
    struct siblings siblings = listing_take(listing);
    listing_free(listing);
    size_t count = siblings.count;
    siblings_free(&siblings);
    return count;
}

static void at_most_so_many_siblings_are_opened(void **state)
{
    struct fixture *fixture = *state;
    enum { MOST = 256 };
    char name[96];
    for (int i = 1; i <= MOST + 1; i++) {
        assert_int_equal(count_siblings(fixture), i - 1);
        snprintf(name, sizeof name, "%s.%d", fixture->path, i);
        add(name, "old\n");
    }
    assert_int_equal(count_siblings(fixture), MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_strangers_generation_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strangers_copy_is_not_the_remembered_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strangers_copy_is_not_the_rest_of_a_truncated_log, setup, teardown),
        cmocka_unit_test_setup_teardown(at_most_so_many_siblings_are_opened, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

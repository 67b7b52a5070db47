/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_help.h"

/* The contract of shell/follow.h in one process; tests/faults has the rotations and kills. */

static void a_path_that_names_no_file_is_an_error(void **state)
{
    (void)state;
    static const char *const PATHS[] = { "", "/", "/tmp/" };
    struct follow_sink sink = { NULL, on_line, on_note };
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        struct strbuf error = { 0 };
        assert_null(follow_open(PATHS[i], NULL, NULL, 0, &sink, &error));
        assert_true(error.len > 0);
        strbuf_free(&error);
    }
}

static void an_unknown_owner_is_an_error(void **state)
{
    (void)state;
    struct follow_sink sink = { NULL, on_line, on_note };
    struct strbuf error = { 0 };
    assert_null(follow_open("/tmp/log", "no-such-user", NULL, 0, &sink, &error));
    assert_non_null(strstr(strbuf_text(&error), "no-such-user"));
    strbuf_free(&error);
}

static void positions_and_lines_agree_after_every_read(void **state)
{
    struct fixture *fixture = *state;
    struct source_position position;
    struct strbuf text = { 0 };
    for (int i = 0; i < 60000; i++)
        strbuf_printf(&text, "line %d\n", i);
    add(fixture->path, strbuf_text(&text));

    for (size_t count = 0; fixture->lines.len < text.len; count = 1) {
        start(fixture, &position, count);
        follow_read(fixture->follow, 1);
        assert_int_equal(follow_positions(fixture->follow, &position, 1), 1);
        assert_int_equal(position.offset, fixture->lines.len);
        assert_int_equal(follow_behind(fixture->follow), text.len - fixture->lines.len);
        fixture_stop(fixture);
    }
    assert_string_equal(strbuf_text(&fixture->lines), strbuf_text(&text));
    strbuf_free(&text);
}

static void remembered_positions_are_kept_until_the_log_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct source_position old[2] = { { 1, 2, 3, 4, 5, 6, SOURCE_OWNER_UNKNOWN }, { 7, 8, 9, 10, 11, 12, getuid() } },
                           now[2];
    start(fixture, old, 2);
    assert_int_equal(follow_positions(fixture->follow, now, 2), 2);
    drain(fixture);
    assert_int_equal(follow_positions(fixture->follow, now, 2), 2);
    assert_memory_equal(now, old, sizeof old);
    assert_int_equal(follow_positions(fixture->follow, now, 1), 1);
    add(fixture->path, "one\n");
    drain(fixture); /* nobody waited, so nobody has looked */
    wait_and_drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\n");
    assert_int_equal(follow_positions(fixture->follow, now, 2), 1);
    assert_int_equal(now[0].offset, 4);
}

static void nonsense_in_a_remembered_position_reads_from_the_beginning(void **state)
{
    struct fixture *fixture = *state;
    struct stat st;
    add(fixture->path, "one\n");
    assert_int_equal(stat(fixture->path, &st), 0);
    struct source_position nonsense[] = { { st.st_dev, st.st_ino, -1, 0, 0, 0, SOURCE_OWNER_UNKNOWN },
                                          { st.st_dev, st.st_ino, 2, 1, INT64_MIN, INT64_MAX, INT64_MIN },
                                          { st.st_dev, st.st_ino, 4, 1, 4, -1, INT64_MAX } };
    start(fixture, nonsense, 3);
    drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\n");
}

static void waiting_ends_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    begin_with(fixture, "one\n");
    int64_t begin_ms = now_ms(CLOCK_MONOTONIC);
    follow_wait(fixture->follow, now_ms(CLOCK_REALTIME) + 60);
    assert_in_range(now_ms(CLOCK_MONOTONIC) - begin_ms, 59, 1000);
    begin_ms = now_ms(CLOCK_MONOTONIC);
    follow_wait(fixture->follow, 0);
    follow_wait(fixture->follow, -1);
    follow_wait(fixture->follow, now_ms(CLOCK_REALTIME) - 1);
    assert_in_range(now_ms(CLOCK_MONOTONIC) - begin_ms, 0, 50);
}

static void *wake_soon(void *ctx)
{
    (void)ctx;
    struct timespec pause = { 0, 20 * 1000 * 1000 };
    nanosleep(&pause, NULL);
    follow_wake();
    return NULL;
}

static void waiting_ends_by_a_wake_before_or_during_it(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    begin_with(fixture, "one\n");
    follow_wake();
    follow_wait(fixture->follow, INT64_MAX);
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, NULL), 0);
    follow_wait(fixture->follow, INT64_MAX);
    pthread_join(thread, NULL);
}

static void *append_soon(void *ctx)
{
    struct timespec pause = { 0, 20 * 1000 * 1000 };
    nanosleep(&pause, NULL);
    add(ctx, "two\n");
    return NULL;
}

static void waiting_ends_by_what_is_written(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;
    begin_with(fixture, "one\n");
    assert_int_equal(pthread_create(&thread, NULL, append_soon, fixture->path), 0);
    wait_and_drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
    pthread_join(thread, NULL);
}

/* What others do beside the log is none of the owner's business. */
static void waiting_does_not_end_by_a_strangers_file(void **state)
{
    struct fixture *fixture = *state;
    char other[64];
    snprintf(other, sizeof other, "%s.other", fixture->path);
    begin_with(fixture, "one\n");
    add(other, "x");
    unlink(other);
    int64_t begin_ms = now_ms(CLOCK_MONOTONIC);
    follow_wait(fixture->follow, now_ms(CLOCK_REALTIME) + 60);
    assert_true(now_ms(CLOCK_MONOTONIC) - begin_ms >= 59);
}

static void the_writer_comes_and_goes(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, NULL, 0);
    settle(fixture);
    assert_int_equal(follow_writer(fixture->follow), WRITER_UNKNOWN);
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    wait_and_drain(fixture);
    assert_int_equal(follow_writer(fixture->follow), WRITER_PRESENT);
    close(fd);
    for (int i = 0; i < 20 && follow_writer(fixture->follow) != WRITER_ABSENT; i++)
        follow_wait(fixture->follow, now_ms(CLOCK_REALTIME) + 100);
    assert_int_equal(follow_writer(fixture->follow), WRITER_ABSENT);
    fd = open(fixture->path, O_WRONLY);
    assert_int_equal(follow_writer(fixture->follow), WRITER_PRESENT);
    close(fd);
}

/* Its death stays known when the log is deleted, too. */
static void the_last_answer_outlives_the_file(void **state)
{
    struct fixture *fixture = *state;
    begin_with(fixture, "one\n");
    assert_int_equal(follow_writer(fixture->follow), WRITER_ABSENT);
    unlink(fixture->path);
    wait_and_drain(fixture);
    struct source_position position;
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 0);
    assert_int_equal(follow_writer(fixture->follow), WRITER_ABSENT);
}

static void a_log_renamed_away_and_back(void **state)
{
    struct fixture *fixture = *state;
    char name[64];
    snprintf(name, sizeof name, "%s.1", fixture->path);
    begin_with(fixture, "one\n");
    rotate(fixture, "1");
    wait_and_drain(fixture);
    assert_int_equal(rename(name, fixture->path), 0);
    wait_and_drain(fixture);
    add(fixture->path, "two\n");
    wait_and_drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_that_names_no_file_is_an_error),
        cmocka_unit_test(an_unknown_owner_is_an_error),
        cmocka_unit_test_setup_teardown(positions_and_lines_agree_after_every_read, setup, teardown),
        cmocka_unit_test_setup_teardown(remembered_positions_are_kept_until_the_log_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense_in_a_remembered_position_reads_from_the_beginning, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_ends_at_the_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_ends_by_a_wake_before_or_during_it, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_ends_by_what_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_does_not_end_by_a_strangers_file, setup, teardown),
        cmocka_unit_test_setup_teardown(the_writer_comes_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_answer_outlives_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_renamed_away_and_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

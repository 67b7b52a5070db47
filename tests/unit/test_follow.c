/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shell/follow.h"

/* The contract of shell/follow.h in one process; tests/faults has the rotations and kills. */
struct fixture {
    char directory[32];
    char path[48];
    struct follow *follow;
    struct strbuf lines;     /* each with its end */
    struct strbuf notes;     /* numbers, each with a space */
};

static void on_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct fixture *fixture = ctx;
    assert_true(offset >= 0);
    strbuf_add(&fixture->lines, line, len);
    strbuf_puts(&fixture->lines, "\n");
}

static void on_note(void *ctx, enum follow_note note, const char *text)
{
    struct fixture *fixture = ctx;
    assert_non_null(strstr(text, fixture->path));
    strbuf_printf(&fixture->notes, "%d ", (int)note);
}

static void start(struct fixture *fixture, const struct source_position *positions, size_t count)
{
    struct follow_sink sink = { fixture, on_line, on_note };
    struct strbuf error = { 0 };
    fixture->follow = follow_open(fixture->path, NULL, positions, count, &sink, &error);
    assert_non_null(fixture->follow);
    strbuf_free(&error);
}

static void stop(struct fixture *fixture)
{
    follow_free(fixture->follow);
    fixture->follow = NULL;
}

static int setup(void **state)
{
    struct fixture *fixture = must_alloc(sizeof *fixture);
    strcpy(fixture->directory, "/tmp/follow-XXXXXX");
    *state = fixture;
    if (!mkdtemp(fixture->directory))
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/log", fixture->directory);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[64];
    stop(fixture);
    snprintf(command, sizeof command, "rm -r %s", fixture->directory);
    int removed = system(command);
    strbuf_free(&fixture->lines);
    strbuf_free(&fixture->notes);
    free(fixture);
    return removed;
}

static void add(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void rotate(const struct fixture *fixture, const char *suffix)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", fixture->path, suffix);
    assert_int_equal(rename(fixture->path, name), 0);
}

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void drain(struct fixture *fixture)
{
    assert_int_equal(follow_read(fixture->follow, SIZE_MAX), FOLLOW_DRAINED);
}

/* Up to the moment when nothing is left to be told, events that libinotifytools kept of an earlier instance included. */
static void settle(struct fixture *fixture)
{
    drain(fixture);
    for (int i = 0; i < 5; i++) {
        follow_wait(fixture->follow, now_ms(CLOCK_REALTIME) + 10);
        drain(fixture);
        follow_writer(fixture->follow);   /* after a close it wants to be asked */
    }
}

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
        stop(fixture);
    }
    assert_string_equal(strbuf_text(&fixture->lines), strbuf_text(&text));
    strbuf_free(&text);
}

static void remembered_positions_are_kept_until_the_log_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct source_position old[2] = { { 1, 2, 3, 4, 5, 6 }, { 7, 8, 9, 10, 11, 12 } }, now[2];
    start(fixture, old, 2);
    assert_int_equal(follow_positions(fixture->follow, now, 2), 2);
    drain(fixture);
    assert_int_equal(follow_positions(fixture->follow, now, 2), 2);
    assert_memory_equal(now, old, sizeof old);
    assert_int_equal(follow_positions(fixture->follow, now, 1), 1);
    add(fixture->path, "one\n");
    drain(fixture);   /* nobody waited, so nobody has looked */
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
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
    struct source_position nonsense[] = { { st.st_dev, st.st_ino, -1, 0, 0, 0 }, { st.st_dev, st.st_ino, 2, 1, INT64_MIN, INT64_MAX },
                                          { st.st_dev, st.st_ino, 4, 1, 4, -1 } };
    start(fixture, nonsense, 3);
    drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\n");
}

static void waiting_ends_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    add(fixture->path, "one\n");
    start(fixture, NULL, 0);
    settle(fixture);
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
    add(fixture->path, "one\n");
    start(fixture, NULL, 0);
    settle(fixture);
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
    add(fixture->path, "one\n");
    start(fixture, NULL, 0);
    settle(fixture);
    assert_int_equal(pthread_create(&thread, NULL, append_soon, fixture->path), 0);
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
    pthread_join(thread, NULL);
}

/* What others do beside the log is none of the owner's business. */
static void waiting_does_not_end_by_a_strangers_file(void **state)
{
    struct fixture *fixture = *state;
    char other[64];
    snprintf(other, sizeof other, "%s.other", fixture->path);
    add(fixture->path, "one\n");
    start(fixture, NULL, 0);
    settle(fixture);
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
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
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
    add(fixture->path, "one\n");
    start(fixture, NULL, 0);
    settle(fixture);
    assert_int_equal(follow_writer(fixture->follow), WRITER_ABSENT);
    unlink(fixture->path);
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
    struct source_position position;
    assert_int_equal(follow_positions(fixture->follow, &position, 1), 0);
    assert_int_equal(follow_writer(fixture->follow), WRITER_ABSENT);
}

static void generations_missed_are_read_in_order_and_copies_are_not(void **state)
{
    struct fixture *fixture = *state;
    struct timespec grain = { 0, 12 * 1000 * 1000 };
    static const char *const SUFFIXES[] = { "3", "20260212", "2026-02-12_10:00:00", "2026112404.backup", "bak", "1x" };
    add(fixture->path, "one\n");
    start(fixture, NULL, 0);
    settle(fixture);
    rotate(fixture, "9");
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        char line[64];
        nanosleep(&grain, NULL);
        snprintf(line, sizeof line, "%s\n", SUFFIXES[i]);
        add(fixture->path, line);
        rotate(fixture, SUFFIXES[i]);
    }
    nanosleep(&grain, NULL);
    add(fixture->path, "last\n");
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\n3\n20260212\n2026-02-12_10:00:00\n2026112404.backup\nlast\n");
}

static void a_generation_missed_is_read_although_nothing_follows_it(void **state)
{
    struct fixture *fixture = *state;
    struct timespec grain = { 0, 12 * 1000 * 1000 };
    add(fixture->path, "one\n");
    start(fixture, NULL, 0);
    settle(fixture);
    rotate(fixture, "2");
    nanosleep(&grain, NULL);
    add(fixture->path, "two\n");
    rotate(fixture, "1");
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

/* A generation unpacked again, or touched by a writer that stayed with it, is not a new one. */
static void what_is_old_stays_old_whatever_its_dates_say(void **state)
{
    struct fixture *fixture = *state;
    struct timespec grain = { 0, 12 * 1000 * 1000 };
    char unpacked[64], stale[64];
    snprintf(unpacked, sizeof unpacked, "%s.7", fixture->path);
    snprintf(stale, sizeof stale, "%s.2", fixture->path);
    add(fixture->path, "stale\n");
    rotate(fixture, "2");
    nanosleep(&grain, NULL);
    add(fixture->path, "one\n");
    start(fixture, NULL, 0);
    settle(fixture);
    nanosleep(&grain, NULL);
    add(stale, "written late\n");
    add(unpacked, "unpacked\n");
    struct timespec long_ago[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
    assert_int_equal(utimensat(AT_FDCWD, unpacked, long_ago, 0), 0);
    rotate(fixture, "1");
    add(fixture->path, "two\n");
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

static void a_log_renamed_away_and_back(void **state)
{
    struct fixture *fixture = *state;
    char name[64];
    snprintf(name, sizeof name, "%s.1", fixture->path);
    add(fixture->path, "one\n");
    start(fixture, NULL, 0);
    settle(fixture);
    rotate(fixture, "1");
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
    assert_int_equal(rename(name, fixture->path), 0);
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
    add(fixture->path, "two\n");
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
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
        cmocka_unit_test_setup_teardown(generations_missed_are_read_in_order_and_copies_are_not, setup, teardown),
        cmocka_unit_test_setup_teardown(a_generation_missed_is_read_although_nothing_follows_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_old_stays_old_whatever_its_dates_say, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_renamed_away_and_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

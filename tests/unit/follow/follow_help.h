/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FOLLOW_HELP_H
#define TESTS_FOLLOW_HELP_H

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

#include "follow.h"

/* A follower in this process, and what it told. */
struct fixture {
    char directory[32];
    char path[48];
    struct follow *follow;
    struct strbuf lines; /* each with its end */
    struct strbuf notes; /* numbers, each with a space */
};

static inline void on_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct fixture *fixture = ctx;
    assert_true(offset >= 0);
    strbuf_add(&fixture->lines, line, len);
    strbuf_puts(&fixture->lines, "\n");
}

static inline void on_note(void *ctx, enum follow_note note, const char *text)
{
    struct fixture *fixture = ctx;
    assert_true(note == FOLLOW_LONG_LINE || strstr(text, fixture->path)); /* a tail does not know its path */
    strbuf_printf(&fixture->notes, "%d ", (int)note);
}

static inline void start(struct fixture *fixture, const struct source_position *positions, size_t count)
{
    struct follow_sink sink = { fixture, on_line, on_note };
    struct strbuf error = { 0 };
    fixture->follow = follow_open(fixture->path, NULL, positions, count, &sink, &error);
    assert_non_null(fixture->follow);
    strbuf_free(&error);
}

static inline void fixture_stop(struct fixture *fixture)
{
    follow_free(fixture->follow);
    fixture->follow = NULL;
}

static inline int setup(void **state)
{
    struct fixture *fixture = must_alloc(sizeof *fixture);
    strcpy(fixture->directory, "/tmp/follow-XXXXXX");
    *state = fixture;
    if (!mkdtemp(fixture->directory))
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/log", fixture->directory);
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[64];
    fixture_stop(fixture);
    snprintf(command, sizeof command, "rm -r %s", fixture->directory);
    int removed = system(command);
    strbuf_free(&fixture->lines);
    strbuf_free(&fixture->notes);
    free(fixture);
    return removed;
}

static inline void add(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static inline void rotate(const struct fixture *fixture, const char *suffix)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%s", fixture->path, suffix);
    assert_int_equal(rename(fixture->path, name), 0);
}

static inline int64_t now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void drain(struct fixture *fixture)
{
    while (follow_read(fixture->follow, SIZE_MAX) == FOLLOW_MORE) /* on a slow machine a look takes several calls */
        continue;
}

/* Up to the moment when nothing is left to be told, events that libinotifytools kept of an earlier instance included. */
static inline void settle(struct fixture *fixture)
{
    drain(fixture);
    for (int i = 0; i < 5; i++) {
        follow_wait(fixture->follow, now_ms(CLOCK_REALTIME) + 10);
        drain(fixture);
        follow_writer(fixture->follow); /* after a close it wants to be asked */
    }
}

/* A log with one line, which is followed and read. */
static inline void begin_with(struct fixture *fixture, const char *text)
{
    add(fixture->path, text);
    start(fixture, NULL, 0);
    settle(fixture);
}

static inline void wait_and_drain(struct fixture *fixture)
{
    follow_wait(fixture->follow, INT64_MAX);
    drain(fixture);
}

/* Of two files only what is further apart than the kernel's clock ticks has an order. */
static inline void let_the_clock_tick(void)
{
    struct timespec tick = { 0, 12 * 1000 * 1000 };
    nanosleep(&tick, NULL);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef UNIT_DAEMON_STAMPS_READER_H
#define UNIT_DAEMON_STAMPS_READER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "agent/daemon/stamps.h"
#include "base/strbuf.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
static const int64_t DAY = 24 * (int64_t)HOUR;
static const int64_t NOON = INT64_C(1772452800000); /* 2026-03-02T12:00:00Z */

/* A reader of records that are only a time: what is fed, as text of "minutes since noon" with a letter of the caller's. */
struct reader {
    struct stamps *stamps;
    struct stamp_moment moment;
    int64_t error_ms; /* of the log's clock */
    struct strbuf fed;
};

static inline void feed(struct reader *reader, int64_t time_ms, char letter)
{
    strbuf_printf(&reader->fed, "%c", letter);
    reader->moment.clock_ms = time_ms;
    reader->moment.begun_ms = reader->moment.believed++ ? reader->moment.begun_ms : time_ms;
}

static inline void take_released(struct reader *reader)
{
    struct stamp_release release;
    struct slice line;
    int64_t offset;
    if (!stamps_take_release(reader->stamps, &release))
        return;
    while (stamps_next_line(reader->stamps, &release, &line, &offset))
        feed(reader, strtoll(line.at + 1, NULL, 10) - reader->error_ms - release.error_ms, line.at[0]);
    reader->error_ms += release.lasting ? release.error_ms : 0;
}

static inline void record(struct reader *reader, int64_t raw_ms, char letter)
{
    char line[32];
    int64_t time_ms = raw_ms - reader->error_ms;
    int len = snprintf(line, sizeof line, "%c%lld", letter, (long long)raw_ms);
    if (stamps_judge(reader->stamps, &reader->moment, time_ms)) {
        feed(reader, time_ms, letter);
        return;
    }
    stamps_hold(reader->stamps, &reader->moment, (struct slice){ line, (size_t)len + 1 }, 0);
    take_released(reader);
}

static inline void settle(struct reader *reader, int64_t written_ms)
{
    stamps_settle(reader->stamps, &reader->moment, written_ms);
    take_released(reader);
}

static inline struct reader reader_of_a_replay(void)
{
    return (struct reader){ .stamps = stamps_new() };
}

/* The host's clock shows noon, and all that was there was read a second ago. */
static inline struct reader reader_of_a_live_log(void)
{
    struct reader reader = { .stamps = stamps_new() };
    reader.moment = (struct stamp_moment){ .clock_ms = NOON - MINUTE, .now_ms = NOON, .since_ms = NOON - SECOND };
    return reader;
}

/* Time goes by for the agent and for the host. */
static inline void pass(struct reader *reader, int64_t ms)
{
    reader->moment.since_ms = reader->moment.now_ms;
    reader->moment.now_ms += ms;
    reader->moment.running_ms += ms;
    settle(reader, 0);
}

static inline void assert_fed(struct reader *reader, const char *expected, int64_t strays)
{
    assert_string_equal(strbuf_text(&reader->fed), expected);
    assert_int_equal(stamps_strays(reader->stamps)->lines, strays);
    stamps_free(reader->stamps);
    strbuf_free(&reader->fed);
}

#endif

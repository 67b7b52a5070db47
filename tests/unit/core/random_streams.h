/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_RANDOM_STREAMS_H
#define TESTS_RANDOM_STREAMS_H

#include "core_driver.h"

/* Random streams of events, each made from its own seed. */
enum { STEPS_MOST = 600 };

enum step_kind { STEP_FEED, STEP_CATCH_UP, STEP_GO_LIVE };

struct step {
    enum step_kind kind;
    struct event event;
};

struct stream {
    uint64_t state; /* of the random numbers */
    uint64_t seed;
    struct step steps[STEPS_MOST];
    size_t count;
    int64_t now_ms, newest_ms;
    bool set_back; /* the host's clock or the log's was set back: times may decrease */
};

/* --- random streams ------------------------------------------------------------------------------------------ */

/* xorshift64* (Vigna 2016, ACM TOMS 42). */
static inline uint64_t random_bits(struct stream *stream)
{
    uint64_t x = stream->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    stream->state = x;
    return x * 2685821657736338717u;
}

static inline int64_t random_below(struct stream *stream, int64_t limit)
{
    return (int64_t)((random_bits(stream) >> 1) % (uint64_t)limit);
}

static inline bool chance(struct stream *stream, int64_t percent)
{
    return random_below(stream, 100) < percent;
}

static inline void stream_seed(struct stream *stream, uint64_t seed)
{
    stream->seed = seed;
    stream->state = seed * 0x9e3779b97f4a7c15u + 1;
    stream->count = 0;
    stream->now_ms = stream->newest_ms = at(0, 0, 0);
    stream->set_back = false;
    for (int i = 0; i < 4; i++)
        random_bits(stream);
}

static const char *const tables[] = { "bronze_a", "bronze_b", "odd table", "d" };
static const char *const texts[] = {
    "Connection refused",
    "java.lang.OutOfMemoryError",
    "back\\slash",
    "two\nlines",
    "",
    "No such file or directory: 'docker'",
    "a mystery",
};
enum { TABLES = 4, TEXTS = 7 };

static inline void push(struct stream *stream, struct event event)
{
    if (stream->count == STEPS_MOST)
        return;
    event.time_ms = event.time_ms ? event.time_ms : stream->now_ms;
    event.offset = (int64_t)stream->count * 100;
    if (event.line.len == 0 && event.kind < EVENT_WRITER_GONE)
        event.line = slice_of(event_name(event.kind));
    if (event.time_ms > stream->newest_ms)
        stream->newest_ms = event.time_ms;
    stream->set_back = stream->set_back || event.time_ms < stream->newest_ms - MINUTE_MS;
    stream->steps[stream->count++] = (struct step){ .event = event };
}

static inline void push_step(struct stream *stream, enum step_kind kind)
{
    if (stream->count < STEPS_MOST)
        stream->steps[stream->count++] = (struct step){ .kind = kind };
}

static inline void push_failure(struct stream *stream, struct slice table)
{
    push(stream, (struct event){ .kind = EVENT_RUN_FAILED, .table = table });
    push(stream, (struct event){ .kind = EVENT_RUN_EXIT_CODE, .table = table, .number = chance(stream, 20) ? 137 : 1 });
    for (int64_t lines = random_below(stream, 3); lines > 0; lines--)
        push(stream, (struct event){ .kind = EVENT_RUN_STDERR,
                                     .table = table,
                                     .text = slice_of(texts[random_below(stream, TEXTS)]) });
}

/* How this stretch of a stream goes: per cent. */
struct mood {
    int64_t fails, zeros, slow, dies, answers;
};

/* What others than the log say of a table's newest run, which may not be the one before. */
static inline void push_answer(struct stream *stream, struct slice table)
{
    static const char *const kinds[] = { "", "scheduler-oom", "warehouse-disk-full", "log-disk-full" };
    int64_t rows = random_below(stream, 100000);
    switch (random_below(stream, 4)) {
    case 0:
        push(stream, (struct event){ .kind = EVENT_FAILURE_TOLD,
                                     .table = table,
                                     .text = slice_of(texts[random_below(stream, TEXTS)]) });
        break;
    case 1:
        push(stream, (struct event){ .kind = EVENT_HOST_NOTED,
                                     .cause = slice_of(kinds[random_below(stream, 4)]),
                                     .line = slice_of("a disk is full") });
        break;
    default:
        push(stream, (struct event){ .kind = EVENT_TABLE_WITNESSED,
                                     .table = table,
                                     .number = chance(stream, 30)   ? 0
                                               : chance(stream, 10) ? ROWS_WITHOUT_NUMBER
                                               : chance(stream, 10) ? ROWS_NOT_KNOWN
                                                                    : rows,
                                     .rows_from = chance(stream, 50) ? ROWS_FROM_ICEBERG : ROWS_FROM_WATERMARK,
                                     .at_ms = chance(stream, 20) ? 0 : stream->now_ms - random_below(stream, hours(2)),
                                     .duration_ms = random_below(stream, minutes(60)) - 1,
                                     .text = slice_of("its Iceberg metadata") });
        break;
    }
}

/* systemd tells of a unit that may not be what writes the log. */
static inline void push_unit(struct stream *stream)
{
    static const char *const kinds[] = { "", "scheduler-oom", "scheduler-failed", "scheduler-given-up" };
    push(stream, (struct event){ .kind = EVENT_UNIT_STATE,
                                 .number = random_below(stream, UNIT_STATES),
                                 .at_ms = chance(stream, 10) ? 0 : stream->now_ms - random_below(stream, minutes(20)),
                                 .text = slice_of(texts[random_below(stream, TEXTS)]),
                                 .cause = slice_of(kinds[random_below(stream, 4)]) });
}

/* False if the cycle died in it. */
static inline bool push_run(struct stream *stream, const struct mood *mood, int64_t index)
{
    struct slice table = slice_of(tables[index]);
    push(stream, (struct event){ .kind = EVENT_RUN_STARTED, .table = table });
    stream->now_ms += chance(stream, mood->slow) ? random_below(stream, 700000) : 3000 + random_below(stream, 8000);
    if (chance(stream, mood->dies)) {
        static const enum event_kind ends[] = {
            EVENT_CYCLE_EXCEPTION,
            EVENT_SCHEDULER_CRASHED,
            EVENT_WRITER_GONE,
            EVENT_SCHEDULER_STARTED,
        };
        push(stream, (struct event){ .kind = ends[random_below(stream, 4)],
                                     .text = slice_of(texts[random_below(stream, TEXTS)]) });
        return false;
    }
    if (chance(stream, mood->fails)) {
        if (chance(stream, 15))
            push(stream, (struct event){ .kind = EVENT_RUN_TIMEOUT, .table = table });
        else
            push_failure(stream, table);
    } else {
        int64_t rows = chance(stream, mood->zeros) ? 0 : chance(stream, 3) ? -1 : 1 + random_below(stream, 100000);
        push(stream, (struct event){ .kind = EVENT_RUN_COMPLETED, .table = table, .number = rows });
    }
    if (chance(stream, mood->answers))
        push_answer(stream, table);
    return true;
}

static inline void push_cycle(struct stream *stream, const struct mood *mood, int64_t table_count)
{
    push(stream, (struct event){ .kind = EVENT_CYCLE_STARTED });
    push(stream, (struct event){ .kind = EVENT_CYCLE_TABLES, .number = table_count });
    for (int64_t i = 0; i < table_count; i++)
        if (!push_run(stream, mood, i))
            return;
    push(stream, (struct event){ .kind = EVENT_CYCLE_COMPLETED });
    if (chance(stream, 40)) /* in most cases another one than the lines of the runs */
        push(stream, (struct event){ .kind = EVENT_CYCLE_SUMMARY,
                                     .succeeded = (int)random_below(stream, table_count + 1),
                                     .failed = (int)random_below(stream, 2) });
    int64_t next_ms = (stream->now_ms / minutes(15) + 1) * minutes(15);
    push(stream, (struct event){ .kind = EVENT_NEXT_RUN, .at_ms = next_ms });
    push(stream, (struct event){ .kind = EVENT_WAITING, .duration_ms = next_ms - stream->now_ms });
    stream->now_ms = next_ms + random_below(stream, 3000) - 1000;
}

static inline void push_interlude(struct stream *stream)
{
    switch (random_below(stream, 15)) {
    case 0: stream->now_ms += random_below(stream, hours(3)); break;
    case 1:
        push(stream, (struct event){ .kind = EVENT_SCHEDULER_STOPPED });
        stream->now_ms += random_below(stream, hours(1));
        push(stream, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
        break;
    case 2:
        push(stream, (struct event){ .kind = EVENT_SCHEDULER_CRASHED });
        push(stream, (struct event){ .kind = EVENT_WRITER_GONE });
        stream->now_ms += random_below(stream, seconds(120));
        push(stream, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
        push(stream, (struct event){ .kind = EVENT_WRITER_BACK });
        break;
    case 3: {
        int64_t slept_ms = 1000 + random_below(stream, hours(9));
        stream->now_ms += slept_ms;
        push(stream, (struct event){ .kind = EVENT_HOST_RESUMED, .duration_ms = slept_ms });
        break;
    }
    case 4: push(stream, (struct event){ .kind = EVENT_PROBE_DOWN, .text = slice_of("clickhouse") }); break;
    case 8:
        push(stream, (struct event){ .kind = chance(stream, 50) ? EVENT_LOG_REFUSED : EVENT_LOG_READABLE,
                                     .text = slice_of("the log is a symbolic link") });
        break;
    case 11:
        push(stream, (struct event){ .kind = chance(stream, 50) ? EVENT_LOG_MISSING : EVENT_LOG_DELETED });
        stream->now_ms += random_below(stream, hours(1));
        push(stream, (struct event){ .kind = EVENT_LOG_READABLE });
        break;
    case 12:
        push(stream, (struct event){ .kind = chance(stream, 50) ? EVENT_LINES_UNKNOWN : EVENT_LINES_KNOWN,
                                     .number = random_below(stream, 100),
                                     .text = slice_of("no line is understood") });
        break;
    case 9:
        push(stream, (struct event){ .kind = chance(stream, 50) ? EVENT_WEBHOOK_STUCK : EVENT_WEBHOOK_WELL,
                                     .text = slice_of("oncall takes nothing") });
        break;
    case 13:
    case 14: push_unit(stream); break;
    case 5:
        push(stream, (struct event){ .kind = EVENT_SCHEDULE, .duration_ms = minutes(5 + 5 * random_below(stream, 5)) });
        break;
    case 6: push_step(stream, chance(stream, 50) ? STEP_CATCH_UP : STEP_GO_LIVE); break;
    case 7:
        if (chance(stream, 20)) {
            int64_t back_ms = 1000 + random_below(stream, hours(3));
            stream->now_ms -= back_ms;
            stream->set_back = true; /* by less than a minute as well */
            push(stream, (struct event){ .kind = EVENT_HOST_RESUMED, .duration_ms = -back_ms });
        }
        break;
    default: stream->now_ms += random_below(stream, minutes(40)); break;
    }
}

static inline void make_plausible(struct stream *stream, size_t length)
{
    static const struct mood moods[] = {
        { 2, 2, 1, 0, 0 },   { 0, 0, 0, 0, 50 },   { 80, 0, 2, 1, 40 },
        { 10, 95, 2, 0, 0 }, { 10, 10, 60, 2, 0 }, { 30, 30, 10, 10, 90 },
    };
    int64_t table_count = 1 + random_below(stream, TABLES);
    push(stream, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
    while (stream->count < length) {
        const struct mood *mood = &moods[random_below(stream, 6)];
        for (int64_t cycles = 1 + random_below(stream, 12); cycles > 0 && stream->count < length; cycles--)
            push_cycle(stream, mood, chance(stream, 90) ? table_count : 1);
        if (chance(stream, 60))
            push_interlude(stream);
    }
}

/* Any event with any values, forwards, backwards and at one instant. */
static inline void make_garbage(struct stream *stream, size_t length)
{
    static const int64_t jumps_ms[] = {
        0, 0, 0, 1, 999, 5000, 60000, 90000, 299999, 600001, 900000, 5400000, 90000000, -1, -60000, -7200000,
    };
    bool stays = chance(stream, 50); /* its clock is never set back */
    while (stream->count < length) {
        int64_t jump_ms = jumps_ms[random_below(stream, 16)];
        stream->now_ms += jump_ms < -1 && stays ? 0 : jump_ms;
        struct event event = {
            .kind = (enum event_kind)random_below(stream, EVENT_KINDS),
            .number = random_below(stream, 200) - 50,
            .duration_ms = random_below(stream, hours(2)),
            .at_ms = stream->now_ms + random_below(stream, hours(2)) - minutes(30),
            .table = slice_of(tables[random_below(stream, TABLES)]),
            .text = slice_of(texts[random_below(stream, TEXTS)]),
            .rows_from = (enum rows_from)random_below(stream, ROWS_FROMS),
            .cause = slice_of(chance(stream, 50) ? "scheduler-given-up" : "a mystery"),
        };
        if (event.kind == EVENT_UNIT_STATE)
            event.number = random_below(stream, UNIT_STATES + 2) - 1;
        if (event.kind == EVENT_SCHEDULE)
            event.duration_ms = minutes(1 + random_below(stream, 60));
        if (event.kind == EVENT_HOST_RESUMED) /* the shell's word, and true */
            stream->now_ms += event.duration_ms;
        if (chance(stream, 3))
            push_step(stream, chance(stream, 50) ? STEP_CATCH_UP : STEP_GO_LIVE);
        else
            push(stream, event);
    }
}

/* A clock that cannot be relied on: set back by the host or by the lines alone, ahead for one line, set forward. */
static inline void push_clock_trouble(struct stream *stream)
{
    int64_t by_ms = 1000 + random_below(stream, chance(stream, 20) ? hours(1000) : hours(3));
    switch (random_below(stream, 4)) {
    case 0: stream->now_ms -= by_ms; break;
    case 1:
        stream->now_ms -= by_ms;
        stream->set_back = true; /* by less than a minute as well */
        push(stream, (struct event){ .kind = EVENT_HOST_RESUMED, .duration_ms = -by_ms });
        break;
    case 2:
        push(stream, (struct event){ .kind = EVENT_HOST_RESUMED,
                                     .time_ms = stream->now_ms + by_ms,
                                     .duration_ms = chance(stream, 50) ? by_ms : 0 });
        break;
    default: stream->now_ms += by_ms; break;
    }
}

static inline void make_unsteady(struct stream *stream, size_t length)
{
    static const struct mood moods[] = {
        { 2, 2, 1, 0, 0 }, { 50, 10, 5, 5, 50 }, { 10, 80, 30, 10, 90 }, { 5, 5, 5, 40, 0 }
    };
    push(stream, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
    while (stream->count < length) {
        push_cycle(stream, &moods[random_below(stream, 4)], 1 + random_below(stream, TABLES));
        if (chance(stream, 30))
            push_clock_trouble(stream);
        if (chance(stream, 20))
            push_interlude(stream);
    }
}

#endif

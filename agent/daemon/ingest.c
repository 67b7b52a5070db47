/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ingest.h"

/* The zones of the world span 26 hours. A line is read seconds after it was written, on a starved host a minute. */
enum { ZONE_STEP_MS = 30 * 60 * 1000, ZONE_SLACK_MS = 90 * 1000, ZONE_MOST_MS = 26 * 60 * 60 * 1000 };

static const int64_t LEAP_MS = INT64_C(366) * 24 * 60 * 60 * 1000;

bool ingest_zone_error(int64_t off_ms, int64_t *error_ms)
{
    int64_t half = off_ms < 0 ? -ZONE_STEP_MS / 2 : ZONE_STEP_MS / 2;
    int64_t nearest_ms = (off_ms + half) / ZONE_STEP_MS * ZONE_STEP_MS;
    int64_t rest_ms = off_ms - nearest_ms;
    if (rest_ms > ZONE_SLACK_MS || rest_ms < -ZONE_SLACK_MS || nearest_ms > ZONE_MOST_MS || nearest_ms < -ZONE_MOST_MS)
        return false;
    *error_ms = nearest_ms;
    return true;
}

int64_t ingest_clock(const struct ingest *ingest)
{
    int64_t raw_ms = parser_clock(ingest->parser);
    return raw_ms ? raw_ms - ingest->zone_error_ms : 0;
}

static bool ingest_is_ahead(const struct ingest *ingest, int64_t time_ms)
{
    return ingest->now_ms && time_ms - ingest->now_ms > INGEST_AHEAD_MS;
}

/* A replay has no host's clock. No log stands still for a year, so such a step is a wrong stamp; else a century of reminders would be due. */
static bool ingest_is_leap(const struct ingest *ingest, int64_t time_ms)
{
    int64_t from_ms = engine_clock(ingest->engine);
    return !ingest->now_ms && from_ms > 0 && time_ms - from_ms > LEAP_MS;
}

/* Must come before the engine sees the line: its clock would run ahead and find promises broken on the way. */
static void ingest_leave_future(struct ingest *ingest, int64_t time_ms)
{
    int64_t at_ms = time_ms - ingest->zone_error_ms, error_ms = 0;
    if (!ingest_is_ahead(ingest, at_ms) && !ingest_is_leap(ingest, at_ms))
        return;
    if (ingest->now_ms && ingest_zone_error(at_ms - ingest->now_ms, &error_ms) && error_ms != 0) {
        ingest->zone_error_ms += ingest->just_written ? error_ms : 0;
        return;
    }
    struct event jump = { .kind = EVENT_HOST_RESUMED, .time_ms = at_ms, .offset = -1 };
    jump.duration_ms = jump.time_ms - engine_clock(ingest->engine);
    if (jump.duration_ms > 0)
        engine_feed(ingest->engine, &jump);
}

static void ingest_go_live(struct ingest *ingest, int64_t from_ms)
{
    ingest->live_from_ms = INT64_MIN;
    engine_tick(ingest->engine, from_ms - 1); /* deadlines before it are old news as well */
    engine_go_live(ingest->engine);
}

static void ingest_take_event(void *ctx, struct event *event)
{
    struct ingest *ingest = ctx;
    scrub_event(ingest->scrub, event);
    ingest_leave_future(ingest, event->time_ms);
    event->time_ms -= ingest->zone_error_ms;
    event->at_ms -= event->kind == EVENT_NEXT_RUN ? ingest->zone_error_ms : 0;
    if (ingest->live_from_ms != INT64_MIN && event->time_ms >= ingest->live_from_ms &&
        !ingest_is_ahead(ingest, event->time_ms))
        ingest_go_live(ingest, event->time_ms);
    engine_feed(ingest->engine, event);
}

void ingest_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct ingest *ingest = ctx;
    parser_feed(ingest->parser, line, len, offset, ingest_take_event, ingest);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ingest.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/budgets.h"
#include "base/zone.h"
#include "causes.h"
#include "stamps.h"

/* A line is read seconds after it was written, on a starved host a minute. */
enum { ZONE_SLACK_MS = 90 * 1000 };

/* A replay has no host's clock. No log stands still for a year: such a step is a wrong stamp, or a century of reminders would be due. */
static const int64_t LEAP_MS = INT64_C(366) * 24 * 60 * 60 * 1000;

static bool ingest_judge(void *ctx, int64_t time_ms, struct slice line, int64_t offset);

void ingest_begin(struct ingest *ingest)
{
    ingest->stamps = stamps_new();
    parser_set_judge(ingest->parser, ingest_judge, ingest);
}

void ingest_end(struct ingest *ingest)
{
    stamps_free(ingest->stamps);
    engine_free(ingest->engine);
    causes_free(ingest->causes);
    scrub_close(ingest->scrub);
    parser_free(ingest->parser);
    frames_free(ingest->frames);
}

bool ingest_zone_error(int64_t off_ms, int64_t *error_ms)
{
    return stamps_zone_error(off_ms, ZONE_SLACK_MS, error_ms);
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

static bool ingest_is_leap(const struct ingest *ingest, int64_t time_ms)
{
    int64_t from_ms = engine_clock(ingest->engine);
    return !ingest->now_ms && from_ms > 0 && time_ms - from_ms > LEAP_MS;
}

/* Must come before the engine sees the line: its clock would run ahead and find promises broken on the way. */
__attribute__((cold)) static void ingest_leave_future(struct ingest *ingest, int64_t time_ms)
{
    int64_t error_ms = 0;
    if (ingest->now_ms && ingest_zone_error(time_ms - ingest->now_ms, &error_ms) && error_ms != 0)
        return; /* a backlog in another zone: the error is found when it was read to its end */
    struct event jump = { .kind = EVENT_HOST_RESUMED, .time_ms = time_ms, .offset = -1 };
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
    event->time_ms -= ingest->zone_error_ms;
    event->at_ms -= event->kind == EVENT_NEXT_RUN ? ingest->zone_error_ms : 0;
    if (ingest->before)
        ingest->before(ingest->before_ctx, event->time_ms);
    if (ingest_is_ahead(ingest, event->time_ms) || ingest_is_leap(ingest, event->time_ms))
        ingest_leave_future(ingest, event->time_ms);
    if (ingest->live_from_ms != INT64_MIN && event->time_ms >= ingest->live_from_ms &&
        !ingest_is_ahead(ingest, event->time_ms))
        ingest_go_live(ingest, event->time_ms);
    engine_feed(ingest->engine, event);
    if (ingest->watch)
        ingest->watch(ingest->watch_ctx, event);
}

/* --- stamps ------------------------------------------------------------------------------------------------ */

static struct stamp_moment ingest_moment(const struct ingest *ingest)
{
    return (struct stamp_moment){
        .clock_ms = ingest_clock(ingest),
        .begun_ms = ingest->begun_ms,
        .believed = parser_counts(ingest->parser)->records,
        .promise_ms = engine_next_run_ms(ingest->engine),
        .now_ms = ingest->now_ms,
        .since_ms = ingest->since_ms,
        .jump_ms = ingest->jump_ms,
        .running_ms = ingest->running_ms,
        .raw_ms = ingest->raw_ms,
    };
}

static void ingest_hold(struct ingest *ingest, const struct stamp_moment *moment, struct slice line, int64_t offset)
{
    line.len = line.len < LINE_MAX_BYTES ? line.len : LINE_MAX_BYTES;
    engine_lose_lines(ingest->engine); /* it comes late, or not at all */
    stamps_hold(ingest->stamps, moment, line, offset);
}

/* Nearly every record follows the one before it closely, and nothing is in doubt. */
static bool ingest_is_plain(const struct ingest *ingest, int64_t at_ms)
{
    int64_t step_ms = at_ms - ingest_clock(ingest);
    return ingest->since_ms == 0 && step_ms >= -STAMP_NEAR_MS && step_ms <= STAMP_NEAR_MS &&
           stamps_idle(ingest->stamps);
}

static bool ingest_judge(void *ctx, int64_t time_ms, struct slice line, int64_t offset)
{
    struct ingest *ingest = ctx;
    int64_t at_ms = time_ms - ingest->zone_error_ms;
    ingest->judged = true;
    ingest->left_out = false;
    ingest->raw_ms = time_ms;
    if (!ingest->releasing && !ingest_is_plain(ingest, at_ms)) {
        struct stamp_moment moment = ingest_moment(ingest);
        ingest->left_out = !stamps_judge(ingest->stamps, &moment, at_ms);
        if (ingest->left_out)
            ingest_hold(ingest, &moment, line, offset);
    }
    if (!ingest->left_out && ingest->begun_ms == 0)
        ingest->begun_ms = at_ms;
    if (!ingest->left_out && ingest->now_ms && llabs(at_ms - ingest->now_ms) <= INGEST_AHEAD_MS)
        ingest->in_time = true;
    /* A replay: no clock has to be compared, and as long as nothing is held, the usual record needs no judge. */
    parser_trust_near(ingest->parser, ingest->now_ms == 0 && stamps_idle(ingest->stamps) ? STAMP_NEAR_MS : 0);
    return !ingest->left_out;
}

/* Feeds the lines of a chain that proved right. False if there is none. */
static bool ingest_release(struct ingest *ingest)
{
    struct stamp_release release;
    struct slice line;
    int64_t offset;
    if (!stamps_take_release(ingest->stamps, &release))
        return false;
    ingest->releasing = true;
    ingest->left_out = false;
    ingest->zone_error_ms += release.error_ms;
    while (stamps_next_line(ingest->stamps, &release, &line, &offset)) {
        parser_set_moment(ingest->parser, release.raw_ms, 0);
        parser_feed(ingest->parser, line.at, line.len, offset, ingest_take_event, ingest);
    }
    ingest->zone_error_ms -= release.lasting ? 0 : release.error_ms;
    ingest->releasing = false;
    return true;
}

/* A line was left out, or continues one that is held. */
__attribute__((cold)) static void ingest_hold_line(struct ingest *ingest, struct slice line, int64_t offset)
{
    if (!ingest->judged) {
        struct stamp_moment moment = ingest_moment(ingest);
        ingest_hold(ingest, &moment, line, offset);
    }
    ingest_release(ingest);
}

static void ingest_message(struct ingest *ingest, struct slice line, int64_t offset, int64_t frame_ms)
{
    ingest->judged = false;
    parser_set_moment(ingest->parser, frame_ms, ingest->as_written ? ingest->now_ms : 0);
    parser_feed(ingest->parser, line.at, line.len, offset, ingest_take_event, ingest);
    if (ingest->judged ? ingest->left_out : stamps_holding(ingest->stamps))
        ingest_hold_line(ingest, line, offset);
}

static void ingest_messages(struct ingest *ingest)
{
    struct frame_message message;
    while (frames_next(ingest->frames, &message))
        ingest_message(ingest, message.text, message.offset, message.written_ms);
}

void ingest_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct ingest *ingest = ctx;
    ingest->heard = true;
    if (!ingest->frames) {
        ingest_message(ingest, (struct slice){ line, len }, offset, 0);
        return;
    }
    frames_take(ingest->frames, (struct slice){ line, len }, offset);
    ingest_messages(ingest);
}

void ingest_finish(struct ingest *ingest)
{
    if (!ingest->frames)
        return;
    frames_finish(ingest->frames);
    ingest_messages(ingest);
}

void ingest_notice_jump(struct ingest *ingest, int64_t jump_ms)
{
    ingest->jump_ms = jump_ms;
    stamps_notice_jump(ingest->stamps, jump_ms);
    ingest_release(ingest);
}

/* For how long the log has been silent. A replay, and a backlog that ends with what was written long ago, are over. */
static int64_t ingest_silence_ms(struct ingest *ingest, int64_t written_ms)
{
    if (ingest->heard || ingest->silent_ms == 0)
        ingest->silent_ms = ingest->read_ms;
    ingest->heard = false;
    if (!ingest->now_ms)
        return INT64_MAX;
    int64_t silent_ms = ingest->read_ms - ingest->silent_ms;
    int64_t since_ms = ingest->since_ms == 0 && written_ms != 0 ? ingest->now_ms - written_ms : 0;
    return silent_ms > since_ms ? silent_ms : since_ms;
}

static bool ingest_take_silence(struct ingest *ingest, int64_t written_ms)
{
    int64_t silent_ms = ingest_silence_ms(ingest, written_ms);
    if (parser_silence_ms(ingest->parser) == INT64_MAX || silent_ms < parser_silence_ms(ingest->parser))
        return false;
    parser_take_silence(ingest->parser, silent_ms, ingest_take_event, ingest);
    return true;
}

bool ingest_settle(struct ingest *ingest, int64_t written_ms)
{
    bool silent = ingest_take_silence(ingest, written_ms);
    struct stamp_moment moment = ingest_moment(ingest);
    stamps_settle(ingest->stamps, &moment, written_ms);
    return ingest_release(ingest) || silent;
}

int64_t ingest_due_ms(const struct ingest *ingest)
{
    int64_t stamps_ms = stamps_due_ms(ingest->stamps), silence_ms = parser_silence_ms(ingest->parser);
    silence_ms += silence_ms == INT64_MAX ? 0 : ingest->silent_ms;
    return stamps_ms < silence_ms ? stamps_ms : silence_ms;
}

bool ingest_is_undecided(const struct ingest *ingest)
{
    return stamps_held_bytes(ingest->stamps) > HELD_LIVE_BYTES;
}

int64_t ingest_strays(const struct ingest *ingest, struct strbuf *words)
{
    const struct stamp_strays *strays = stamps_strays(ingest->stamps);
    char first[40];
    if (!words)
        return strays->lines;
    zone_format_rfc3339(strays->first_ms, first);
    strbuf_printf(words, "%" PRId64 " line%s of the log with a time far from %s (the first: %s): not judged",
                  strays->lines, strays->lines == 1 ? "" : "s",
                  ingest->now_ms ? "the moment of writing" : "the lines around", first);
    return strays->lines;
}

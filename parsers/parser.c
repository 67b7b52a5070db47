/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "parser.h"

#include <stdlib.h>

#include "base/budgets.h"
#include "base/utf8.h"
#include "excerpt.h"
#include "held.h"
#include "identities.h"
#include "patterns_file.h"
#include "texts.h"
#include "unknown.h"

struct parser {
    struct patterns patterns;
    struct timestamp_reader clock;
    int64_t clock_ms;
    struct excerpt excerpt;
    struct held held;
    struct identities identities;
    struct texts texts;
    struct parser_counts counts;
    struct unknown unknown;
    parser_judge *judge;
    void *judge_ctx;
    int64_t near_ms;
    parser_miss *miss;
    void *miss_ctx;
};

/* One line on its way through the parser. */
struct feed {
    struct parser *parser;
    struct slice line;
    int64_t offset;
    parser_sink *sink;
    void *ctx;
};

bool parser_change_patterns(struct parser *parser, const char *patterns_path, struct strbuf *error)
{
    struct patterns patterns;
    if (!patterns_load(&patterns, patterns_path, error))
        return false;
    patterns_free(&parser->patterns);
    parser->patterns = patterns;
    parser->excerpt.any_event_follows = patterns_path != NULL;
    return true;
}

struct parser *parser_open(const char *patterns_path, struct strbuf *error)
{
    struct parser *parser = must_alloc(sizeof *parser);
    if (!parser_change_patterns(parser, patterns_path, error)) {
        free(parser);
        return NULL;
    }
    timestamp_reader_init(&parser->clock);
    return parser;
}

void parser_free(struct parser *parser)
{
    if (parser) {
        patterns_free(&parser->patterns);
        excerpt_free(&parser->excerpt);
        held_free(&parser->held);
        identities_free(&parser->identities);
        texts_free(&parser->texts);
        unknown_free(&parser->unknown);
        free(parser);
    }
}

void parser_set_judge(struct parser *parser, parser_judge *judge, void *ctx)
{
    parser->judge = judge;
    parser->judge_ctx = ctx;
}

void parser_trust_near(struct parser *parser, int64_t near_ms)
{
    parser->near_ms = near_ms;
}

void parser_set_miss(struct parser *parser, parser_miss *miss, void *ctx)
{
    parser->miss = miss;
    parser->miss_ctx = ctx;
}

void parser_set_moment(struct parser *parser, int64_t frame_ms, int64_t near_ms)
{
    parser->clock.dayless.frame_ms = frame_ms;
    parser->clock.dayless.near_ms = near_ms;
}

void parser_begin_at(struct parser *parser, int64_t ms)
{
    parser->clock.dayless.last_ms = ms;
    parser->clock.dayless.doubt_ms = INT64_MIN;
}

bool parser_dates_itself(const struct parser *parser)
{
    const struct pattern *prefix = parser->patterns.format.prefix;
    return !prefix || pattern_has_group(prefix, RECORD_TIME);
}

int64_t parser_clock(const struct parser *parser)
{
    return parser->clock_ms;
}

const struct parser_counts *parser_counts(const struct parser *parser)
{
    return &parser->counts;
}

static void parser_emit(const struct feed *feed, struct event *event)
{
    event->offset = feed->offset;
    event->line = feed->line;
    feed->parser->counts.events++;
    feed->parser->unknown.lines = 0;
    feed->sink(feed->ctx, event);
}

static void parser_emit_evidence(const struct feed *feed)
{
    struct event event;
    if (excerpt_evidence(&feed->parser->excerpt, feed->line, &event))
        parser_emit(feed, &event);
}

/* A cycle_completed that tells its duration too is two facts on one line. */
static void parser_emit_completed(const struct feed *feed, struct event *event)
{
    struct event duration = { .kind = EVENT_CYCLE_DURATION,
                              .time_ms = event->time_ms,
                              .cycle = event->cycle,
                              .duration_ms = event->duration_ms };
    event->duration_ms = 0;
    parser_emit(feed, event);
    if (duration.duration_ms >= 0)
        parser_emit(feed, &duration);
}

/* A line of a text that a name wrote. */
static void parser_emit_text(const struct feed *feed, struct slice line)
{
    struct event event;
    if (texts_have_name(&feed->parser->texts))
        feed->parser->unknown.lines = 0;
    if (texts_evidence(&feed->parser->texts, line, &event))
        parser_emit(feed, &event);
}

/* Whether a traceback, or more of an exception's text, may stand in lines behind the record. */
static bool may_go_on_in_lines(enum event_kind kind)
{
    switch (kind) {
    case EVENT_RUN_FAILED:
    case EVENT_RUN_TIMEOUT:
    case EVENT_RUN_CRASHED:
    case EVENT_CYCLE_CRASHED:
    case EVENT_TEXT_FOLLOWS: return true;
    default: return false; /* not a retry either: the next attempt may begin at once */
    }
}

/* A record that says by name whose it is. */
__attribute__((noinline)) static void parser_take_named(const struct feed *feed, const struct record *record,
                                                        struct event *event)
{
    struct parser *parser = feed->parser;
    if (!identities_complete(&parser->identities, event))
        return;
    event->time_ms = record->time_ms;
    struct names_known known = identities_known(&parser->identities, event);
    bool is_stderr = event->kind == EVENT_RUN_STDERR;
    if (is_stderr || may_go_on_in_lines(event->kind))
        texts_begin(&parser->texts, event, is_stderr, record->time_ms, &known);
    if (is_stderr)
        parser_emit_text(feed, event->text);
    else if (event->kind == EVENT_CYCLE_COMPLETED)
        parser_emit_completed(feed, event);
    else if (event->kind != EVENT_TEXT_FOLLOWS)
        parser_emit(feed, event);
    identities_note(&parser->identities, event);
}

/* All that was open is broken off, and nobody goes on with a text. */
__attribute__((cold)) static void parser_forget_names(struct parser *parser)
{
    identities_free(&parser->identities);
    texts_free(&parser->texts);
}

__attribute__((always_inline)) static inline void parser_take_event(const struct feed *feed,
                                                                    const struct record *record, struct event *event)
{
    if (event_has_name(event)) {
        parser_take_named(feed, record, event);
        return;
    }
    if (!excerpt_follow(&feed->parser->excerpt, record, event))
        return;
    if (event->kind == EVENT_WORKER_STARTED)
        parser_forget_names(feed->parser);
    if (event->kind == EVENT_CYCLE_COMPLETED)
        parser_emit_completed(feed, event);
    else
        parser_emit(feed, event);
}

__attribute__((cold)) static void parser_take_miss(const struct feed *feed, enum vocabulary_answer answer)
{
    struct parser *parser = feed->parser;
    parser->counts.misses += answer == VOCABULARY_UNKNOWN ? 1 : 0;
    parser->counts.limit_hits += answer == VOCABULARY_LIMIT ? 1 : 0;
    if (parser->miss)
        parser->miss(parser->miss_ctx, feed->line, feed->offset);
}

/*
 * The scheduler's own record, or another logger's beside it: any of them tells the time. Nearly every line comes through here, and to
 * call it instead would take a thirtieth of a replay's time.
 */
__attribute__((always_inline)) static inline void parser_take_record(const struct feed *feed,
                                                                     const struct record *record,
                                                                     enum vocabulary_answer answer, struct event *event)
{
    struct parser *parser = feed->parser;
    parser->counts.records++;
    if (answer == VOCABULARY_UNKNOWN || answer == VOCABULARY_LIMIT)
        parser_take_miss(feed, answer);
    parser->clock_ms = record->time_ms;
    timestamp_seen(&parser->clock, record->time_ms);
    if (record->form == RECORD_CUSTOM)
        dayless_seen(&parser->clock.dayless, record->time_ms);
    if (answer == VOCABULARY_EVENT && event->kind == EVENT_WAITING)
        timestamp_await(&parser->clock, record->time_ms + event->duration_ms);
    if (answer == VOCABULARY_EVENT)
        parser_take_event(feed, record, event);
    if (record->own && (answer == VOCABULARY_EVENT || answer == VOCABULARY_IGNORED))
        parser->unknown.lines = 0;
}

/* Drops a "\r" at the line's end, and what is beyond the budget, but no part of a character. */
static void line_cut(struct parser *parser, struct slice *line)
{
    if (line->len > LINE_MAX_BYTES) {
        line->len = utf8_floor(line->at, LINE_MAX_BYTES);
        parser->counts.cut_lines++;
    }
    line->len -= line->len > 0 && line->at[line->len - 1] == '\r' ? 1 : 0;
}

enum parser_stamp parser_skim(struct parser *parser, const char *line, size_t len, int64_t *time_ms)
{
    struct slice text = { line, len };
    struct record record;
    line_cut(parser, &text);
    record_read(&parser->patterns.format, text, &parser->clock, &record);
    if (record.form == RECORD_NONE || !record.own)
        return PARSER_STAMP_NONE;
    timestamp_seen(&parser->clock, record.time_ms);
    dayless_seen(&parser->clock.dayless, record.time_ms);
    *time_ms = record.time_ms;
    return record.dayless ? PARSER_STAMP_DAYLESS : PARSER_STAMP_DATED;
}

static bool parser_is_near(const struct parser *parser, const struct record *record)
{
    int64_t step_ms = record->time_ms - parser->clock_ms;
    return step_ms > -parser->near_ms && step_ms < parser->near_ms;
}

/* Whether the caller's judge finds the record's stamp too far from the moment at which it was written. */
static inline bool parser_leaves_out(const struct feed *feed, const struct record *record)
{
    const struct parser *parser = feed->parser;
    return !parser_is_near(parser, record) && parser->judge && record->form != RECORD_NONE &&
           !parser->judge(parser->judge_ctx, record->time_ms, feed->line, feed->offset);
}

static enum vocabulary_answer parser_ask(struct parser *parser, const struct record *record, struct event *event)
{
    if (!record->own || record_is_rule(record))
        return VOCABULARY_IGNORED;
    return vocabulary_match(parser->patterns.vocabulary, record, event);
}

/* The lines that were held until now: they are read again as the scheduler's, or they turn out to be a job's. */
static void parser_settle_held(const struct feed *feed, enum excerpt_fate fate)
{
    struct parser *parser = feed->parser;
    struct slice rest = strbuf_slice(&parser->held.lines);
    struct feed again = *feed;
    while (held_next(&rest, &again.line, &again.offset)) {
        struct record record;
        struct event event;
        record_read(&parser->patterns.format, again.line, &parser->clock, &record);
        if (fate == HELD_ARE_FOREIGN && parser->excerpt.doubt != DOUBT_EXCEPTION)
            parser_emit_evidence(&again);
        else if (fate == HELD_ARE_TRUE && !parser_leaves_out(&again, &record))
            parser_take_record(&again, &record, parser_ask(parser, &record, &event), &event);
    }
    held_clear(&parser->held);
}

static void parser_hold(const struct feed *feed, const struct event *event)
{
    struct slice line = feed->line;
    if (event->kind == EVENT_SCHEDULER_CRASHED)
        line.len -= event->text.len; /* it may hold a password, which the saved state must not */
    if (!held_add(&feed->parser->held, line, feed->offset))
        parser_emit_evidence(feed);
}

/* A line that stands where foreign text may stand. */
__attribute__((cold)) static void parser_feed_doubted(const struct feed *feed, const struct record *record)
{
    struct parser *parser = feed->parser;
    struct event event;
    bool any_held = parser->held.lines.len > 0;
    struct excerpt_judgement judgement = excerpt_hear(&parser->excerpt, feed->line, record, any_held);
    enum vocabulary_answer answer = parser_ask(parser, record, &event);
    if (judgement.voice == VOICE_DOUBTED)
        judgement = excerpt_weigh(&parser->excerpt, record, answer, &event, any_held);
    if (any_held && judgement.held != HELD_STAY) {
        parser_settle_held(feed, judgement.held);
        answer =
            parser_ask(parser, record, &event); /* the event's texts may lie where the vocabulary put the held ones */
    }
    if (judgement.voice == VOICE_JOB)
        parser_emit_evidence(feed);
    else if (judgement.voice == VOICE_HELD)
        parser_hold(feed, &event);
    else if (judgement.voice != VOICE_NOBODY && record->form != RECORD_NONE && !parser_leaves_out(feed, record))
        parser_take_record(feed, record, judgement.voice == VOICE_REPEATED ? VOCABULARY_IGNORED : answer, &event);
}

/*
 * Whether the record claims a later time than its frame: nobody wrote it as a record then, since its time is made before it is written, and
 * by the same clock. A job that prints times to come could else guess the one at which its text is logged. What seems to be more than
 * AHEAD_MOST_MS ahead is a time in another zone than the configured one.
 */
static bool is_ahead_of_frame(const struct parser *parser, const struct record *record)
{
    enum { AHEAD_MS = 250, AHEAD_MOST_MS = 14 * 60 * 1000 };
    int64_t frame_ms = parser->clock.dayless.frame_ms, ahead_ms = record->time_ms - frame_ms;
    return frame_ms && ahead_ms > AHEAD_MS && ahead_ms < AHEAD_MOST_MS;
}

/* A line that stands where a text that a name wrote may go on. */
__attribute__((cold)) static void parser_feed_in_text(const struct feed *feed, const struct record *record)
{
    struct parser *parser = feed->parser;
    struct event event;
    if (record->form == RECORD_NONE) {
        parser_emit_text(feed, feed->line);
        return;
    }
    enum vocabulary_answer answer = parser_ask(parser, record, &event);
    bool says = answer == VOCABULARY_EVENT && identities_complete(&parser->identities, &event);
    struct names_known known = says ? identities_known(&parser->identities, &event) : (struct names_known){ 0 };
    if (record->own && (is_ahead_of_frame(parser, record) ||
                        !texts_believe(&parser->texts, feed->line, record, says ? &event : NULL, &known)))
        parser_emit_text(feed, feed->line);
    else if (!parser_leaves_out(feed, record))
        parser_take_record(feed, record, answer, &event);
}

void parser_feed(struct parser *parser, const char *line, size_t len, int64_t offset, parser_sink *sink, void *ctx)
{
    struct feed feed = { .parser = parser, .line = { line, len }, .offset = offset, .sink = sink, .ctx = ctx };
    struct record record;
    struct event event;

    parser->counts.lines++;
    parser->unknown.lines++;
    line_cut(parser, &feed.line);
    record_read(&parser->patterns.format, feed.line, &parser->clock, &record);
    parser->counts.limit_hits += record.gave_up ? 1 : 0;
    if (parser->excerpt.doubt != DOUBT_NONE)
        parser_feed_doubted(&feed, &record);
    else if (texts_any(&parser->texts))
        parser_feed_in_text(&feed, &record);
    else if (record.form != RECORD_NONE && !parser_leaves_out(&feed, &record))
        parser_take_record(&feed, &record, parser_ask(parser, &record, &event), &event);
    else if (record.form == RECORD_NONE && vocabulary_has_names(parser->patterns.vocabulary))
        texts_begin_unnamed(&parser->texts, parser->clock_ms);
    if (unknown_is_wanted(&parser->unknown))
        unknown_keep(&parser->unknown, feed.line, &record);
}

int64_t parser_unknown_lines(const struct parser *parser, struct strbuf *words)
{
    if (words && parser->unknown.lines > 0)
        unknown_describe(&parser->unknown, &parser->patterns.format, words);
    return parser->unknown.lines;
}

int64_t parser_silence_ms(const struct parser *parser)
{
    return excerpt_silence_ms(&parser->excerpt);
}

void parser_take_silence(struct parser *parser, int64_t silent_ms, parser_sink *sink, void *ctx)
{
    struct feed feed = { .parser = parser, .sink = sink, .ctx = ctx };
    if (excerpt_take_silence(&parser->excerpt, silent_ms) == HELD_STAY)
        return;
    parser_settle_held(&feed, HELD_ARE_TRUE);
    excerpt_end(&parser->excerpt); /* what was held may have begun it anew */
}

void parser_archive(struct parser *parser, struct archive *archive)
{
    archive_i64(archive, "clock_ms", &parser->clock_ms);
    archive_i64(archive, "last_ms", &parser->clock.last_ms);
    archive_i64(archive, "awaited_ms", &parser->clock.awaited_ms);
    if (parser->clock.awaited_ms > EVENT_TIME_MAX_MS || parser->clock.awaited_ms < -EVENT_TIME_MAX_MS)
        parser->clock.awaited_ms = INT64_MIN; /* nothing is awaited, or nobody saved that */
    dayless_archive(&parser->clock.dayless, archive);
    excerpt_archive(&parser->excerpt, archive);
    held_archive(&parser->held, archive);
    identities_archive(&parser->identities, archive);
    texts_archive(&parser->texts, archive);
}

bool parser_line_time(struct slice line, int64_t *ms)
{
    struct timestamp_reader reader;
    timestamp_reader_init(&reader);
    return timestamp_read(&reader, line.at, line.len, ms) > 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "parser.h"

#include <stdlib.h>

#include "base/budgets.h"
#include "base/utf8.h"
#include "excerpt.h"
#include "patterns_file.h"

struct parser {
    struct patterns patterns;
    struct timestamp_reader clock;
    int64_t clock_ms;
    struct excerpt excerpt;
    struct parser_counts counts;
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
        free(parser);
    }
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
                              .duration_ms = event->duration_ms };
    event->duration_ms = 0;
    parser_emit(feed, event);
    if (duration.duration_ms >= 0)
        parser_emit(feed, &duration);
}

static void parser_take_event(const struct feed *feed, const struct record *record, struct event *event)
{
    if (!excerpt_follow(&feed->parser->excerpt, record, event))
        return;
    if (event->kind == EVENT_CYCLE_COMPLETED)
        parser_emit_completed(feed, event);
    else
        parser_emit(feed, event);
}

/* The scheduler's own record, or another logger's beside it: any of them tells the time. */
static void parser_take_record(const struct feed *feed, const struct record *record, enum vocabulary_answer answer,
                               struct event *event)
{
    struct parser *parser = feed->parser;
    parser->counts.records++;
    parser->counts.misses += answer == VOCABULARY_UNKNOWN ? 1 : 0;
    parser->counts.limit_hits += answer == VOCABULARY_LIMIT ? 1 : 0;
    parser->clock_ms = record->time_ms;
    timestamp_seen(&parser->clock, record->time_ms);
    if (answer == VOCABULARY_EVENT)
        parser_take_event(feed, record, event);
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

void parser_feed(struct parser *parser, const char *line, size_t len, int64_t offset, parser_sink *sink, void *ctx)
{
    struct feed feed = { .parser = parser, .line = { line, len }, .offset = offset, .sink = sink, .ctx = ctx };
    struct record record;
    struct event event;
    enum vocabulary_answer answer = VOCABULARY_IGNORED;

    parser->counts.lines++;
    line_cut(parser, &feed.line);
    record_read(&parser->patterns.format, feed.line, &parser->clock, &record);
    parser->counts.limit_hits += record.gave_up ? 1 : 0;
    enum excerpt_voice voice = excerpt_hear(&parser->excerpt, feed.line, &record);
    if (voice < VOICE_REPEATED && record.own && !record_is_rule(&record))
        answer = vocabulary_match(parser->patterns.vocabulary, &record, &event);
    if (voice == VOICE_DOUBTED)
        voice = excerpt_believes(&parser->excerpt, &record, answer == VOCABULARY_EVENT ? &event : NULL)
                    ? VOICE_SCHEDULER
                    : VOICE_JOB;
    if (voice == VOICE_JOB)
        parser_emit_evidence(&feed);
    else if (voice < VOICE_JOB && record.form != RECORD_NONE)
        parser_take_record(&feed, &record, answer, &event);
}

void parser_archive(struct parser *parser, struct archive *archive)
{
    archive_i64(archive, "clock_ms", &parser->clock_ms);
    archive_i64(archive, "last_ms", &parser->clock.last_ms);
    excerpt_archive(&parser->excerpt, archive);
}

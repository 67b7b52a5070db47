/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "parser.h"

#include <stdlib.h>

#include "excerpt.h"
#include "patterns_file.h"
#include "record.h"
#include "timestamp.h"
#include "vocabulary.h"

struct parser {
    struct patterns patterns;
    struct slice logger; /* of the scheduler */
    bool custom;         /* a patterns file's vocabulary */
    struct timestamp_reader clock;
    struct timestamp_reader promises; /* apart, so that the two do not take the cached hour from each other */
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
    parser->logger = slice_of(parser->patterns.logger);
    parser->custom = patterns_path != NULL;
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
    timestamp_reader_init(&parser->promises);
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

/* A short record names no logger: the documentation shows it for the scheduler's. */
static bool is_schedulers(const struct parser *parser, const struct record *record)
{
    return record->logger.len == 0 || (record->logger.len == parser->logger.len &&
                                       memcmp(record->logger.at, parser->logger.at, parser->logger.len) == 0);
}

static void emit(const struct feed *feed, int64_t time_ms, struct event *event)
{
    event->time_ms = time_ms;
    event->offset = feed->offset;
    event->line = feed->line;
    feed->parser->counts.events++;
    feed->sink(feed->ctx, event);
}

static void emit_stderr(const struct feed *feed, struct slice text)
{
    const struct excerpt *excerpt = &feed->parser->excerpt;
    if (excerpt->table) {
        struct event event = { .kind = EVENT_RUN_STDERR, .table = slice_of(excerpt->table), .text = text };
        emit(feed, excerpt->failed_ms, &event);
    }
}

static enum excerpt_voice voice_hear(struct parser *parser, const struct record *record)
{
    struct event event;
    struct vocabulary_extra extra;
    if (record->form == RECORD_NONE || !is_schedulers(parser, record))
        return VOICE_OTHER;
    if (record_is_rule(record->message))
        return VOICE_NEXT;
    if (vocabulary_match(parser->patterns.vocabulary, record->message, &event, &extra) != VOCABULARY_EVENT)
        return VOICE_OTHER;
    enum excerpt_voice voice = excerpt_voice_of(event.kind);
    /* What another scheduler says first after a failure is not known: its clock must be enough. */
    return voice == VOICE_OTHER && parser->custom ? VOICE_NEXT : voice;
}

/* True if the line was part of an excerpt. */
static bool feed_excerpt(const struct feed *feed, const struct record *record)
{
    struct parser *parser = feed->parser;
    if (!excerpt_takes(&parser->excerpt, feed->line, record, voice_hear(parser, record)))
        return false;
    /* The metrics logger notes the failure right after it: not a word of stderr. */
    bool note = record->form != RECORD_NONE && !is_schedulers(parser, record) && excerpt_near(&parser->excerpt, record);
    if (!note)
        emit_stderr(feed, feed->line);
    return true;
}

/* The earliest instant that the promised local time may mean and that is not past. */
static bool promise_read(struct parser *parser, const struct record *record, struct slice at, struct event *event)
{
    timestamp_seen(&parser->promises, record->time_ms);
    return timestamp_read(&parser->promises, at.at, at.len, &event->at_ms) > 0;
}

static void feed_failure_part(const struct feed *feed, const struct record *record, struct event *event)
{
    struct excerpt *excerpt = &feed->parser->excerpt;
    if (event->kind == EVENT_RUN_STDERR) {
        excerpt_begin(excerpt, record, event->text);
        emit_stderr(feed, event->text);
    } else if (excerpt->state == EXCERPT_FAILED) {
        event->table = slice_of(excerpt->table);
        emit(feed, record->time_ms, event);
    }
}

static void feed_event(const struct feed *feed, const struct record *record, struct event *event,
                       const struct vocabulary_extra *extra)
{
    struct parser *parser = feed->parser;
    if (event->kind == EVENT_RUN_STDERR || event->kind == EVENT_RUN_EXIT_CODE) {
        feed_failure_part(feed, record, event);
        return;
    }
    if (event->kind == EVENT_NEXT_RUN && !promise_read(parser, record, extra->at, event)) {
        parser->counts.misses++;
        return;
    }
    excerpt_end(&parser->excerpt);
    if (event->kind == EVENT_RUN_FAILED)
        excerpt_fail(&parser->excerpt, record, event->table);
    else if (event->kind == EVENT_CYCLE_EXCEPTION)
        excerpt_except(&parser->excerpt, event->text);
    int64_t duration_ms = event->duration_ms;
    bool two_facts = event->kind == EVENT_CYCLE_COMPLETED && extra->has_duration;
    event->duration_ms = two_facts ? 0 : duration_ms;
    emit(feed, record->time_ms, event);
    if (two_facts) {
        struct event duration = { .kind = EVENT_CYCLE_DURATION, .duration_ms = duration_ms };
        emit(feed, record->time_ms, &duration);
    }
}

static void feed_message(const struct feed *feed, const struct record *record)
{
    struct parser *parser = feed->parser;
    struct event event;
    struct vocabulary_extra extra;
    if (excerpt_repeats(&parser->excerpt, record->message))
        return;
    switch (vocabulary_match(parser->patterns.vocabulary, record->message, &event, &extra)) {
    case VOCABULARY_EVENT: feed_event(feed, record, &event, &extra); break;
    case VOCABULARY_UNKNOWN: parser->counts.misses++; break;
    case VOCABULARY_LIMIT: parser->counts.limit_hits++; break;
    case VOCABULARY_IGNORED: break;
    }
}

void parser_feed(struct parser *parser, const char *line, size_t len, int64_t offset, parser_sink *sink, void *ctx)
{
    len -= len > 0 && line[len - 1] == '\r' ? 1 : 0;
    struct feed feed = { .parser = parser, .line = { line, len }, .offset = offset, .sink = sink, .ctx = ctx };
    struct record record;
    enum record_form form = parser->patterns.prefix ? patterns_record(&parser->patterns, feed.line, &parser->clock,
                                                                      &record, &parser->counts.limit_hits)
                                                    : record_read(feed.line, &parser->clock, &record);
    parser->counts.lines++;
    if (parser->excerpt.state == EXCERPT_STDERR && feed_excerpt(&feed, &record))
        return;
    if (form == RECORD_NONE)
        return;
    parser->counts.records++;
    parser->clock_ms = record.time_ms;
    timestamp_seen(&parser->clock, record.time_ms);
    if (is_schedulers(parser, &record) && !record_is_rule(record.message))
        feed_message(&feed, &record);
}

void parser_archive(struct parser *parser, struct archive *archive)
{
    archive_i64(archive, "clock_ms", &parser->clock_ms);
    archive_i64(archive, "last_ms", &parser->clock.last_ms);
    excerpt_archive(&parser->excerpt, archive);
}

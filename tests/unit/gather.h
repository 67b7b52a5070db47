/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_GATHER_H
#define TESTS_GATHER_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "parser.h"

/* Collects what a parser says as text that a test can compare, one event on each line: "run_failed table=bronze". */
struct gather {
    struct strbuf said;
    int64_t counts[EVENT_KINDS];
    int64_t last_time_ms;
    bool with_place; /* the text names each event's time and offset too */
};

static inline void gather_number(struct strbuf *out, const char *name, int64_t value)
{
    if (value != 0)
        strbuf_printf(out, " %s=%" PRId64, name, value);
}

static inline void gather_slice(struct strbuf *out, const char *name, struct slice text)
{
    if (text.len > 0) {
        strbuf_printf(out, " %s=", name);
        strbuf_add(out, text.at, text.len);
    }
}

static inline void gather_event(void *ctx, struct event *event)
{
    struct gather *gather = ctx;
    gather->counts[event->kind]++;
    gather->last_time_ms = event->time_ms;
    if (gather->with_place)
        strbuf_printf(&gather->said, "%" PRId64 "@%" PRId64 " ", event->time_ms, event->offset);
    strbuf_puts(&gather->said, event_name(event->kind));
    gather_slice(&gather->said, "table", event->table);
    gather_number(&gather->said, "number", event->number);
    gather_number(&gather->said, "ms", event->duration_ms);
    gather_number(&gather->said, "at", event->at_ms);
    gather_number(&gather->said, "succeeded", event->succeeded);
    gather_number(&gather->said, "failed", event->failed);
    gather_number(&gather->said, "timed_out", event->timed_out);
    gather_slice(&gather->said, "text", event->text);
    strbuf_puts(&gather->said, "\n");
}

static inline struct parser *gather_parser(const char *patterns_path)
{
    struct strbuf error = { 0 };
    struct parser *parser = parser_open(patterns_path, &error);
    if (!parser) {
        fprintf(stderr, "%s\n", strbuf_text(&error));
        abort();
    }
    strbuf_free(&error);
    return parser;
}

/* Feeds a text line by line, each from memory of its exact size, so that a sanitizer sees any step beyond. */
static inline void gather_feed(struct gather *gather, struct parser *parser, struct slice text)
{
    size_t offset = 0;
    while (offset < text.len) {
        const char *begin = text.at + offset;
        const char *end = memchr(begin, '\n', text.len - offset);
        size_t len = end ? (size_t)(end - begin) : text.len - offset;
        char *line = malloc(len ? len : 1);
        memcpy(line, begin, len);
        parser_feed(parser, line, len, (int64_t)offset, gather_event, gather);
        free(line);
        offset += len + 1;
    }
}

#endif

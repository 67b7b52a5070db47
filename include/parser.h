/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSER_H
#define PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "event.h"

/*
 * Lines in, events out. Events fire on the line that decides them and never wait for the next one. What
 * stands inside a failure's stderr excerpt is evidence, never an event (parsers/excerpt.h says how that is known).
 */
struct parser;

struct parser_counts {
    int64_t lines;
    int64_t records; /* lines with a time stamp and a logger */
    int64_t events;
    int64_t misses;     /* records of the scheduler's logger that no pattern knows */
    int64_t limit_hits; /* pattern matches given up at PCRE2's limits */
};

/* The event is the sink's to change; its texts are borrowed until it returns. */
typedef void parser_sink(void *ctx, struct event *event);

/*
 * patterns_path: a file that replaces the built-in vocabulary, or NULL. On failure returns NULL and writes
 * "file:line: why" into *error (strbuf of the caller).
 */
struct parser *parser_open(const char *patterns_path, struct strbuf *error);
void parser_free(struct parser *parser);

/* Other patterns, or a changed file's, from the next line on; on failure false, the old ones stay, why as above. */
bool parser_change_patterns(struct parser *parser, const char *patterns_path, struct strbuf *error);

/* One line without its "\n" (a trailing "\r" is dropped); offset is where it begins in its file. Any bytes are safe. */
void parser_feed(struct parser *parser, const char *line, size_t len, int64_t offset, parser_sink *sink, void *ctx);

/* The time of the newest record, 0 before the first. */
int64_t parser_clock(const struct parser *parser);
const struct parser_counts *parser_counts(const struct parser *parser);

/* Where the parser stands between two lines (inside an excerpt, say), so that a restart goes on right there. */
void parser_archive(struct parser *parser, struct archive *archive);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSER_H
#define PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/slice.h"
#include "event.h"

/*
 * The room parsers/ turns the lines of the scheduler's log into events, and nothing else: it reads no clock, prints nothing, and opens
 * one file, the patterns file that may replace the built-in vocabulary. A line passes through it once:
 *
 *   record (its prefix, its time) -> excerpt (whose voice it is) -> vocabulary (what it means) -> event, to the caller's sink
 *
 * An event is told on the line that decides it and never waits for the next one. A line inside a failed job's stderr is evidence of
 * that failure, whatever it looks like (parsers/excerpt.h says how such a line is known).
 */
struct parser;

struct parser_counts {
    int64_t lines;
    int64_t records; /* lines with a time stamp and a logger */
    int64_t events;
    int64_t misses;     /* records of the scheduler that no pattern matches */
    int64_t limit_hits; /* pattern matches that PCRE2 gave up at its limits */
    int64_t cut_lines;  /* lines longer than LINE_MAX_BYTES, of which only the beginning was looked at */
};

/* The sink may change the event. The texts in it are valid until the sink returns. */
typedef void parser_sink(void *ctx, struct event *event);

/*
 * The names of the built-in patterns, which stand in place of the path of a file: those of the scheduler, which are used where nothing is named,
 * and those of the platform's Prefect flow (fixtures/patterns/k2-prefect.conf).
 */
#define PATTERNS_K2_SCHEDULER "built-in:k2-scheduler"
#define PATTERNS_K2_PREFECT "built-in:k2-prefect"

/* patterns_path: a file that replaces the built-in vocabulary, a name above, or NULL. On failure NULL, with "file:line: why" in *error. */
struct parser *parser_open(const char *patterns_path, struct strbuf *error);
void parser_free(struct parser *parser);

/* Reads the patterns anew and uses them from the next line on. On failure false, with why as above, and the old ones stay in use. */
bool parser_change_patterns(struct parser *parser, const char *patterns_path, struct strbuf *error);

/* Asked for the time of each record outside a failed job's stderr. If it returns false, the line is left out as if it were not there. */
typedef bool parser_judge(void *ctx, int64_t time_ms, struct slice line, int64_t offset);

/* judge may be NULL, as it is at first: then every record is taken. */
void parser_set_judge(struct parser *parser, parser_judge *judge, void *ctx);

/* A record whose time lies less than near_ms from that of the record before it is taken without asking; 0, as at first: none is. */
void parser_trust_near(struct parser *parser, int64_t near_ms);

/* Told of each record of the scheduler that no pattern takes, or at which PCRE2 gave up. line is cut at LINE_MAX_BYTES. */
typedef void parser_miss(void *ctx, struct slice line, int64_t offset);

/* miss may be NULL, as it is at first. */
void parser_set_miss(struct parser *parser, parser_miss *miss, void *ctx);

/*
 * When the lines that are fed from now on were written, for records that have no date or no time (parsers/dayless.h); Unix ms, 0: not known.
 * frame_ms: what the line's frame says (frame.h). near_ms: the moment at which the caller saw the line being written, right to half a day.
 * If neither is known, the order of the records decides, from the moment on that parser_begin_at gave: the first one is at most a
 * minute earlier, and less than a day later.
 */
void parser_set_moment(struct parser *parser, int64_t frame_ms, int64_t near_ms);
void parser_begin_at(struct parser *parser, int64_t ms);

/* Looks at a line's time stamp alone, and lets the order of times go on from it. The time is in *time_ms, unless there is none. */
enum parser_stamp { PARSER_STAMP_NONE, PARSER_STAMP_DATED, PARSER_STAMP_DAYLESS };
enum parser_stamp parser_skim(struct parser *parser, const char *line, size_t len, int64_t *time_ms);

/* Whether its records can have a time of their own: a patterns file's need not, if the log has frames. */
bool parser_dates_itself(const struct parser *parser);

/* Takes one line without its "\n" (a trailing "\r" is dropped). offset is where it begins in its file. Any bytes are safe. */
void parser_feed(struct parser *parser, const char *line, size_t len, int64_t offset, parser_sink *sink, void *ctx);

/*
 * For a caller that sees the log grow. Behind a failure or an exception, text of the job may stand in the log, and the parser doubts what it
 * reads. Such text is written at one instant, so it is over when the log has been silent for a while.
 *
 * parser_silence_ms says after how much silence the parser wants to be told of it; INT64_MAX: it does not. parser_take_silence tells it that
 * nothing was written for silent_ms. Lines that were held until then may come out as events.
 */
int64_t parser_silence_ms(const struct parser *parser);
void parser_take_silence(struct parser *parser, int64_t silent_ms, parser_sink *sink, void *ctx);

/*
 * The time at the beginning of a line as Python logging writes it, read without a parser: for somebody who looks for a time in a log. Where the
 * local time happens twice it is the earlier one. False: the line begins with no time.
 */
bool parser_line_time(struct slice line, int64_t *ms);

/* The time of the last record, 0 before the first. */
int64_t parser_clock(const struct parser *parser);
const struct parser_counts *parser_counts(const struct parser *parser);

/*
 * How many lines came since one was understood: as an event, as one that is known to mean nothing, or as text of a failed job. Adds the
 * first of them, and why it was not understood, to *words, unless that is NULL or there is none.
 */
int64_t parser_unknown_lines(const struct parser *parser, struct strbuf *words);

/* Saves or loads where the parser stands between two lines (inside an excerpt, for example), so that a restart goes on there. */
void parser_archive(struct parser *parser, struct archive *archive);

#endif

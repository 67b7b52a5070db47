/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INGEST_H
#define INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "frame.h"
#include "parser.h"
#include "scrub.h"

/*
 * The way of a line: unwrapping, parser, then masking of secrets, then engine. The running agent and replay share it.
 *
 * What is read at a start is backlog, old news that pages nobody, until the first line that is younger than live_from_ms. A line whose
 * time stamp is not believed (agent/daemon/stamps.h says when) is held until what follows decides, and then fed or left out.
 */
struct stamps;
struct ingest {
    struct frames *frames; /* unwraps the file's lines before the parser sees them; NULL: they are not wrapped */
    struct parser *parser;
    struct scrub *scrub;
    struct engine *engine;
    struct causes *causes; /* the engine's */
    struct stamps *stamps;
    void (*before)(void *ctx, int64_t time_ms); /* is told of each event's time before the engine; NULL: nobody is */
    void *before_ctx;
    void (*watch)(void *ctx, const struct event *event); /* is told of each event after the engine; NULL: nobody is */
    void *watch_ctx;
    int64_t live_from_ms; /* INT64_MIN: everything is live */
    int64_t now_ms;       /* the host's clock; 0: a replay */
    int64_t since_ms;     /* what is read was written after this; 0: not known */
    bool as_written;      /* what is read was not there a moment ago, whatever its stamps say */
    int64_t raw_ms;       /* the time of the last record that was judged, as the parser gave it */
    int64_t running_ms;   /* clock_running_ms */
    int64_t read_ms;      /* running: when the log was last read to its end */
    int64_t silent_ms;    /* running: since when nothing came; 0: not known */
    bool heard;           /* since ingest_settle: a line came, or a part of one */
    int64_t jump_ms;      /* by how much the host's clock was set since the last look */
    int64_t
        zone_error_ms; /* by how much the log's times are ahead of the clock, because of its zone or of another clock */
    int64_t begun_ms;  /* the time of the first believed record in this life */
    bool in_time;      /* the log is written now: a record was of this minute, or at the start of this day */
    bool judged, left_out; /* of the line at hand: whether it is a record, and whether that is not believed */
    bool releasing;        /* lines that were held are fed */
};

enum { INGEST_AHEAD_MS = 60 * 1000 }; /* clocks differ by less than that */

/* After frames, parser, scrub, causes and engine were set. */
void ingest_begin(struct ingest *ingest);
/* Frees all of them. */
void ingest_end(struct ingest *ingest);

/* Takes a line. ctx is a struct ingest, so that the function can be the line member of a sink. */
void ingest_line(void *ctx, const char *line, size_t len, int64_t offset);

/* The log is at its end, and nothing will follow: a line that came in parts is whole as it is. */
void ingest_finish(struct ingest *ingest);

/* The host's clock was set, or the host slept, since the last look. 0: it did not. */
void ingest_notice_jump(struct ingest *ingest, int64_t jump_ms);

/*
 * There is nothing more to read: decides about the lines that are held. written_ms: when the log was written last; 0: not known. Returns
 * whether it decided anything.
 */
bool ingest_settle(struct ingest *ingest, int64_t written_ms);

/* When (clock_running_ms) ingest_settle wants to be called again; INT64_MAX: not by itself. */
int64_t ingest_due_ms(const struct ingest *ingest);

/* Whether more is held than is saved with the state. A commit has to wait then, or these lines would be lost at a restart. */
bool ingest_is_undecided(const struct ingest *ingest);

/* How many lines were left out so far. Adds what there is to say about them to *words, unless that is NULL. */
int64_t ingest_strays(const struct ingest *ingest, struct strbuf *words);

/* The time of the newest believed record on the host's clock; 0 before the first. */
int64_t ingest_clock(const struct ingest *ingest);

/*
 * The error of the zone that would explain that a line is off_ms ahead of the clock: the nearest whole number of half hours, which
 * may be 0. Returns false if no zone explains it.
 */
bool ingest_zone_error(int64_t off_ms, int64_t *error_ms);

#endif

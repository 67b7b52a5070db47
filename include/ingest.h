/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INGEST_H
#define INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "parser.h"
#include "scrub.h"

/*
 * The way of a line: parser, then masking of secrets, then engine. The running agent and replay share it.
 *
 * What is read at a start is backlog, old news that pages nobody, until the first line that is younger than live_from_ms. No line is
 * written in the future. If one seems to be, the log is written in another zone than the one in which it is read, or a clock was wrong;
 * then no deadline has passed, and the line does not end the backlog.
 */
struct ingest {
    struct parser *parser;
    struct scrub *scrub;
    struct engine *engine;
    int64_t live_from_ms; /* INT64_MIN: everything is live */
    int64_t now_ms; /* the host's clock; 0 in a replay: lines may be of any time, but no gap is longer than a year */
    bool
        just_written; /* what is read was written after the last look; otherwise it may be old, in another zone's times */
    int64_t
        zone_error_ms; /* by how much the log's times are ahead of the clock because they are read in the wrong zone */
};

enum { INGEST_AHEAD_MS = 60 * 1000 }; /* clocks differ by less than that */

/*
 * The error of the zone that would explain that a line is off_ms ahead of the clock: the nearest whole number of half hours, which
 * may be 0. Returns false if no zone explains it.
 */
bool ingest_zone_error(int64_t off_ms, int64_t *error_ms);

/* The time of the newest record on the host's clock; 0 before the first. */
int64_t ingest_clock(const struct ingest *ingest);

/* Takes a line. ctx is a struct ingest, so that the function can be the line member of a sink. */
void ingest_line(void *ctx, const char *line, size_t len, int64_t offset);

#endif

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
 * The way of a line through the core: parser, scrub, then engine. run and replay share it. Backlog is history until a line is
 * younger than live_from_ms; from there on the engine is live. No line is written in the future: where one seems to be, its
 * log is in another zone than the one it is read in, or a clock was wrong, and no deadline has passed; nor is it the first
 * that is young.
 */
struct ingest {
    struct parser *parser;
    struct scrub *scrub;
    struct engine *engine;
    int64_t live_from_ms; /* INT64_MIN: everything is live */
    int64_t now_ms;       /* the host's clock; 0: what is read may be of any time, but no step is longer than a year */
    bool just_written;    /* what is read was not there at the last look; else it may be old, of another zone's times */
    int64_t
        zone_error_ms; /* how far the log's times are ahead of the clock because of the zone that they are read in */
};

enum { INGEST_AHEAD_MS = 60 * 1000 }; /* more than clocks differ by */

/*
 * The error of the zone that explains why a line is off_ms ahead of the clock: a whole number of half hours, 0 if it is not off.
 * False if no zone explains it.
 */
bool ingest_zone_error(int64_t off_ms, int64_t *error_ms);

/* The time of the newest record, on the host's clock; 0 before the first. */
int64_t ingest_clock(const struct ingest *ingest);

/* ctx is a struct ingest: fits struct follow_sink's line. */
void ingest_line(void *ctx, const char *line, size_t len, int64_t offset);

#endif

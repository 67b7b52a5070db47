/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMESTAMP_H
#define TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Local log time to UTC, in the process's zone (base/zone.h). Local time exists only here and where people are shown times.
 */

struct timestamp_reader {
    int64_t last_ms; /* the newest time seen, INT64_MIN before the first: decides the fold of an ambiguous hour */
    char hour[16];   /* cache: the local hour last converted, as "YYYY-MM-DD HH:" ... */
    int64_t hour_ms; /* ... and its beginning in UTC */
    int64_t plain_from_s, plain_to_s,
        plain_offset_s; /* local times of a day, as if UTC, that no change of the offset is near */
};

void timestamp_reader_init(struct timestamp_reader *reader);

/*
 * "YYYY-MM-DD HH:MM:SS" ('T' for the space accepted) with an optional ",mmm" or ".mmm..." fraction at text.
 * Returns the characters used (0: not a time stamp) and the time in *ms. Where local time is ambiguous, the earliest
 * candidate that does not step back by more than a minute from the newest time read; a local time that does
 * not exist is the instant that the clock would have shown had it not jumped. Does not advance the reader.
 */
size_t timestamp_read(struct timestamp_reader *reader, const char *text, size_t len, int64_t *ms);

/* The reader has now seen ms: later readings order themselves after it. */
void timestamp_seen(struct timestamp_reader *reader, int64_t ms);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMESTAMP_H
#define TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Local log time to UTC. The zone is the process's TZ, set once at start before any thread (zone_set); local time
 * exists only here and in the faces.
 */

/* Whether the name is a zone of the tz database or a POSIX TZ string; so is NULL, the host's. */
bool zone_known(const char *name);

/* False, with nothing changed, if the name is not known. It changes the environment: before any thread, and never beside one. */
bool zone_set(const char *name);

struct clock_reader {
    int64_t last_ms;         /* the newest time seen, INT64_MIN before the first: decides the fold of an ambiguous hour */
    char hour[16];           /* cache: the local hour last converted, as "YYYY-MM-DD HH:" ... */
    int64_t hour_ms;         /* ... and its beginning in UTC */
    int64_t plain_from_s, plain_to_s, plain_offset_s;   /* local times of a day, as if UTC, that no change of the offset is near */
};

void clock_reader_init(struct clock_reader *reader);

/*
 * "YYYY-MM-DD HH:MM:SS" ('T' for the space accepted) with an optional ",mmm" or ".mmm..." fraction at text.
 * Returns the characters used (0: not a time stamp) and the time in *ms. Where local time is ambiguous, the earliest
 * candidate that does not step back by more than a minute from the newest time read; a local time that does
 * not exist is the instant that the clock would have shown had it not jumped. Does not advance the reader.
 */
size_t clock_read(struct clock_reader *reader, const char *text, size_t len, int64_t *ms);

/* The reader has now seen ms: later readings order themselves after it. */
void clock_seen(struct clock_reader *reader, int64_t ms);

/* RFC 3339 with milliseconds and the zone's offset: "2026-03-03T10:15:02.743+11:00". buf holds 40 bytes. */
void clock_format_rfc3339(int64_t ms, char buf[40]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMESTAMP_H
#define TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dayless.h"

/*
 * Turns the log's local time into UTC, in the process's zone (base/zone.h sets it). Local time exists only here and where times are
 * shown to people.
 */

enum { STAMP_WRITTEN_LEN = 24 }; /* of a stamp as Python logging writes it, with the space behind it */

struct timestamp_reader {
    int64_t
        last_ms; /* the last time seen, INT64_MIN before the first: decides which of two instants an ambiguous hour means */
    int64_t awaited_ms; /* when the writer has said that it writes next, INT64_MIN if it has not: decides likewise */
    char hour[16];      /* cache: the local hour that was converted last, as "YYYY-MM-DD HH:" ... */
    int64_t hour_ms;    /* ... and its beginning in UTC */
    char stamp[STAMP_WRITTEN_LEN]; /* cache: the stamp that was read last, as "YYYY-MM-DD HH:MM:SS,mmm " ... */
    int64_t stamp_ms;              /* ... and what it means, unless that depends on more than the text */
    /* Cache: a day of local time, in seconds as if it were UTC, with no change of the zone's offset near it, and that offset. */
    int64_t plain_from_s, plain_to_s, plain_offset_s;
    struct dayless dayless;
};

void timestamp_reader_init(struct timestamp_reader *reader);

/*
 * Reads "YYYY-MM-DD HH:MM:SS" (or with 'T' for the space) with an optional ",mmm" or ".mmm..." fraction at the beginning of text.
 * Returns the characters used, 0 if there is no time stamp, and the time in *ms. Where the local time happens twice, it is the earliest
 * of the two instants that does not step back by more than a minute from the last time seen, unless only the later one is within a
 * minute of the time that is awaited: a scheduler that sleeps through the change for an hour need not step back at all. Where the clock
 * jumped over it, it is the instant at which an unchanged clock would have shown it. The reader is not advanced: timestamp_seen does that.
 */
static inline size_t timestamp_read(struct timestamp_reader *reader, const char *text, size_t len, int64_t *ms);
/* The same, where the stamp is not the one that was read last. */
size_t timestamp_read_anew(struct timestamp_reader *reader, const char *text, size_t len, int64_t *ms);

static inline size_t timestamp_read(struct timestamp_reader *reader, const char *text, size_t len, int64_t *ms)
{
    if (len < STAMP_WRITTEN_LEN || memcmp(text, reader->stamp, STAMP_WRITTEN_LEN) != 0)
        return timestamp_read_anew(reader, text, len, ms);
    *ms = reader->stamp_ms;
    return STAMP_WRITTEN_LEN - 1;
}

/*
 * Reads "YYYY-MM-DDTHH:MM:SS[.fraction]" with "Z" or an offset such as "+01:00" behind it (RFC 3339). Returns the characters used, 0 if
 * that is not what stands there.
 */
size_t timestamp_read_utc(const char *text, size_t len, int64_t *ms);

/* Reads "HH:MM:SS[.fraction]" as milliseconds since midnight. Returns the characters used, 0 if that is not what stands there. */
size_t timestamp_read_of_day(const char *text, size_t len, int64_t *ms);

/* The instants at which a clock of the zone shows a local time (seconds since 1970, as if it were UTC): one or two, the earlier one first. */
int timestamp_instants(struct timestamp_reader *reader, int64_t local_s, int64_t utc_s[2]);
/* By how many seconds the zone is ahead of UTC at an instant. */
int64_t timestamp_zone_offset(int64_t utc_s);

/*
 * Makes ms the last time seen: it decides what an ambiguous local time means from now on. Nothing is awaited any more. It is the last time
 * and not the greatest: where a clock ran ahead and was set right, one wrong stamp must not decide for ever.
 */
static inline void timestamp_seen(struct timestamp_reader *reader, int64_t ms)
{
    reader->last_ms = ms;
    reader->awaited_ms = INT64_MIN;
}

/* The writer has said that it writes next at this time. */
void timestamp_await(struct timestamp_reader *reader, int64_t ms);

#endif

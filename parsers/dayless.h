/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_DAYLESS_H
#define PARSERS_DAYLESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"

/*
 * A time without a date, such as "06:15:00.112", takes its day from the first of these that is known:
 *
 *   frame   The line's frame (frame.h) says when it was written. Clocks of all zones show the same minutes of a quarter of an hour, so the
 *           record's time is the instant with its minutes and seconds that lies at most 14 minutes before the frame's time, or one after it.
 *           Whatever zone the process lives in, that is right.
 *   near    The caller saw the line being written: it is the instant with this local time that is nearest to that moment.
 *   order   The record follows the ones before it: it is the first instant with this local time that is not earlier than a minute before
 *           the last record. So midnight is passed where the time of day steps back, a clock that is put back an hour in autumn is not
 *           taken for midnight, and of a silence of a day or more only the rest beyond whole days is seen.
 *
 * A single line out of order looks like a step of nearly a day. A step of more than half a day therefore moves the order only when a second
 * record goes on from there.
 */
struct dayless {
    int64_t frame_ms; /* of the line at hand; 0: none */
    int64_t near_ms;  /* likewise */
    int64_t last_ms;  /* INT64_MIN: nothing came before */
    int64_t doubt_ms; /* the last record, if it stepped further than is believed at once; else INT64_MIN */
};

void dayless_init(struct dayless *dayless);

/*
 * Reads "HH:MM:SS" with an optional fraction. Returns the characters used, 0 if this is no time of day or if nothing is known that tells
 * its day.
 */
struct timestamp_reader;
size_t dayless_read(struct timestamp_reader *reader, const char *text, size_t len, int64_t *ms);

/* A record with this time was taken, whether or not it had a date. */
void dayless_seen(struct dayless *dayless, int64_t ms);

void dayless_archive(struct dayless *dayless, struct archive *archive);

#endif

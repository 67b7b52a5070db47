/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time_words.h"

/* The process's time zone (TZ). It is set once at the start, before any thread exists. */

/* Returns true for a zone of the tz database, a POSIX TZ string, or NULL (the host's zone). */
bool zone_known(const char *name);

/* Returns false and changes nothing if the name is not known. It changes the environment, so no other thread may exist yet. */
bool zone_set(const char *name);

/* Local time less UTC in that zone, in milliseconds; 0 for an instant that has no local time. */
int64_t zone_offset_ms(int64_t ms);

/* The time of day in that zone. */
clock_words zone_clock_words;

/* Writes RFC 3339 with milliseconds and the zone's offset: "2026-03-03T10:15:02.743+11:00". buf holds 40 bytes. */
void zone_format_rfc3339(int64_t ms, char buf[40]);

#endif

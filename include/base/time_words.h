/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_TIME_WORDS_H
#define BASE_TIME_WORDS_H

#include <stdint.h>

#include "base/strbuf.h"

/* From one moment to a later one; 0 where the later one is the earlier, because a clock was set back in between. */
static inline int64_t elapsed_ms(int64_t from_ms, int64_t to_ms)
{
    return to_ms > from_ms ? to_ms - from_ms : 0;
}

/* Adds a duration, rounded to the nearest: "4.2 s", "45 s", "31 min", "2 h 05 min", "3 d 4 h". A negative one counts as 0. */
void duration_words(int64_t duration_ms, struct strbuf *out);

/*
 * The time of day of an instant (Unix ms) for a reader at now_ms: "10:00", and of another day with its name or date before it: "Mon 10:00",
 * "3 Mar 10:00". A scheduler's cycle may begin a moment before its slot, so the last second of a minute counts as the next one. The core has no time zone, so the shell hands it zone_clock_words (zone.h).
 */
enum { CLOCK_WORDS_BYTES = 24, CLOCK_WORDS_ROUND_MS = 1000 };
typedef void clock_words(int64_t ms, int64_t now_ms, char out[CLOCK_WORDS_BYTES]);
/* In UTC, and without dates. */
clock_words clock_words_utc;

#endif

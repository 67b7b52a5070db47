/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_STOPS_H
#define CORE_STOPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"

/* How long the scheduler was away after the newest stops that were asked for: a stop that comes each night is a habit. */
enum { STOPS_KEPT = 32 };

struct stops {
    int64_t at_ms[STOPS_KEPT]; /* oldest first, in the engine's time */
    int64_t away_ms[STOPS_KEPT];
    size_t count;
};

/* The scheduler is back. */
void stops_note(struct stops *stops, int64_t at_ms, int64_t away_ms);
/* How long a stop at this time of day may last and be no news; 0 if such a stop is not known. */
int64_t stops_known(const struct stops *stops, int64_t at_ms);

void stops_archive(struct stops *stops, struct archive *archive);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_CLOSURES_H
#define CORE_CLOSURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"

/*
 * When a table was closed: honest streaks without rows that lasted most of a day or longer, such as a market's weekends and holidays, and
 * shorter ones that nobody knew for honest when they were told, such as the first lunch breaks. They are kept in wall time, because they
 * recur by the wall clock.
 */
enum { CLOSURES_KEPT = 8 };

struct closures {
    int64_t from_ms[CLOSURES_KEPT], to_ms[CLOSURES_KEPT];
    size_t count; /* the oldest comes first */
};

/* True if it took so long that it is a closure, rather than a night or a lunch break. */
bool closure_is_long(int64_t from_ms, int64_t to_ms);
void closures_add(struct closures *closures, int64_t from_ms, int64_t to_ms);
/*
 * True if a table that is known since known_ms is closed by habit at this hour of the week: it was in a long closure a week ago and, if it
 * was known then, two weeks ago, or in most of the last four weeks. One closed week among open ones is a holiday and no habit. An hour before
 * and an hour after each closure count as closed, because markets that change to summer time open an hour earlier by UTC.
 */
bool closures_are_weekly(const struct closures *closures, int64_t known_ms, int64_t wall_ms);
/*
 * True if it is closed by habit at this hour of the day: it was in a short closure on two of the last fourteen days. (After that the rates
 * of the hours know it.)
 */
bool closures_are_daily(const struct closures *closures, int64_t wall_ms);
void closures_archive(struct closures *closures, struct archive *archive);

#endif

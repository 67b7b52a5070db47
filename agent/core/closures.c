/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "closures.h"

#include <string.h>

#include "saved.h"
#include "units.h"

enum { WEEKS = 4 };
static const int64_t closure_least_ms =
    20 * (int64_t)HOUR_MS; /* the nights of a market that opens for a few hours are shorter */
static const int64_t week_ms = 7 * (int64_t)DAY_MS;

bool closure_is_long(int64_t from_ms, int64_t to_ms)
{
    return to_ms - from_ms >= closure_least_ms;
}

void closures_add(struct closures *closures, int64_t from_ms, int64_t to_ms)
{
    if (closures->count == CLOSURES_KEPT) {
        closures->count--;
        memmove(closures->from_ms, closures->from_ms + 1, closures->count * sizeof *closures->from_ms);
        memmove(closures->to_ms, closures->to_ms + 1, closures->count * sizeof *closures->to_ms);
    }
    closures->from_ms[closures->count] = from_ms;
    closures->to_ms[closures->count++] = to_ms;
}

static bool was_closed(const struct closures *closures, int64_t wall_ms)
{
    for (size_t i = 0; i < closures->count; i++)
        if (wall_ms >= closures->from_ms[i] - HOUR_MS && wall_ms < closures->to_ms[i] + HOUR_MS)
            return true;
    return false;
}

bool closures_expect(const struct closures *closures, int64_t known_ms, int64_t wall_ms)
{
    bool closed[WEEKS] = { false };
    int weeks = 0, closed_weeks = 0;
    for (; weeks < WEEKS && wall_ms - (weeks + 1) * week_ms >= known_ms; weeks++) {
        closed[weeks] = was_closed(closures, wall_ms - (weeks + 1) * week_ms);
        closed_weeks += closed[weeks];
    }
    return (closed[0] && (closed[1] || weeks == 1)) || 2 * closed_weeks > weeks;
}

void closures_archive(struct closures *closures, struct archive *archive)
{
    size_t from = closures->count, to = closures->count;
    saved_i64s(archive, "stall.closed", closures->from_ms, &from, CLOSURES_KEPT);
    saved_i64s(archive, "stall.opened", closures->to_ms, &to, CLOSURES_KEPT);
    closures->count = from < to ? from : to;
}

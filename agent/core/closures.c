/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "closures.h"

#include <string.h>

#include "saved.h"
#include "units.h"

enum { WEEKS = 4, DAYS = 14, DAYS_LEAST_CLOSED = 2 };
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

enum closure_length { CLOSURE_SHORT, CLOSURE_LONG };

static bool was_closed(const struct closures *closures, int64_t wall_ms, enum closure_length length)
{
    for (size_t i = 0; i < closures->count; i++)
        if (wall_ms >= closures->from_ms[i] - HOUR_MS && wall_ms < closures->to_ms[i] + HOUR_MS &&
            closure_is_long(closures->from_ms[i], closures->to_ms[i]) == (length == CLOSURE_LONG))
            return true;
    return false;
}

bool closures_are_weekly(const struct closures *closures, int64_t known_ms, int64_t wall_ms)
{
    bool closed[WEEKS] = { false };
    int weeks = 0, closed_weeks = 0;
    for (; weeks < WEEKS && wall_ms - (weeks + 1) * week_ms >= known_ms; weeks++) {
        closed[weeks] = was_closed(closures, wall_ms - (weeks + 1) * week_ms, CLOSURE_LONG);
        closed_weeks += closed[weeks];
    }
    return (closed[0] && (closed[1] || weeks == 1)) || 2 * closed_weeks > weeks;
}

bool closures_are_daily(const struct closures *closures, int64_t wall_ms)
{
    int closed_days = 0;
    for (int64_t day = 1; day <= DAYS; day++)
        closed_days += was_closed(closures, wall_ms - day * DAY_MS, CLOSURE_SHORT);
    return closed_days >= DAYS_LEAST_CLOSED;
}

void closures_archive(struct closures *closures, struct archive *archive)
{
    size_t from = closures->count, to = closures->count;
    saved_i64s(archive, "stall.closed", closures->from_ms, &from, CLOSURES_KEPT);
    saved_i64s(archive, "stall.opened", closures->to_ms, &to, CLOSURES_KEPT);
    closures->count = from < to ? from : to;
}

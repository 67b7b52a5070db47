/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_CALENDAR_H
#define CORE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "units.h"

/* Hours of the day and days of the week, in UTC. */
enum { HOURS = 24 };

/* The hour of an instant of wall time, 0 to 23; of an instant before 1970 too. */
static inline size_t hour_of_day(int64_t wall_ms)
{
    int64_t hour = wall_ms / HOUR_MS % HOURS;
    return (size_t)(hour < 0 ? hour + HOURS : hour);
}

/* True for a day of the weekend. Days are counted since 1970, which began on a Thursday. */
static inline bool day_is_weekend(int64_t day)
{
    return (day + 3) % 7 >= 5;
}

#endif

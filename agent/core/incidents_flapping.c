/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <string.h>

#include "saved.h"
#include "units.h"

/*
 * What begins again and again within a day flaps: it is told once, and its incident is held open until it has been well for a while. As
 * in the damping of routes that flap (RFC 2439), what comes back after that must be well for longer. Played over random habits of
 * failing (tests/unit/core/test_flapping_storms.c), cadences of 5 to 60 minutes, 1 to 12 tables and 1 to 4 causes, the most that was told of
 * one kind within a day fell from 191 notifications to 27; of one table with one cause at 15 minutes from 33 to 14.
 */

/* A table flaps if it begins for the fourth time in 24 h, or begins again while its kind opens for the fourth time. */
bool incidents_flap(const struct incidents *incidents, enum incident_kind kind, int64_t times_today)
{
    int64_t opens = incidents->settings->detect.flapping_opens, now_ms = incidents->moment->now_ms;
    if (times_today >= opens)
        return true;
    if (times_today < 2 || opens < 2 || opens > OPENINGS_KEPT + 1)
        return false;
    int64_t oldest_ms = incidents->openings[kind][OPENINGS_KEPT + 1 - opens];
    return oldest_ms && now_ms - oldest_ms < DAY_MS;
}

int64_t incidents_calm_cycles(const struct incidents *incidents, enum incident_kind kind, int64_t apart_ms)
{
    static const int64_t most_ms[HELD_ENDS_KEPT + 1] = { 2 * HOUR_MS, 6 * HOUR_MS, DAY_MS };
    int64_t interval_ms = schedule_interval(incidents->schedule), ends = 0;
    for (size_t i = 0; i < HELD_ENDS_KEPT; i++) {
        int64_t end_ms = incidents->held_ends[kind][i];
        ends += end_ms && incidents->moment->now_ms - end_ms < DAY_MS;
    }
    int64_t least = incidents->settings->detect.flapping_calm, cycles = (apart_ms + interval_ms / 2) / interval_ms;
    if (cycles > most_ms[ends] / interval_ms)
        return least;
    return cycles - 1 > least ? cycles - 1 : least; /* at least one of the cycles between two beginnings was bad */
}

void incidents_note_held_end(struct incidents *incidents, enum incident_kind kind)
{
    int64_t *ends = incidents->held_ends[kind];
    memmove(ends, ends + 1, (HELD_ENDS_KEPT - 1) * sizeof *ends);
    ends[HELD_ENDS_KEPT - 1] = incidents->moment->now_ms;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <string.h>

#include "cause.h"
#include "units.h"

/*
 * What begins again and again within a day flaps: it is told once, and its incident is held open until it has been well for a while. As
 * in the damping of routes that flap (RFC 2439), what comes back after that must be well for longer.
 *
 * Played over regular habits of failing (tests/unit/core/test_flapping_storms.c), cadences of 5 to 30 minutes, people are told of one kind
 * 12 times within a day at most, and 17 times if 12 tables flap one after the other; when each table was damped by itself and for two hours
 * at most it was 17 and 44. Of random habits of one table with one cause they are told 14 times at most, and of 12 tables with four causes
 * 24 times.
 */

/* True if so many of the newest openings of the kind lie within 24 h, and all had this cause (0: whatever they had). */
static bool opened_today(const struct incidents *incidents, enum incident_kind kind, int64_t count, int64_t cause)
{
    if (count < 1 || count > OPENINGS_KEPT)
        return false;
    for (int64_t i = OPENINGS_KEPT - count; i < OPENINGS_KEPT; i++) {
        int64_t opened_ms = incidents->openings[kind][i];
        if (!opened_ms || incidents->moment->now_ms - opened_ms >= DAY_MS)
            return false;
        if (cause && incidents->opening_causes[kind][i] != cause)
            return false;
    }
    return true;
}

/* How many incidents of this kind and cause are open that do not flap. While none ends, the cause is there all the time, and spreads. */
static int64_t count_open(const struct incidents *incidents, enum incident_kind kind, int64_t cause)
{
    int64_t count = 0;
    for (size_t i = 0; i < incidents->count; i++) {
        const struct incident_record *record = incidents->records[i];
        count += record->incident.open && record->kind == kind && record->times_today == 0 &&
                 cause_mark(&record->incident.cause) == cause;
    }
    return count;
}

/*
 * It flaps if it begins for the fourth time in 24 h for the table; or begins again for it while its kind opens for the fourth time; or if its
 * kind opens for the fourth time for the same cause, whichever tables that concerned, and one of the others has ended.
 */
bool incidents_flap(const struct incidents *incidents, const struct finding *finding, int64_t times_today)
{
    int64_t opens = incidents->settings->detect.flapping_opens, cause = cause_mark(&finding->cause);
    if (times_today >= opens)
        return true;
    return (times_today >= 2 && opened_today(incidents, finding->kind, opens - 1, 0)) ||
           (cause && opened_today(incidents, finding->kind, opens - 1, cause) &&
            count_open(incidents, finding->kind, cause) < opens - 1);
}

int64_t incidents_calm_cycles(const struct incidents *incidents, enum incident_kind kind, int64_t table)
{
    static const int64_t most_ms[HELD_ENDS_KEPT + 1] = { 6 * HOUR_MS, DAY_MS, DAY_MS };
    static const int64_t least_ms[HELD_ENDS_KEPT + 1] = { 0, 2 * HOUR_MS, 6 * HOUR_MS };
    int64_t interval_ms = schedule_interval(incidents->schedule), ends = 0;
    for (size_t i = 0; i < HELD_ENDS_KEPT; i++) {
        int64_t end_ms = incidents->held_ends[kind][i];
        ends += end_ms && incidents->moment->now_ms - end_ms < DAY_MS;
    }
    int64_t apart_ms = recurrences_apart(&incidents->recurrences, kind, table, most_ms[ends]);
    int64_t cycles = (apart_ms + interval_ms / 2) / interval_ms - 1; /* one at least was bad */
    int64_t least = incidents->settings->detect.flapping_calm, least_now = least_ms[ends] / interval_ms;
    least = least_now > least ? least_now : least;
    return cycles > least ? cycles : least;
}

void incidents_note_held_end(struct incidents *incidents, enum incident_kind kind)
{
    int64_t *ends = incidents->held_ends[kind];
    memmove(ends, ends + 1, (HELD_ENDS_KEPT - 1) * sizeof *ends);
    ends[HELD_ENDS_KEPT - 1] = incidents->moment->now_ms;
}

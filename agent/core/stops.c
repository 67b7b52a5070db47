/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stops.h"

#include <string.h>

#include "saved.h"
#include "units.h"

/* Like the slow cycles that are known (known_durations.h): at this time of day, on two of the last 14 days. A stop may take 10/7 of their time. */
enum { ABOUT_THIS_TIME_MS = 75 * MINUTE_MS, KNOWN_DAYS = 14 };

void stops_note(struct stops *stops, int64_t at_ms, int64_t away_ms)
{
    if (stops->count == STOPS_KEPT) {
        memmove(stops->at_ms, stops->at_ms + 1, (STOPS_KEPT - 1) * sizeof *stops->at_ms);
        memmove(stops->away_ms, stops->away_ms + 1, (STOPS_KEPT - 1) * sizeof *stops->away_ms);
        stops->count--;
    }
    stops->at_ms[stops->count] = at_ms;
    stops->away_ms[stops->count++] = away_ms;
}

/* How many days ago it was at about this time of day; 0 if it was today, at another time or too long ago. */
static int64_t days_ago(int64_t then_ms, int64_t now_ms)
{
    int64_t ago_ms = now_ms - then_ms + ABOUT_THIS_TIME_MS;
    if (ago_ms < DAY_MS || ago_ms / DAY_MS > KNOWN_DAYS || ago_ms % DAY_MS > 2 * ABOUT_THIS_TIME_MS)
        return 0;
    return ago_ms / DAY_MS;
}

/* The second longest, each day counting once: one long stop is no habit. */
int64_t stops_known(const struct stops *stops, int64_t at_ms)
{
    int64_t longest_ms[KNOWN_DAYS + 1] = { 0 }, first_ms = 0, second_ms = 0;
    for (size_t i = 0; i < stops->count; i++) {
        int64_t days = days_ago(stops->at_ms[i], at_ms);
        if (stops->away_ms[i] > longest_ms[days])
            longest_ms[days] = stops->away_ms[i];
    }
    for (size_t day = 1; day <= KNOWN_DAYS; day++) {
        if (longest_ms[day] > first_ms) {
            second_ms = first_ms;
            first_ms = longest_ms[day];
        } else if (longest_ms[day] > second_ms) {
            second_ms = longest_ms[day];
        }
    }
    return second_ms + second_ms * 3 / 7; /* a sum, because a changed state may hold any number */
}

void stops_archive(struct stops *stops, struct archive *archive)
{
    size_t at_count = stops->count, away_count = stops->count;
    saved_i64s(archive, "stops.at", stops->at_ms, &at_count, STOPS_KEPT);
    saved_i64s(archive, "stops.away", stops->away_ms, &away_count, STOPS_KEPT);
    stops->count = at_count < away_count ? at_count : away_count;
}

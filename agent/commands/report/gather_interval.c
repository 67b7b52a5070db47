/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interval of an earlier day. The agent's state holds only the interval of today; the spacings of the cycles tell an older one. */
#include <stdlib.h>

#include "agent/commands/show/query.h"
#include "gather.h"

enum { SPACINGS_LEAST = 12, SPACINGS_MOST = 24, AGREE_TENTHS = 9 };
static const int64_t JITTER_MS = 5000; /* a cycle starts up to a second early or a few seconds late */

/*
 * The spacing that nine of ten cycles keep, or else interval_ms. Too few cycles say nothing, nor do spacings that differ because slots
 * were missed. Cycles that take more than half of their spacing say nothing either: they may skip every second slot, which looks like
 * a longer interval.
 */
static int64_t spacing_of(int64_t *spacings, size_t count, int64_t longest_ms, int64_t interval_ms)
{
    if (count < SPACINGS_LEAST)
        return interval_ms;
    qsort(spacings, count, sizeof *spacings, gather_compare_ms);
    int64_t median = spacings[count / 2], second = 1000;
    size_t agree = 0;
    for (size_t i = 0; i < count; i++)
        agree += llabs(spacings[i] - median) <= JITTER_MS;
    bool told = agree * 10 >= count * AGREE_TENTHS && median > 4 * JITTER_MS && longest_ms < median / 2 &&
                llabs(median - interval_ms) > JITTER_MS;
    return told ? (median + 5 * second) / (10 * second) * 10 * second : interval_ms;
}

int64_t gather_interval_before(struct query *query, int64_t at_ms, int64_t interval_ms)
{
    int64_t spacings[SPACINGS_MOST], longest_ms = 0, later_ms = 0;
    int64_t values[] = { at_ms, SPACINGS_MOST + 1 };
    size_t count = 0;
    query_ask(query,
              "SELECT started_at, duration_ms FROM cycle WHERE started_at < ?1 ORDER BY started_at DESC LIMIT ?2",
              values, 2);
    while (query_next(query)) {
        if (later_ms)
            spacings[count++] = later_ms - query_time(query, 0);
        later_ms = query_time(query, 0);
        longest_ms = query_count(query, 1) > longest_ms ? query_count(query, 1) : longest_ms;
    }
    return spacing_of(spacings, count, longest_ms, interval_ms);
}

/* The interval that the spacings number first to last - 1 tell. */
static int64_t interval_within(const struct report *report, size_t first, size_t last)
{
    int64_t spacings[SPACINGS_MOST], longest_ms = 0;
    size_t count = 0;
    for (size_t i = first; i < last && i + 1 < report->cycle_count; i++) {
        spacings[count++] = report->cycles[i + 1].started_ms - report->cycles[i].started_ms;
        longest_ms = report->cycles[i].duration_ms > longest_ms ? report->cycles[i].duration_ms : longest_ms;
    }
    return spacing_of(spacings, count, longest_ms, report->interval_ms);
}

/* Asks the cycles before the gap that follows cycle number `index`, then those after it: the interval may have changed at the gap. */
int64_t gather_interval_around(const struct report *report, size_t index)
{
    int64_t before_ms = interval_within(report, index > SPACINGS_LEAST ? index - SPACINGS_LEAST : 0, index);
    return before_ms != report->interval_ms ? before_ms
                                            : interval_within(report, index + 1, index + 1 + SPACINGS_LEAST);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_INTERVAL_H
#define CORE_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"

/*
 * How often the scheduler begins a cycle, as its log tells. The first of these that the log has decides:
 *
 * 1. the Schedule line of the start banner, until the promises contradict it;
 * 2. the gaps between the promises ("Next run scheduled at"): the median of the last five, one is enough, because a promise is exact;
 * 3. the gaps between the beginnings of cycles: the median of the last five. All five must have been seen, because any one may be a
 *    restart, a cycle that was skipped, or one of the uneven gaps of a crontab.
 */
enum { INTERVAL_GAPS = 5, INTERVAL_WAITS = 12 };

struct interval {
    int64_t said_ms; /* as the Schedule line says; 0: no such line was seen */
    int64_t promised_ms[INTERVAL_GAPS];
    size_t promised_count;
    int64_t begun_ms[INTERVAL_WAITS]; /* the gaps between beginnings */
    size_t begun_count;
    int64_t calm_ms[INTERVAL_WAITS]; /* likewise, of those during which nothing was wrong */
    size_t calm_count;
    int64_t promise_wall_ms,
        before_wall_ms; /* the newest promise, and that of the wait before; 0: none to compare with */
    bool is_promised;   /* the newest promise is that of the present wait */
    bool is_gap;        /* and its gap is the newest one in promised_ms */
    int64_t begin_ms;   /* when the newest cycle began; 0: not seen */
    bool is_broken;     /* the next gap between beginnings means nothing */
    int64_t learnt_ms;  /* what follows from all that, 0 if nothing; not saved */
};

/* The Schedule line said it: a new timetable begins. */
void interval_said(struct interval *interval, int64_t interval_ms);
/* The next cycle is promised. A second promise during the same wait replaces the first. */
void interval_promised(struct interval *interval, int64_t promise_wall_ms, int64_t now_wall_ms);
/* A cycle begins. is_calm: nothing was wrong while it was waited for. */
void interval_begun(struct interval *interval, int64_t now_ms, bool is_calm);
/* The scheduler stopped or started, the host slept, or a clock was set: the next gaps tell nothing. */
void interval_break(struct interval *interval);

/* True if it is known from the beginnings of cycles alone, so that the log promises nothing. */
bool interval_is_observed(const struct interval *interval);
/*
 * By how much a cycle may begin later than the interval after the one before it, where the log promises nothing: as much as it did before
 * without harm, or twice of late. So a crontab's uneven gaps (minutes 0, 10 and 30 of each hour) are no lateness.
 */
int64_t interval_slack(const struct interval *interval);

void interval_archive(struct interval *interval, struct archive *archive);

#endif

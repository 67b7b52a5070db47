/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_HOUR_VOLUMES_H
#define CORE_HOUR_VOLUMES_H

#include <stdint.h>

#include "base/archive.h"
#include "calendar.h"

/*
 * How many rows a table moved in each hour of the last four weeks: not in each run, so that another cadence or a run that failed changes
 * nothing. An hour is known when it is over. Hours are counted since 1970, in wall time.
 */
enum { VOLUME_DAYS = 28 };

struct hour_volumes {
    int64_t days[VOLUME_DAYS];          /* the day since 1970 that each row of rates is of */
    int64_t rates[VOLUME_DAYS * HOURS]; /* rows an hour, plus one; 0: not known */
    int64_t hour;                       /* the one that is being gathered */
    int64_t rows, covered_ms;           /* what runs moved in it, and how much time they covered */
};

/* A run that ended at this time moved rows that had gathered for covered_ms. */
void hour_volumes_add(struct hour_volumes *volumes, int64_t wall_ms, int64_t covered_ms, int64_t rows);
/* Rows an hour in that hour, below 0 if that is not known. */
double hour_volumes_rate(const struct hour_volumes *volumes, int64_t hour);
/* What was before that hour is no longer known. */
void hour_volumes_forget(struct hour_volumes *volumes, int64_t before_hour);
void hour_volumes_archive(struct hour_volumes *volumes, struct archive *archive, const char *name);

#endif

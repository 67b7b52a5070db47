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

/* Bit n of a set of days stands for n days ago. */
struct hour_digest {
    int64_t hour;        /* 0: of none */
    uint32_t known;      /* the days on which this hour, or one beside it, is known, and of these */
    uint32_t alike;      /* those of the week, or of the weekend, as the hour's own day is */
    double most_alike;   /* the most that hour_volumes_moved would tell of the latter */
    double most_of_week; /* the most rows at this very hour on the last seven days */
};

enum { DIGESTS_KEPT = 4 };

/*
 * Rates are rows an hour, plus one; 0: not known. All are kept in as few bytes as the highest of them needs, and nothing where none is known: there
 * may be thousands of tables.
 */
struct hour_volumes {
    int64_t days[VOLUME_DAYS]; /* the day since 1970 that each row of rates is of */
    void *rates;               /* owned: VOLUME_DAYS rows of HOURS numbers; NULL: all are 0 */
    int width;                 /* the bytes of each number: 2, 4 or 8 */
    int64_t hour;              /* the one that is being gathered */
    int64_t rows, covered_ms;  /* what runs moved in it, and how much time they covered */
    struct hour_digest digests
        [DIGESTS_KEPT]; /* of the newest hours that were asked for; they follow from the rates and are not saved */
};

void hour_volumes_free(struct hour_volumes *volumes); /* NULL does nothing */

/* A run that ended at this time moved rows that had gathered for covered_ms. */
void hour_volumes_add(struct hour_volumes *volumes, int64_t wall_ms, int64_t covered_ms, int64_t rows);

/* Where an hour is kept. It is reckoned once, and asked for many days. */
struct hour_place {
    int64_t day;
    int row, hour_of_day;
};

struct hour_place hour_volumes_place(int64_t hour);
/*
 * What runs that cover so much of each of these hours would have moved so many days before (fewer than VOLUME_DAYS). An hour counts as the
 * lowest of it, the one before it and the one after it that are known: a market that opens an hour later is no anomaly. Below 0 if for one
 * of them none is known. Hours from before_hour on count as not known.
 */
double hour_volumes_moved(const struct hour_volumes *volumes, const struct hour_place *places, const double *covered,
                          size_t count, int days_ago, int64_t before_hour);
/* The days before that day which are of the week, or of the weekend, as it is. */
uint32_t hour_volumes_days_alike(int64_t day);
/* The most rows that were moved at that hour on the seven days before. */
double hour_volumes_most_of_week(struct hour_volumes *volumes, int64_t hour);
/* What the days before that hour show, reckoned once an hour; NULL if it may change within the hour. */
const struct hour_digest *hour_volumes_digest(struct hour_volumes *volumes, int64_t hour);
/* What was before that hour is no longer known. */
void hour_volumes_forget(struct hour_volumes *volumes, int64_t before_hour);
void hour_volumes_archive(struct hour_volumes *volumes, struct archive *archive, const char *name);

#endif

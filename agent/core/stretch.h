/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_STRETCH_H
#define CORE_STRETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hour_volumes.h"
#include "moment.h"
#include "run_window.h"

/*
 * A stretch is what the newest runs of a table moved, and its past is what the same hours moved on the days of the last four weeks.
 * detect_throughput.c holds the one against the other. Most runs of a table are judged so, which is why nothing here divides or sorts before
 * it must.
 */

/* The newest runs that moved rows. */
struct stretch {
    const struct run_window *window; /* the rows of the table's runs, of which one at least moved some */
    int64_t interval_ms;
    size_t runs, next; /* how many runs it has; those from `next` on were looked at */
    double rows;
    int64_t since_ms;      /* its oldest run */
    size_t hour_count;     /* the hours that the runs lie in, the newest first, */
    double covered[HOURS]; /* and how much of each they cover, in hours */
    int64_t hours[HOURS];  /* since 1970 */
};

/* For how long the rows of a run had gathered, by its index in the window. After a long pause nobody knows. */
int64_t run_gathered_ms(const struct run_window *rows, size_t run, int64_t interval_ms);
/* An empty stretch. */
void stretch_begin(struct stretch *stretch, const struct run_window *rows, int64_t interval_ms);
/* Makes it so many runs long. False if there are too few of them, or they lie in too many hours: then it is of no use any more. */
bool stretch_reach(struct stretch *stretch, size_t runs, const struct moment *moment);
/* False if the runs lie too far apart. */
bool stretch_is_close(const struct stretch *stretch);

/* False if it is clear, from what was reckoned once in each hour, that no median day moved `factor` times as much as the stretch. */
bool stretch_may_be_low(const struct stretch *stretch, struct hour_volumes *volumes, double factor);

/* What the same hours moved on earlier days, one value a day. */
struct past {
    double all[VOLUME_DAYS], alike[VOLUME_DAYS]; /* alike: the days of the week, or of the weekend, as now */
    size_t all_count, alike_count;
};

/* What is usual; days is 0 if that is not known. */
struct usual {
    size_t days;
    double median, lowest, lowest_of_all;
};

enum past_whole { PAST_WHOLE, PAST_IF_LOW };

/*
 * Hours from before_hour on are what is being judged, and no measure. PAST_IF_LOW: it returns false, and then the past is not whole, as soon as more days moved
 * no more than the stretch than are needed to show that it is not below the usual's lowest_of_all.
 */
bool past_take(struct past *past, const struct hour_volumes *volumes, const struct stretch *stretch,
               int64_t before_hour, enum past_whole whole);
struct usual past_usual(struct past *past);

#endif

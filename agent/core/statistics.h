/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_BASELINE_H
#define CORE_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"

/* The newest values of a series with their times, oldest first. */
struct window {
    int64_t *at_ms;
    int64_t *values;
    size_t count, room; /* room: how many are kept */
};

void window_init(struct window *window, size_t room);
void window_free(struct window *window);
void window_push(struct window *window, int64_t at_ms, int64_t value);
/* How many of the newest values are not older than since_ms, at most most. */
size_t window_newest(const struct window *window, int64_t since_ms, size_t most);
double window_median(const struct window *window, size_t newest);
/* Whether it is value or more; false of no values. */
bool window_median_reaches(const struct window *window, size_t newest, double value);
void window_archive(struct window *window, struct archive *archive, const char *name);

/*
 * Volume by hour of the day (UTC), at most two samples an hour and day, so that the newest 28 span two weeks and their weekends
 * whatever the cadence: a market's night is no anomaly.
 */
enum { HOURS = 24, HOUR_SAMPLES = 28 };
struct hourly {
    int64_t *values;       /* HOURS x HOUR_SAMPLES, rings; allocated at the first push */
    int64_t counts[HOURS]; /* ever pushed, per hour */
    int64_t newest_ms[HOURS];
};

/* UTC, 0 to 23; of an instant before 1970 too. */
size_t hour_of_day(int64_t at_ms);

void hourly_push(struct hourly *hourly, int64_t at_ms, int64_t value);
/* The samples of at_ms's hour, in no order; NULL and 0 if there are none. */
const int64_t *hourly_samples(const struct hourly *hourly, int64_t at_ms, size_t *count);
/* The clock was set, by so much: when the newest samples came moves with it. */
void hourly_move(struct hourly *hourly, int64_t by_ms);
void hourly_free(struct hourly *hourly);
void hourly_archive(struct hourly *hourly, struct archive *archive, const char *name);

/*
 * Robust z of ln(value) against samples: (ln x - median) / (1.4826 MAD), the factor making the MAD estimate the standard deviation of a normal distribution
 * (Rousseeuw & Croux 1993, JASA 88, p. 1273). The scaled MAD is taken as mad_floor at least, so that a too regular past does not make every change
 * look enormous. Values below 1 count as 1.
 */
double robust_z_log(const int64_t *samples, size_t count, int64_t value, double mad_floor);
/* Whether that score is below low, which is negative; cheaper than asking for the score, since it hardly ever is. */
bool robust_z_log_below(const int64_t *samples, size_t count, int64_t value, double mad_floor, double low);
double median_of(double *values, size_t count); /* reorders values */

/*
 * Mann-Kendall test for a monotone trend (Mann 1945, Econometrica 13; Kendall 1975, Rank Correlation Methods): the standard
 * normal score of S, the number of rising pairs less the falling ones, with the variance corrected for ties and
 * S moved one towards 0. Positive: rising.
 */
double mann_kendall_z(const int64_t *values, size_t count);

/* Theil-Sen slope (Theil 1950; Sen 1968, JASA 63): the median slope of ln(value) over all pairs, per millisecond. At most the newest 96 values. */
double theil_sen_log(const int64_t *at_ms, const int64_t *values, size_t count);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_STATISTICS_H
#define CORE_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Robust statistics: formulas without state. */

/* The lowest first. */
void sort_values(double *values, size_t count);

/* Reorders the values; 0 if there are none. */
double median_of(double *values, size_t count);

/*
 * Robust z of ln(value) against samples: (ln x - median) / (1.4826 MAD). The factor makes the MAD estimate the standard deviation of a
 * normal distribution (Rousseeuw & Croux 1993, JASA 88, p. 1273). The scaled MAD is taken as mad_floor at least, so that a very regular
 * past does not make every change look enormous. Values below 1 count as 1.
 */
double robust_z_log(const int64_t *samples, size_t count, int64_t value, double mad_floor);

/*
 * Mann-Kendall test for a monotone trend (Mann 1945, Econometrica 13; Kendall 1975, Rank Correlation Methods): the standard normal score
 * of S, the number of rising pairs less the falling ones, with the variance corrected for ties and S moved one towards 0.
 * Positive: the values rise.
 */
double mann_kendall_z(const int64_t *values, size_t count);

/* Theil-Sen slope (Theil 1950; Sen 1968, JASA 63): the median slope of ln(value) over all pairs, per ms. It looks at the newest 96 values. */
double theil_sen_log(const int64_t *at_ms, const int64_t *values, size_t count);

#endif

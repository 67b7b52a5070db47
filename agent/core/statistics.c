/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>

#include "base/strbuf.h"

enum { SLOPES_MOST = 96 };

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sort_values(double *values, size_t count)
{
    if (count > 1)
        qsort(values, count, sizeof *values, compare_doubles);
}

double median_of(double *values, size_t count)
{
    if (count == 0)
        return 0;
    sort_values(values, count);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double log_of(int64_t value)
{
    return log(value < 1 ? 1.0 : (double)value);
}

double robust_z_log(const int64_t *samples, size_t count, int64_t value, double mad_floor)
{
    if (count == 0)
        return 0;
    double *work = must_alloc(count * sizeof *work);
    for (size_t i = 0; i < count; i++)
        work[i] = log_of(samples[i]);
    double median = median_of(work, count);
    for (size_t i = 0; i < count; i++)
        work[i] = fabs(work[i] - median);
    double scale = 1.4826 * median_of(work, count);
    free(work);
    return (log_of(value) - median) / (scale < mad_floor ? mad_floor : scale);
}

/* Sum over the groups of equal values of t (t - 1) (2 t + 5). */
static double tie_correction(const int64_t *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        size_t before = 0, ties = 1;
        for (size_t j = 0; j < count; j++) {
            before += j < i && values[j] == values[i];
            ties += j > i && values[j] == values[i];
        }
        double t = (double)ties;
        if (before == 0)
            sum += t * (t - 1) * (2 * t + 5);
    }
    return sum;
}

double mann_kendall_z(const int64_t *values, size_t count)
{
    double s = 0, n = (double)count;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            s += (values[j] > values[i]) - (values[j] < values[i]);
    double variance = (n * (n - 1) * (2 * n + 5) - tie_correction(values, count)) / 18;
    if (variance <= 0 || fabs(s) < 1)
        return 0;
    return (s > 0 ? s - 1 : s + 1) / sqrt(variance);
}

double theil_sen_log(const int64_t *at_ms, const int64_t *values, size_t count)
{
    if (count > SLOPES_MOST) {
        at_ms += count - SLOPES_MOST;
        values += count - SLOPES_MOST;
        count = SLOPES_MOST;
    }
    if (count < 2)
        return 0;
    double *slopes = must_alloc(count * (count - 1) / 2 * sizeof *slopes);
    size_t pairs = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++)
            if (at_ms[j] > at_ms[i])
                slopes[pairs++] = (log_of(values[j]) - log_of(values[i])) / (double)(at_ms[j] - at_ms[i]);
    }
    double slope = median_of(slopes, pairs);
    free(slopes);
    return slope;
}

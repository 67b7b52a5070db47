/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLOPES_MOST = 96, SAMPLES_APART_MS = 25 * 60 * 1000 };

void window_init(struct window *window, size_t room)
{
    *window = (struct window){ .room = room };
}

void window_free(struct window *window)
{
    free(window->at_ms);
    free(window->values);
    window->at_ms = window->values = NULL;
    window->count = 0;
}

/* Memory for twice the room: the oldest are moved out once in a while, not at every push. */
static void window_allocate(struct window *window)
{
    if (window->at_ms)
        return;
    window->at_ms = must_alloc(2 * window->room * sizeof *window->at_ms);
    window->values = must_alloc(2 * window->room * sizeof *window->values);
}

void window_push(struct window *window, int64_t at_ms, int64_t value)
{
    window_allocate(window);
    if (window->count == 2 * window->room) {
        size_t kept = window->room - 1;
        memmove(window->at_ms, window->at_ms + window->count - kept, kept * sizeof *window->at_ms);
        memmove(window->values, window->values + window->count - kept, kept * sizeof *window->values);
        window->count = kept;
    }
    window->at_ms[window->count] = at_ms;
    window->values[window->count] = value;
    window->count++;
}

size_t window_newest(const struct window *window, int64_t since_ms, size_t most)
{
    if (most > window->room)
        most = window->room;
    if (most > window->count)
        most = window->count;
    if (since_ms == INT64_MIN)
        return most;
    size_t newest = 0;
    while (newest < most && window->at_ms[window->count - 1 - newest] >= since_ms)
        newest++;
    return newest;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median_of(double *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double window_median(const struct window *window, size_t newest)
{
    if (newest == 0)
        return 0;
    double *copy = must_alloc(newest * sizeof *copy);
    for (size_t i = 0; i < newest; i++)
        copy[i] = (double)window->values[window->count - newest + i];
    double median = median_of(copy, newest);
    free(copy);
    return median;
}

bool window_median_reaches(const struct window *window, size_t newest, double value)
{
    size_t reach = 0;
    for (size_t i = window->count - newest; i < window->count; i++)
        reach += (double)window->values[i] >= value;
    /* On which side most are tells it, and nothing needs to be sorted; only an even half leaves the middle two to be asked. */
    return newest % 2 || reach != newest / 2 ? reach > newest / 2
                                             : newest > 0 && window_median(window, newest) >= value;
}

void window_archive(struct window *window, struct archive *archive, const char *name)
{
    struct strbuf times = { 0 };
    strbuf_printf(&times, "%s.at", name);
    window_allocate(window);
    /* Only what would be kept anyway. */
    size_t skip = window->count > window->room ? window->count - window->room : 0;
    size_t count = window->count - skip, times_count = count;
    archive_i64s(archive, strbuf_text(&times), window->at_ms + skip, &times_count, window->room);
    archive_i64s(archive, name, window->values + skip, &count, window->room);
    if (archive_loading(archive))
        window->count = count < times_count ? count : times_count;
    strbuf_free(&times);
}

size_t hour_of_day(int64_t at_ms)
{
    enum { HOUR_IN_MS = 60 * 60 * 1000 };
    int64_t hour = at_ms / HOUR_IN_MS % HOURS;
    return (size_t)(hour < 0 ? hour + HOURS : hour);
}

void hourly_push(struct hourly *hourly, int64_t at_ms, int64_t value)
{
    size_t hour = hour_of_day(at_ms);
    if (hourly->counts[hour] && at_ms - hourly->newest_ms[hour] < SAMPLES_APART_MS)
        return;
    if (!hourly->values)
        hourly->values = must_alloc((size_t)HOURS * HOUR_SAMPLES * sizeof *hourly->values);
    hourly->values[hour * HOUR_SAMPLES + (size_t)(hourly->counts[hour] % HOUR_SAMPLES)] = value;
    hourly->counts[hour]++;
    hourly->newest_ms[hour] = at_ms;
}

const int64_t *hourly_samples(const struct hourly *hourly, int64_t at_ms, size_t *count)
{
    size_t hour = hour_of_day(at_ms);
    *count = hourly->counts[hour] < HOUR_SAMPLES ? (size_t)hourly->counts[hour] : HOUR_SAMPLES;
    return hourly->values ? hourly->values + hour * HOUR_SAMPLES : NULL;
}

void hourly_move(struct hourly *hourly, int64_t by_ms)
{
    for (size_t hour = 0; hour < HOURS; hour++)
        hourly->newest_ms[hour] += by_ms;
}

void hourly_free(struct hourly *hourly)
{
    free(hourly->values);
    *hourly = (struct hourly){ 0 };
}

void hourly_archive(struct hourly *hourly, struct archive *archive, const char *name)
{
    struct strbuf counts = { 0 }, newest = { 0 };
    strbuf_printf(&counts, "%s.counts", name);
    strbuf_printf(&newest, "%s.newest", name);
    size_t hours = HOURS, values = (size_t)HOURS * HOUR_SAMPLES;
    if (!hourly->values)
        hourly->values = must_alloc(values * sizeof *hourly->values);
    archive_i64s(archive, strbuf_text(&counts), hourly->counts, &hours, HOURS);
    archive_i64s(archive, strbuf_text(&newest), hourly->newest_ms, &hours, HOURS);
    archive_i64s(archive, name, hourly->values, &values, (size_t)HOURS * HOUR_SAMPLES);
    for (size_t hour = 0; hour < HOURS; hour++)
        hourly->counts[hour] = hourly->counts[hour] > 0 ? hourly->counts[hour] : 0; /* they become indexes */
    strbuf_free(&counts);
    strbuf_free(&newest);
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

/*
 * So far below the median there is no value unless the median exceeds it by this factor at least, and so do half the samples: nearly always
 * a count tells that they do not, and nothing needs to be sorted. The factor is taken a little too small: in doubt the score decides.
 */
static bool half_exceed(const int64_t *samples, size_t count, int64_t value, double factor)
{
    double least = (value < 1 ? 1.0 : (double)value) * factor * (1 - 1e-9);
    size_t others = 0, most = count - count / 2;
    for (size_t i = 0; i < count && others <= most; i++)
        others += (double)samples[i] <= least;
    return others <= most;
}

bool robust_z_log_below(const int64_t *samples, size_t count, int64_t value, double mad_floor, double low)
{
    return half_exceed(samples, count, value, exp(-low * mad_floor)) &&
           robust_z_log(samples, count, value, mad_floor) < low;
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

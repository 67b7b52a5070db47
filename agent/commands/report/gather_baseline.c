/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a good cycle usually takes, which the chart shows as a band behind its bars. */
#include <math.h>
#include <stdlib.h>

#include "agent/commands/show/query.h"
#include "gather.h"

/* The detector of slow cycles looks back over as many cycles; what is older than 30 days does not count as usual. */
enum { USUAL_CYCLES = 96, USUAL_DAYS = 30 };
/*
 * The band reaches two standard deviations of the logarithm to each side, estimated by the median absolute deviation. The floor keeps
 * the band visible where all cycles take the same time.
 */
static const double spread_factor = 2, mad_to_deviation = 1.4826, deviation_floor = 0.05;

static int baseline_compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double middle_of(double *values, size_t count)
{
    qsort(values, count, sizeof *values, baseline_compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* Only good cycles from before the incident count, so that the incident does not change what is usual. */
static double *logarithms_before(const struct report *report, struct query *query, size_t *count)
{
    double *logarithms = must_alloc(USUAL_CYCLES * sizeof *logarithms);
    int64_t values[] = { report->begin_ms, report->begin_ms - INT64_C(86400000) * USUAL_DAYS, report->slow_ms,
                         USUAL_CYCLES };
    query_ask(query,
              "SELECT duration_ms FROM cycle WHERE started_at < ?1 AND started_at >= ?2 AND outcome = 'success'"
              " AND duration_ms BETWEEN 1 AND ?3 ORDER BY started_at DESC LIMIT ?4",
              values, 4);
    for (*count = 0; query_next(query); ++*count)
        logarithms[*count] = log((double)query_count(query, 0));
    return logarithms;
}

static double *logarithms_within(const struct report *report, size_t *count)
{
    double *logarithms = must_alloc((report->cycle_count + 1) * sizeof *logarithms);
    *count = 0;
    for (size_t i = 0; i < report->cycle_count; i++) {
        const struct report_cycle *cycle = &report->cycles[i];
        if (cycle->state == CYCLE_GOOD && cycle->duration_ms > 0 && cycle->duration_ms <= report->slow_ms)
            logarithms[(*count)++] = log((double)cycle->duration_ms);
    }
    return logarithms;
}

void gather_baseline(struct report *report, struct query *query, size_t least)
{
    size_t count = 0;
    double *logarithms =
        report->kind == REPORT_INCIDENT ? logarithms_before(report, query, &count) : logarithms_within(report, &count);
    if (count >= least && count > 0) {
        double median = middle_of(logarithms, count);
        for (size_t i = 0; i < count; i++)
            logarithms[i] = fabs(logarithms[i] - median);
        double deviation = fmax(mad_to_deviation * middle_of(logarithms, count), deviation_floor);
        report->baseline = (struct report_baseline){
            .cycles = (int64_t)count,
            .median_ms = llround(exp(median)),
            .low_ms = llround(exp(median - spread_factor * deviation)),
            .high_ms = llround(exp(median + spread_factor * deviation)),
        };
    }
    free(logarithms);
}

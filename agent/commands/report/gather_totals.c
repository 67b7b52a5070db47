/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums and percentiles over the report's window. */
#include <stdlib.h>

#include "base/budgets.h"
#include "gather.h"

void gather_add(int64_t *sum, int64_t value)
{
    *sum = *sum + value > HISTORY_NUMBER_MAX ? HISTORY_NUMBER_MAX : *sum + value;
}

int gather_compare_ms(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

/* By nearest rank. The values must be sorted. */
static int64_t percentile(const int64_t *values, size_t count, size_t percent)
{
    return count ? values[(count * percent + 99) / 100 - 1] : 0;
}

static void total_cycles(struct report *report)
{
    struct report_totals *totals = &report->totals;
    int64_t *durations = must_alloc((report->cycle_count + 1) * sizeof *durations);
    size_t finished = 0;
    for (size_t i = 0; i < report->cycle_count; i++) {
        const struct report_cycle *cycle = &report->cycles[i];
        totals->cycles++;
        totals->good_cycles += cycle->state == CYCLE_GOOD;
        totals->longest_ms = cycle->duration_ms > totals->longest_ms ? cycle->duration_ms : totals->longest_ms;
        totals->slow += cycle->duration_ms > report->slow_ms;
        totals->too_slow += cycle->duration_ms > report->too_slow_ms;
        gather_add(&totals->rows, cycle->rows > 0 ? cycle->rows : 0);
        if (cycle->state != CYCLE_UNFINISHED && cycle->duration_ms > 0)
            durations[finished++] = cycle->duration_ms;
    }
    qsort(durations, finished, sizeof *durations, gather_compare_ms);
    totals->p50_ms = percentile(durations, finished, 50);
    totals->p95_ms = percentile(durations, finished, 95);
    free(durations);
    for (size_t i = 0; i < report->table_count; i++) {
        totals->runs += report->tables[i].runs;
        totals->good_runs += report->tables[i].ok;
        totals->rows_from |= report->tables[i].rows_from;
    }
}

static void total_incidents(struct report *report)
{
    struct report_totals *totals = &report->totals;
    int64_t *recoveries = must_alloc((report->incidents.count + 1) * sizeof *recoveries);
    int64_t *leads = must_alloc((report->incidents.count + 1) * sizeof *leads);
    size_t resolved = 0, led = 0;
    int64_t sum = 0;
    for (size_t i = 0; i < report->incidents.count; i++) {
        const struct report_incident *incident = &report->incidents.at[i];
        totals->critical += incident->critical_ms != 0;
        totals->warning += incident->critical_ms == 0;
        if (report_incident_is_own(incident))
            continue;
        if (incident->resolved_ms) {
            recoveries[resolved] = report_incident_lasted_ms(incident, report->as_of_ms);
            gather_add(&sum, recoveries[resolved++]);
        }
        if (report_incident_lead(incident, &leads[led])) {
            totals->earlier += leads[led] > 0;
            totals->later += leads[led] <= 0;
            led++;
        }
        totals->unseen += incident->notified_ms && !incident->prometheus_ms && !incident->open;
    }
    qsort(recoveries, resolved, sizeof *recoveries, gather_compare_ms);
    qsort(leads, led, sizeof *leads, gather_compare_ms);
    totals->resolved = (int64_t)resolved;
    totals->recover_mean_ms = resolved ? sum / (int64_t)resolved : 0;
    totals->recover_median_ms = percentile(recoveries, resolved, 50);
    totals->lead_median_ms = percentile(leads, led, 50);
    totals->lead_least_ms = led ? leads[0] : 0;
    free(recoveries);
    free(leads);
}

void gather_totals(struct report *report)
{
    total_cycles(report);
    total_incidents(report);
}

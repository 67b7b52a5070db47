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
        totals->slow += cycle->duration_ms > report->slow_ms;
        totals->too_slow += cycle->duration_ms > report->too_slow_ms;
        gather_add(&totals->rows, cycle->rows > 0 ? cycle->rows : 0);
        if (cycle->state != CYCLE_UNFINISHED && cycle->duration_ms > 0)
            durations[finished++] = cycle->duration_ms;
    }
    qsort(durations, finished, sizeof *durations, gather_compare_ms);
    totals->p50_ms = percentile(durations, finished, 50);
    totals->p95_ms = percentile(durations, finished, 95);
    totals->longest_ms = finished ? durations[finished - 1] : 0;
    free(durations);
    for (size_t i = 0; i < report->table_count; i++) {
        totals->runs += report->tables[i].runs;
        totals->good_runs += report->tables[i].ok;
        totals->rows_from |= report->tables[i].rows_from;
    }
}

static int compare_onsets(const void *left, const void *right)
{
    const struct report_incident *const *a = left, *const *b = right;
    return gather_compare_ms(&(*a)->onset_ms, &(*b)->onset_ms);
}

/* The time within critical incidents. Where several were open at once, the time counts once. */
static void total_down(struct report *report)
{
    const struct report_incident **critical = must_alloc((report->incidents.count + 1) * sizeof *critical);
    size_t count = 0;
    for (size_t i = 0; i < report->incidents.count; i++)
        if (report->incidents.at[i].critical_ms)
            critical[count++] = &report->incidents.at[i];
    qsort(critical, count, sizeof *critical, compare_onsets);
    int64_t counted_to = report->since_ms;
    int64_t end = report->until_ms < report->as_of_ms ? report->until_ms : report->as_of_ms;
    for (size_t i = 0; i < count; i++) {
        int64_t from = critical[i]->onset_ms > counted_to ? critical[i]->onset_ms : counted_to;
        int64_t to = critical[i]->resolved_ms && critical[i]->resolved_ms < end ? critical[i]->resolved_ms : end;
        if (to > from) {
            report->totals.critical_ms += to - from;
            counted_to = to;
        }
    }
    free(critical);
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
            recoveries[resolved++] = incident->resolved_ms - incident->opened_ms;
            gather_add(&sum, incident->resolved_ms - incident->opened_ms);
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
    total_down(report);
    total_incidents(report);
}

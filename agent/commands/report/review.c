/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "review.h"

#include <stdlib.h>

#include "gather.h"

size_t review_row_of(const struct report_incident *incident)
{
    const char *file = incident->runbook          ? incident->runbook
                       : incident->alert < ALERTS ? alert_runbook(incident->alert)
                                                  : NULL;
    const struct runbook_facts *runbook = runbook_find(file);
    return runbook ? (size_t)(runbook->number - 1) : REVIEW_ROWS - 1;
}

static void count_incident(struct review_row *row, const struct report_incident *incident, int64_t lasted_ms)
{
    int64_t promise_ms = report_incident_promise_ms(incident);
    row->incidents++;
    row->critical += incident->critical_ms != 0;
    row->escalated += incident->escalated_ms != 0;
    row->resolved += incident->resolved_ms != 0;
    row->kept += incident->resolved_ms && promise_ms && lasted_ms <= promise_ms;
    row->without_cause += !incident->cause;
    row->without_scenario += !incident->scenario_title;
    row->with_deviations += incident->deviations != NULL;
}

/* The times to recover of a row, from the onset. */
static void measure(const struct report *report, size_t index, struct review_row *row)
{
    int64_t *times = must_alloc((report->incidents.count + 1) * sizeof *times);
    size_t count = 0;
    for (size_t i = 0; i < report->incidents.count; i++) {
        const struct report_incident *incident = &report->incidents.at[i];
        if (incident->resolved_ms && review_row_of(incident) == index)
            times[count++] = report_incident_lasted_ms(incident, report->as_of_ms);
    }
    qsort(times, count, sizeof *times, gather_compare_ms);
    row->median_ms = count ? times[(count - 1) / 2] : 0;
    row->longest_ms = count ? times[count - 1] : 0;
    free(times);
}

void review_make(const struct report *report, struct review_row rows[REVIEW_ROWS])
{
    for (size_t index = 0; index < REVIEW_ROWS; index++)
        rows[index] = (struct review_row){ .runbook = runbook_facts(index) };
    for (size_t i = 0; i < report->incidents.count; i++) {
        const struct report_incident *incident = &report->incidents.at[i];
        count_incident(&rows[review_row_of(incident)], incident, report_incident_lasted_ms(incident, report->as_of_ms));
    }
    for (size_t index = 0; index < REVIEW_ROWS; index++)
        measure(report, index, &rows[index]);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chart.h"

#include <math.h>
#include <stdlib.h>

#include "gather.h"

static const int64_t BOTTOM_MS = 1000;

static bool incident_touches(const struct report_incident *incident, const struct chart_column *column, int64_t now_ms)
{
    int64_t end = incident->resolved_ms ? incident->resolved_ms : now_ms;
    return incident->onset_ms < column->to_ms && end >= column->from_ms;
}

static void mark_incidents(const struct report *report, struct chart_column *column)
{
    if (report->kind == REPORT_INCIDENT)
        column->in_incident = incident_touches(&report->incident, column, report->as_of_ms);
    for (size_t i = 0; i < report->incidents.count && !column->in_incident; i++)
        column->in_incident = incident_touches(&report->incidents.at[i], column, report->as_of_ms);
    /* Nothing is known of a column that is not over yet, nor of one before the report or the history begins. */
    int64_t known_ms = report->as_of_ms < report->until_ms ? report->as_of_ms : report->until_ms;
    int64_t first_ms = report->cycle_count ? report->cycles[0].started_ms : report->as_of_ms;
    bool before = column->to_ms <= first_ms && (report->kind == REPORT_PERIOD || column->to_ms <= report->begin_ms);
    column->unknown = column->to_ms > known_ms || column->from_ms < report->since_ms || before;
}

static void column_take(struct chart_column *column, const struct report_cycle *cycle)
{
    static const int badness[] = { [CYCLE_GOOD] = 0, [CYCLE_UNFINISHED] = 1, [CYCLE_BAD] = 2 };
    column->cycles++;
    gather_add(&column->rows, cycle->rows > 0 ? cycle->rows : 0);
    if (cycle->duration_ms > column->duration_ms)
        column->duration_ms = cycle->duration_ms;
    if (badness[cycle->state] > badness[column->state])
        column->state = cycle->state;
}

struct chart chart_make(const struct report *report, size_t most_columns)
{
    struct chart chart = { .top_ms = 2 * report->too_slow_ms };
    /* Columns begin a quarter of an interval before their slots, because a cycle may start before its slot. */
    int64_t early = report->interval_ms / 4;
    int64_t from = (report->since_ms + early) / report->interval_ms * report->interval_ms - early;
    int64_t slots = (report->until_ms - from + report->interval_ms - 1) / report->interval_ms;
    slots = slots < 1 ? 1 : slots;
    int64_t per_column = (slots + (int64_t)most_columns - 1) / (int64_t)most_columns;
    int64_t width = per_column * report->interval_ms;
    chart.count = (size_t)((slots + per_column - 1) / per_column);
    chart.columns = must_alloc(chart.count * sizeof *chart.columns);
    for (size_t i = 0; i < chart.count; i++) {
        chart.columns[i].from_ms = from + (int64_t)i * width;
        chart.columns[i].to_ms = from + (int64_t)(i + 1) * width;
        mark_incidents(report, &chart.columns[i]);
    }
    for (size_t i = 0; i < report->cycle_count; i++) {
        size_t column = (size_t)((report->cycles[i].started_ms - from) / width);
        if (column < chart.count)
            column_take(&chart.columns[column], &report->cycles[i]);
    }
    for (size_t i = 0; i < chart.count; i++) {
        chart.top_ms = chart.columns[i].duration_ms > chart.top_ms ? chart.columns[i].duration_ms : chart.top_ms;
        chart.rows_max = chart.columns[i].rows > chart.rows_max ? chart.columns[i].rows : chart.rows_max;
    }
    return chart;
}

void chart_free(struct chart *chart)
{
    free(chart->columns);
    *chart = (struct chart){ 0 };
}

double chart_height(const struct chart *chart, int64_t duration_ms)
{
    if (duration_ms <= BOTTOM_MS || chart->top_ms <= BOTTOM_MS)
        return 0;
    double height = log((double)duration_ms / (double)BOTTOM_MS) / log((double)chart->top_ms / (double)BOTTOM_MS);
    return height > 1 ? 1 : height;
}

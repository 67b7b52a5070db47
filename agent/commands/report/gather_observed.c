/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which time the history knows nothing of, and how much of the time that it knows of was within critical incidents. */
#include <stdlib.h>

#include "agent/commands/show/query.h"
#include "gather.h"

struct span {
    int64_t from_ms, to_ms;
};

struct spans {
    struct span *at;
    size_t count;
    int64_t since_ms, until_ms; /* what lies outside does not count */
};

static void spans_add(struct spans *spans, int64_t from_ms, int64_t to_ms)
{
    from_ms = from_ms > spans->since_ms ? from_ms : spans->since_ms;
    to_ms = to_ms < spans->until_ms ? to_ms : spans->until_ms;
    if (from_ms >= to_ms)
        return;
    spans->at = list_room(spans->at, spans->count, sizeof *spans->at);
    spans->at[spans->count++] = (struct span){ from_ms, to_ms };
}

static int compare_spans(const void *left, const void *right)
{
    const struct span *a = left, *b = right;
    return a->from_ms < b->from_ms ? -1 : a->from_ms > b->from_ms;
}

/* Where spans overlap, the time counts once. */
static int64_t spans_total_ms(const struct spans *spans)
{
    int64_t total_ms = 0, counted_to_ms = spans->since_ms;
    if (spans->count > 1)
        qsort(spans->at, spans->count, sizeof *spans->at, compare_spans);
    for (size_t i = 0; i < spans->count; i++) {
        int64_t from_ms = spans->at[i].from_ms > counted_to_ms ? spans->at[i].from_ms : counted_to_ms;
        if (spans->at[i].to_ms <= from_ms)
            continue;
        total_ms += spans->at[i].to_ms - from_ms;
        counted_to_ms = spans->at[i].to_ms;
    }
    return total_ms;
}

/* The first moment that the history knows of; the end of time if it is empty. */
static int64_t history_begins(struct query *query)
{
    return query_bound_time(
        query_value(query,
                    "SELECT min(coalesce((SELECT started_at FROM cycle ORDER BY started_at LIMIT 1),"
                    " 1 << 60), coalesce((SELECT min(opened_at) FROM incident), 1 << 60))",
                    NULL, 0));
}

/* Critical incidents of the pipeline, added to what was not observed: what that makes longer is the observed part of them. */
static void add_critical(struct spans *spans, const struct report *report)
{
    for (size_t i = 0; i < report->incidents.count; i++) {
        const struct report_incident *incident = &report->incidents.at[i];
        if (incident->critical_ms && !report_incident_is_own(incident))
            spans_add(spans, incident->onset_ms, incident->resolved_ms ? incident->resolved_ms : report->as_of_ms);
    }
}

static void add_unread(struct spans *spans, struct query *query, int64_t as_of_ms)
{
    const int64_t window[] = { spans->since_ms, spans->until_ms };
    query_ask(query,
              "SELECT coalesce(nullif(i.onset_at, 0), i.opened_at), " REPORT_ENDED_SQL " FROM incident i"
              " WHERE i.alert = 'IcebergOffloadLogUnreadable' AND i.opened_at < ?2"
              " AND (i.state = 'open' OR " REPORT_ENDED_SQL " >= ?1)",
              window, 2);
    while (query_next(query)) {
        int64_t to_ms = query_time(query, 1);
        spans_add(spans, query_time(query, 0), to_ms ? to_ms : as_of_ms);
    }
}

void gather_observed(struct report *report, struct query *query)
{
    struct spans spans = { .since_ms = report->begin_ms, .until_ms = report->end_ms };
    if (report->kind == REPORT_INCIDENT && report_incident_is_own(&report->incident))
        return;
    add_unread(&spans, query, report->as_of_ms);
    report->unobserved_ms = report->log_unread_ms = spans_total_ms(&spans);
    if (report->kind != REPORT_INCIDENT) {
        report->history_begins_ms = history_begins(query);
        spans_add(&spans, report->begin_ms, report->history_begins_ms);
        spans_add(&spans, report->as_of_ms, report->end_ms);
        report->unobserved_ms = spans_total_ms(&spans);
        add_critical(&spans, report);
        report->totals.critical_ms = spans_total_ms(&spans) - report->unobserved_ms;
    }
    free(spans.at);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gather.h"

#include <stdlib.h>

#include "agent/commands/show/terminal.h"
#include "agent/commands/status/status.h"
#include "base/archive.h"

enum { INTERVAL_DEFAULT_MS = 15 * 60 * 1000, INTERVAL_MOST_DAYS = 366, BEFORE_INTERVALS = 12, AFTER_INTERVALS = 6 };
static const int64_t DAY_MS = 86400000, MINUTE_MS = 60000;
static const int64_t RECURRENCE_DAYS = 30;

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A number of the agent's saved state; 0 if there is none. */
static int64_t gather_agent_number(struct query *query, const char *name)
{
    int64_t value = 0;
    query_ask(query, "SELECT value FROM state WHERE key = 'agent'", NULL, 0);
    if (query_next(query)) {
        char *text = query_text(query, 0);
        struct archive archive;
        archive_load_from(&archive, slice_of(text ? text : ""));
        archive_i64(&archive, name, &value);
        free(text);
    }
    query_end(query);
    return query_bound_time(value);
}

/* The configured interval, else the one that the agent last learnt from the log. */
static int64_t interval_of(struct query *query, const struct config *config)
{
    int64_t interval_ms = config->settings.schedule.interval_ms;
    if (interval_ms <= 0)
        interval_ms = gather_agent_number(query, "interval_ms");
    return interval_ms > 0 && interval_ms <= INTERVAL_MOST_DAYS * DAY_MS ? interval_ms : INTERVAL_DEFAULT_MS;
}

static void report_begin(struct report *report, struct query *query, const struct config *config, int64_t now_ms)
{
    report->made_ms = now_ms;
    report->as_of_ms = status_as_of(query, now_ms);
    report->related.as_of_ms = report->earlier.as_of_ms = report->incidents.as_of_ms = report->as_of_ms;
    report->host = config->host ? must_copy(config->host, strlen(config->host)) : NULL;
    report->runbook_base = config->links.runbook_base;
    report->serve_base = config->links.serve;
    report->related.runbook_base = report->earlier.runbook_base = report->incidents.runbook_base =
        config->links.runbook_base;
    report->interval_ms = interval_of(query, config);
    report->interval_learnt = config->settings.schedule.interval_ms <= 0;
    if (report->kind == REPORT_INCIDENT && report->interval_learnt)
        report->interval_ms = gather_interval_before(query, report->incident.onset_ms, report->interval_ms);
    /* Without configured thresholds: 20 and 30 min as in the runbook, or more where the interval is long. */
    int64_t warning_ms = config->settings.detect.lag_warning_ms, critical_ms = config->settings.detect.lag_critical_ms;
    report->lag_warning_ms = warning_ms ? warning_ms : larger(20 * MINUTE_MS, report->interval_ms + 5 * MINUTE_MS);
    report->lag_critical_ms = critical_ms ? critical_ms : larger(30 * MINUTE_MS, 2 * report->interval_ms);
    report->slow_ms = config->settings.detect.cycle_slow_ms;
    report->too_slow_ms = config->settings.detect.cycle_too_slow_ms;
    report->escalation_ms = config->settings.notify.escalation_ms;
}

/* Chart and totals begin early enough to show what was normal, and end late enough to show that it is so again. */
static void window_around(struct report *report)
{
    const struct report_incident *incident = &report->incident;
    report->begin_ms = incident->onset_ms;
    report->end_ms = incident->resolved_ms ? incident->resolved_ms : larger(report->as_of_ms, incident->opened_ms);
    int64_t length = report->end_ms - report->begin_ms;
    int64_t since_ms = report->begin_ms - larger(BEFORE_INTERVALS * report->interval_ms, length / 3);
    /* The window begins at a slot, and a little earlier, because a cycle may start before its slot. */
    report->since_ms = since_ms - since_ms % report->interval_ms - report->interval_ms / 4;
    report->until_ms = report->end_ms + larger(AFTER_INTERVALS * report->interval_ms, length / 6);
    if (report->until_ms > report->as_of_ms)
        report->until_ms = larger(report->as_of_ms, report->end_ms);
}

static void gather_neighbours(struct report *report, struct query *query)
{
    const struct report_incident *incident = &report->incident;
    int64_t overlap[] = { incident->id, report->begin_ms, report->end_ms };
    report_incidents_read(&report->related, query,
                          "WHERE i.id <> ?1 AND i.opened_at <= ?3 AND (i.state = 'open' OR " REPORT_ENDED_SQL " >= ?2)"
                          " ORDER BY i.opened_at, i.id LIMIT 50",
                          overlap, 3);

    /* An alert of lag and one of slow cycles change their names as they worsen. The runbook is no sign: it may be the cause's. */
    int64_t recent[] = { incident->id, incident->opened_ms - RECURRENCE_DAYS * DAY_MS, incident->opened_ms };
    report_incidents_read(&report->earlier, query,
                          "JOIN incident s ON s.id = ?1 WHERE i.id <> ?1 AND i.opened_at >= ?2 AND i.opened_at <= ?3"
                          " AND (i.alert = s.alert"
                          " OR (i.alert LIKE 'IcebergOffloadLag%' AND s.alert LIKE 'IcebergOffloadLag%')"
                          " OR (i.alert LIKE 'IcebergOffloadCycle%' AND s.alert LIKE 'IcebergOffloadCycle%')) ORDER BY "
                          "i.opened_at DESC, i.id DESC",
                          recent, 3);
    for (size_t i = 0; i < report->earlier.count; i++)
        report->earlier_in_day += report->earlier.at[i].opened_ms > incident->opened_ms - DAY_MS;
}

/* One transaction around all queries, so that they see the same state of the history. */
static bool snapshot_begin(struct query *query)
{
    query_ask(query, "BEGIN", NULL, 0);
    query_next(query);
    return !query_failed(query);
}

static bool snapshot_end(struct query *query, struct strbuf *error)
{
    query_end(query);
    sqlite3_exec(query->db, "COMMIT", NULL, NULL, NULL);
    bool good = !query_failed(query);
    strbuf_puts(error, strbuf_text(&query->error));
    strbuf_free(&query->error);
    return good;
}

static bool incident_find(struct report *report, struct query *query, int64_t id)
{
    struct report_incidents found = { 0 };
    const char *where = id ? "WHERE i.id = ?1" : "WHERE ?1 = 0 ORDER BY i.opened_at DESC, i.id DESC LIMIT 1";
    report_incidents_read(&found, query, where, &id, 1);
    bool is_there = found.count > 0;
    if (is_there)
        report->incident = found.at[0];
    free(found.at);
    return is_there;
}

enum report_found report_gather_incident(struct report *report, struct sqlite3 *db, const struct config *config,
                                         int64_t id, int64_t now_ms, struct strbuf *error)
{
    struct query query = { .db = db };
    *report = (struct report){ .kind = REPORT_INCIDENT };
    bool found = snapshot_begin(&query) && incident_find(report, &query, id);
    if (found) {
        report_begin(report, &query, config, now_ms);
        window_around(report);
        gather_neighbours(report, &query);
        gather_cycles(report, &query);
        gather_baseline(report, &query, (size_t)config->settings.detect.min_samples);
        gather_tables(report, &query);
        gather_timeline(report, &query);
        gather_observed(report, &query);
        gather_totals(report);
    }
    if (!snapshot_end(&query, error))
        return REPORT_ERROR;
    return found ? REPORT_FOUND : REPORT_NOTHING;
}

static void gather_period_incidents(struct report *report, struct query *query)
{
    int64_t period[] = { report->since_ms, report->until_ms };
    report_incidents_read(&report->incidents, query,
                          "WHERE i.opened_at < ?2 AND (i.state = 'open' OR " REPORT_ENDED_SQL " >= ?1)"
                          " ORDER BY i.opened_at, i.id",
                          period, 2);
}

enum report_found report_gather_chart(struct report *report, struct sqlite3 *db, const struct config *config,
                                      int64_t since_ms, int64_t until_ms, int64_t now_ms, struct strbuf *error)
{
    struct query query = { .db = db };
    *report = (struct report){
        .kind = REPORT_PERIOD, .since_ms = since_ms, .until_ms = until_ms, .begin_ms = since_ms, .end_ms = until_ms
    };
    if (snapshot_begin(&query)) {
        report_begin(report, &query, config, now_ms);
        gather_period_incidents(report, &query);
        gather_cycles(report, &query);
        gather_baseline(report, &query, (size_t)config->settings.detect.min_samples);
    }
    return snapshot_end(&query, error) ? REPORT_FOUND : REPORT_ERROR;
}

static enum report_found gather_span(struct report *report, enum report_kind kind, struct sqlite3 *db,
                                     const struct config *config, int64_t since_ms, int64_t until_ms, int64_t now_ms,
                                     struct strbuf *error)
{
    struct query query = { .db = db };
    *report = (struct report){
        .kind = kind, .since_ms = since_ms, .until_ms = until_ms, .begin_ms = since_ms, .end_ms = until_ms
    };
    if (snapshot_begin(&query)) {
        report_begin(report, &query, config, now_ms);
        gather_period_incidents(report, &query);
        if (kind == REPORT_PERIOD) {
            gather_cycles(report, &query);
            gather_baseline(report, &query, (size_t)config->settings.detect.min_samples);
            gather_tables(report, &query);
        }
        gather_observed(report, &query);
        gather_totals(report);
    }
    return snapshot_end(&query, error) ? REPORT_FOUND : REPORT_ERROR;
}

enum report_found report_gather_period(struct report *report, struct sqlite3 *db, const struct config *config,
                                       int64_t since_ms, int64_t until_ms, int64_t now_ms, struct strbuf *error)
{
    return gather_span(report, REPORT_PERIOD, db, config, since_ms, until_ms, now_ms, error);
}

enum report_found report_gather_review(struct report *report, struct sqlite3 *db, const struct config *config,
                                       int64_t since_ms, int64_t until_ms, int64_t now_ms, struct strbuf *error)
{
    return gather_span(report, REPORT_REVIEW, db, config, since_ms, until_ms, now_ms, error);
}

int64_t report_lasted_ms(const struct report *report)
{
    return report_incident_lasted_ms(&report->incident, report->end_ms);
}

static void events_free(struct report_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(events[i].kind);
        free(events[i].text);
    }
    free(events);
}

void report_free(struct report *report)
{
    report_incident_free(&report->incident);
    report_incidents_free(&report->related);
    report_incidents_free(&report->earlier);
    report_incidents_free(&report->incidents);
    for (size_t i = 0; i < report->table_count; i++)
        free(report->tables[i].name);
    events_free(report->events, report->event_count);
    events_free(report->shown, report->shown_count);
    for (size_t i = 0; i < report->delivery_count; i++) {
        free(report->deliveries[i].webhook);
        free(report->deliveries[i].status);
        free(report->deliveries[i].last_error);
    }
    for (size_t i = 0; i < report->silence_count; i++)
        free(report->silences[i].reason);
    free(report->host);
    free(report->escalated_to);
    free(report->cycles);
    free(report->tables);
    free(report->missed);
    free(report->deliveries);
    free(report->silences);
    *report = (struct report){ 0 };
}

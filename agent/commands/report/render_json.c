/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/show/acknowledgement.h"
#include "base/json.h"
#include "blocks.h"
#include "review.h"
#include "words.h"

enum { JSON_VERSION = 1 };

static void runbook_fields(struct json_writer *json, const struct report_incident *incident, const char *runbook_base)
{
    struct strbuf url = { 0 };
    json_put_text(json, "scenario", incident->scenario);
    json_put_text(json, "scenario_title", incident->scenario_title);
    json_put_text(json, "runbook", incident->runbook);
    json_put_text(json, "runbook_url", runbook_url(runbook_base, incident->runbook, &url) ? url.at : NULL);
    strbuf_free(&url);
}

static void incident_fields(struct json_writer *json, const struct report_incident *incident, const char *runbook_base,
                            int64_t as_of_ms)
{
    int64_t lead_ms;
    json_put_int(json, "id", incident->id);
    json_put_text(json, "alert", incident->alert_name);
    json_put_text(json, "severity", incident->severity);
    json_put_text(json, "state", incident->open ? "open" : "resolved");
    json_put_text(json, "table", incident->table);
    json_put_made(json, "tables", incident->tables_json ? incident->tables_json : "[]");
    json_put_text(json, "summary", incident->summary);
    json_put_time(json, "onset", incident->onset_ms);
    json_put_time(json, "opened", incident->opened_ms);
    json_put_time(json, "notified", incident->notified_ms);
    json_put_time(json, "critical", incident->critical_ms);
    json_put_time(json, "escalated", incident->escalated_ms);
    json_put_time(json, "resolved", incident->resolved_ms);
    json_put_time(json, "verified", incident->verified_ms);
    json_put_time(json, "prometheus", incident->prometheus_ms);
    json_put_int(json, "detect_ms", elapsed_ms(incident->onset_ms, incident->opened_ms));
    json_put_int(json, "duration_ms", report_incident_lasted_ms(incident, as_of_ms));
    if (incident->resolved_ms)
        json_put_int(json, "recover_ms", report_incident_lasted_ms(incident, as_of_ms));
    else
        json_put_null(json, "recover_ms");
    if (report_incident_lead(incident, &lead_ms))
        json_put_int(json, "lead_ms", lead_ms);
    else
        json_put_null(json, "lead_ms");
    json_put_int(json, "silenced_notifications", incident->silenced);
    show_acknowledgement_json(json, incident->acknowledged_ms, incident->acknowledged_by,
                              incident->acknowledgement_note);
    json_put_text(json, "cause", incident->cause);
    json_put_text(json, "deviations", incident->deviations);
    json_put_text(json, "likely_cause", incident->likely_cause);
    runbook_fields(json, incident, runbook_base);
    json_put_text(json, "first_command", incident->first_command);
    json_put_text(json, "evidence", incident->evidence);
}

static void incident_array(struct json_writer *json, const char *key, const struct report_incidents *list)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < list->count; i++) {
        json_open(json, NULL, '{');
        incident_fields(json, &list->at[i], list->runbook_base, list->as_of_ms);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void delivery_array(struct json_writer *json, const struct report *report, const struct report_event *event)
{
    json_open(json, "deliveries", '[');
    for (size_t i = 0; i < event->delivery_count; i++) {
        const struct report_delivery *delivery = &report->deliveries[event->first_delivery + i];
        json_open(json, NULL, '{');
        json_put_text(json, "webhook", delivery->webhook);
        json_put_text(json, "status", delivery->status);
        json_put_int(json, "attempts", delivery->attempts);
        json_put_time(json, "created", delivery->created_ms);
        json_put_time(json, "delivered", delivery->delivered_ms);
        json_put_text(json, "last_error", delivery->last_error);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void event_array(struct json_writer *json, const struct report *report)
{
    json_open(json, "timeline", '[');
    for (size_t i = 0; i < report->event_count; i++) {
        const struct report_event *event = &report->events[i];
        json_open(json, NULL, '{');
        json_put_time(json, "time", event->at_ms);
        json_put_text(json, "kind", event->kind);
        json_put_text(json, "text", event->text);
        if (event->offset >= 0)
            json_put_int(json, "log_offset", event->offset);
        if (event->mark == MARK_NOTIFIED)
            delivery_array(json, report, event);
        json_close(json, '}');
    }
    json_close(json, ']');
}

/* Who counted rows: empty where there were none. */
static void rows_from_array(struct json_writer *json, const char *key, unsigned rows_from)
{
    json_open(json, key, '[');
    for (int from = ROWS_FROM_LOG; from < ROWS_FROMS; from++)
        if (rows_from & 1U << from)
            json_put_text(json, NULL, rows_from_name((enum rows_from)from));
    json_close(json, ']');
}

static void table_array(struct json_writer *json, const struct report *report)
{
    json_open(json, "tables", '[');
    for (size_t i = 0; i < report->table_count; i++) {
        const struct report_table *table = &report->tables[i];
        json_open(json, NULL, '{');
        json_put_text(json, "table", table->name);
        json_put_int(json, "runs", table->runs);
        json_put_int(json, "succeeded", table->ok);
        json_put_int(json, "failed", table->failed);
        json_put_int(json, "timed_out", table->timed_out);
        json_put_int(json, "aborted", table->aborted);
        json_put_int(json, "rows", table->rows);
        rows_from_array(json, "rows_from", table->rows_from);
        json_put_time(json, "last_success", table->last_success_ms);
        json_put_time(json, "gap_from", table->gap_from_ms);
        json_put_time(json, "gap_until", table->gap_to_ms);
        json_put_int(json, "gap_slots", table->gap_slots);
        json_put_int(json, "catch_up_rows", table->catch_up_rows);
        rows_from_array(json, "catch_up_rows_from", table->catch_up_from);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void cycle_array(struct json_writer *json, const struct report *report)
{
    static const char *const states[] = {
        [CYCLE_GOOD] = "success", [CYCLE_BAD] = "failed", [CYCLE_UNFINISHED] = "running"
    };
    json_open(json, "cycles", '[');
    for (size_t i = 0; i < report->cycle_count; i++) {
        json_open(json, NULL, '{');
        json_put_time(json, "started", report->cycles[i].started_ms);
        json_put_int(json, "duration_ms", report->cycles[i].duration_ms);
        json_put_int(json, "rows", report->cycles[i].rows);
        json_put_text(json, "outcome", states[report->cycles[i].state]);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_open(json, "missed_slots", '[');
    for (size_t i = 0; i < report->missed_count; i++)
        json_put_time(json, NULL, report->missed[i].slot_ms);
    json_close(json, ']');
}

static void baseline_object(struct json_writer *json, const struct report_baseline *baseline)
{
    if (baseline->cycles == 0) {
        json_put_null(json, "baseline");
        return;
    }
    json_open(json, "baseline", '{');
    json_put_int(json, "cycles", baseline->cycles);
    json_put_int(json, "median_ms", baseline->median_ms);
    json_put_int(json, "low_ms", baseline->low_ms);
    json_put_int(json, "high_ms", baseline->high_ms);
    json_close(json, '}');
}

static void totals_object(struct json_writer *json, const struct report *report)
{
    const struct report_totals *totals = &report->totals;
    json_open(json, "totals", '{');
    json_put_int(json, "cycles", totals->cycles);
    json_put_int(json, "good_cycles", totals->good_cycles);
    json_put_int(json, "missed_slots", totals->missed);
    json_put_int(json, "runs", totals->runs);
    json_put_int(json, "good_runs", totals->good_runs);
    json_put_int(json, "rows", totals->rows);
    rows_from_array(json, "rows_from", totals->rows_from);
    json_put_int(json, "cycle_p50_ms", totals->p50_ms);
    json_put_int(json, "cycle_p95_ms", totals->p95_ms);
    json_put_int(json, "cycle_longest_ms", totals->longest_ms);
    json_put_int(json, "cycles_slow", totals->slow);
    json_put_int(json, "cycles_too_slow", totals->too_slow);
    if (report->kind == REPORT_PERIOD) {
        json_put_int(json, "critical_incidents", totals->critical);
        json_put_int(json, "warning_incidents", totals->warning);
        json_put_int(json, "critical_ms", totals->critical_ms);
        json_put_int(json, "unobserved_ms", report->unobserved_ms);
        json_put_int(json, "resolved", totals->resolved);
        json_put_int(json, "recover_mean_ms", totals->recover_mean_ms);
        json_put_int(json, "recover_median_ms", totals->recover_median_ms);
        json_put_int(json, "earlier_than_prometheus", totals->earlier);
        json_put_int(json, "later_than_prometheus", totals->later);
        json_put_int(json, "unseen_by_prometheus", totals->unseen);
        json_put_int(json, "lead_median_ms", totals->lead_median_ms);
        json_put_int(json, "lead_least_ms", totals->lead_least_ms);
    }
    json_close(json, '}');
}

static void inhibited_array(struct json_writer *json, const struct report *report)
{
    json_open(json, "inhibited", '[');
    for (size_t i = 0; i < report->table_count; i++) {
        int64_t warning_ms = report_lag_explained(report, &report->tables[i], report->lag_warning_ms);
        int64_t critical_ms = report_lag_explained(report, &report->tables[i], report->lag_critical_ms);
        if (!warning_ms)
            continue;
        json_open(json, NULL, '{');
        json_put_text(json, "alert", alert_name(critical_ms ? ALERT_LAG_CRITICAL : ALERT_LAG_ELEVATED));
        json_put_text(json, "table", report->tables[i].name);
        json_put_time(json, "since", warning_ms);
        json_put_time(json, "critical", critical_ms);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void facts_array(struct json_writer *json, const char *key, struct facts facts)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < facts.count; i++)
        json_put_text(json, NULL, facts.at[i].value);
    json_close(json, ']');
    facts_free(&facts);
}

static void incident_parts(struct json_writer *json, const struct report *report)
{
    struct strbuf one_line = { 0 };
    const char *how;
    json_open(json, "incident", '{');
    incident_fields(json, &report->incident, report->runbook_base, report->as_of_ms);
    json_close(json, '}');
    one_line_words(report, &one_line);
    json_put_text(json, "one_line", strbuf_text(&one_line));
    strbuf_free(&one_line);
    json_put_int(json, "unobserved_ms", report->unobserved_ms);
    json_put_time(json, "acknowledged", report_acknowledged(report, &how));
    event_array(json, report);
    json_open(json, "silences", '[');
    for (size_t i = 0; i < report->silence_count; i++) {
        json_open(json, NULL, '{');
        json_put_time(json, "from", report->silences[i].starts_ms);
        json_put_time(json, "until", report->silences[i].ends_ms);
        json_put_text(json, "reason", report->silences[i].reason);
        json_close(json, '}');
    }
    json_close(json, ']');
    inhibited_array(json, report);
    incident_array(json, "related", &report->related);
    incident_array(json, "recurrence_30d", &report->earlier);
    facts_array(json, "open_questions", facts_questions(report));
}

static void put_int_or_null(struct json_writer *json, const char *name, bool is_known, int64_t value)
{
    if (is_known)
        json_put_int(json, name, value);
    else
        json_put_null(json, name);
}

static void review_array(struct json_writer *json, const struct report *report)
{
    struct review_row rows[REVIEW_ROWS];
    review_make(report, rows);
    json_open(json, "runbooks", '[');
    for (size_t i = 0; i < REVIEW_ROWS; i++) {
        const struct review_row *row = &rows[i];
        json_open(json, NULL, '{');
        json_put_text(json, "runbook", row->runbook ? row->runbook->file : NULL);
        json_put_text(json, "title", row->runbook ? row->runbook->title : NULL);
        put_int_or_null(json, "promise_least_ms", row->runbook, row->runbook ? row->runbook->least_ms : 0);
        put_int_or_null(json, "promise_most_ms", row->runbook, row->runbook ? row->runbook->most_ms : 0);
        json_put_int(json, "incidents", row->incidents);
        json_put_int(json, "critical", row->critical);
        json_put_int(json, "escalated", row->escalated);
        json_put_int(json, "resolved", row->resolved);
        json_put_int(json, "within_promise", row->kept);
        put_int_or_null(json, "recover_median_ms", row->resolved > 0, row->median_ms);
        put_int_or_null(json, "recover_longest_ms", row->resolved > 0, row->longest_ms);
        json_put_int(json, "without_cause", row->without_cause);
        json_put_int(json, "without_scenario", row->without_scenario);
        json_put_int(json, "with_deviations", row->with_deviations);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void period_parts(struct json_writer *json, const struct report *report)
{
    if (report->kind == REPORT_REVIEW) {
        review_array(json, report);
        facts_array(json, "questions", facts_review_questions(report));
    }
    incident_array(json, "incidents", &report->incidents);
}

void report_json(const struct report *report, struct strbuf *out)
{
    static const char *const kinds[] = {
        [REPORT_INCIDENT] = "incident", [REPORT_PERIOD] = "period", [REPORT_REVIEW] = "review"
    };
    struct json_writer json = { .out = out, .layout = JSON_INDENTED };
    json_open(&json, NULL, '{');
    json_put_int(&json, "version", JSON_VERSION);
    json_put_text(&json, "kind", kinds[report->kind]);
    json_put_text(&json, "host", report->host);
    json_put_time(&json, "since", report->since_ms);
    json_put_time(&json, "until", report->until_ms);
    json_put_time(&json, "as_of", report->as_of_ms);
    json_put_int(&json, "interval_ms", report->interval_ms);
    json_put_int(&json, "cycle_slow_ms", report->slow_ms);
    json_put_int(&json, "cycle_too_slow_ms", report->too_slow_ms);
    baseline_object(&json, &report->baseline);
    if (report->kind == REPORT_INCIDENT)
        incident_parts(&json, report);
    else
        period_parts(&json, report);
    if (report->kind != REPORT_REVIEW) {
        totals_object(&json, report);
        table_array(&json, report);
        cycle_array(&json, report);
    }
    json_close(&json, '}');
}

void report_incidents_json(const struct report_incidents *list, struct strbuf *out)
{
    struct json_writer json = { .out = out, .layout = JSON_INDENTED };
    json_open(&json, NULL, '{');
    json_put_int(&json, "version", JSON_VERSION);
    json_put_time(&json, "as_of", list->as_of_ms);
    incident_array(&json, "incidents", list);
    json_close(&json, '}');
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commands/show/format.h"
#include "agent/commands/status/status.h"
#include "base/budgets.h"
#include "first_line.h"
#include "gather.h"

/* A list of tables that query_text would cut (HISTORY_TEXT_MAX_BYTES) is left out, because half a list is no JSON. */
static const char incident_columns[] =
    "SELECT i.id, i.alert, i.table_name,"
    " CASE WHEN json_valid(i.tables) THEN (SELECT group_concat(value, ', ') FROM json_each(i.tables)) END,"
    " i.severity, i.state = 'open', i.onset_at, i.opened_at, i.critical_at, " REPORT_ENDED_SQL ", i.verified_at,"
    " i.escalated_at, i.prometheus_at,"
    " (SELECT min(n.at) FROM notification n WHERE n.incident_id = i.id AND n.silenced = 0),"
    " (SELECT count(*) FROM notification n WHERE n.incident_id = i.id AND n.silenced <> 0),"
    " i.cause, i.deviations, i.likely_cause, i.scenario, i.runbook, i.first_command, i.evidence, i.summary,"
    " i.scenario_title,"
    " CASE WHEN json_valid(i.tables) AND length(CAST(i.tables AS BLOB)) < 65536 THEN"
    " (SELECT json_group_array(value) FROM json_each(i.tables) WHERE type = 'text') END"
    ", a.at, a.by_name, a.note FROM incident i LEFT JOIN acknowledgement a ON a.id ="
    " (SELECT max(id) FROM acknowledgement WHERE incident_id = i.id AND coalesce(undone_at, 0) = 0) ";

static void incident_read(struct report_incident *incident, struct query *query)
{
    *incident = (struct report_incident){
        .id = query_int(query, 0),
        .alert_name = query_text_or_empty(query, 1),
        .table = query_text(query, 2),
        .tables = query_text(query, 3),
        .severity = query_text_or_empty(query, 4),
        .open = query_int(query, 5) != 0,
        .onset_ms = query_time(query, 6),
        .opened_ms = query_time(query, 7),
        .critical_ms = query_time(query, 8),
        .resolved_ms = query_time(query, 9),
        .verified_ms = query_time(query, 10),
        .escalated_ms = query_time(query, 11),
        .prometheus_ms = query_time(query, 12),
        .notified_ms = query_time(query, 13),
        .silenced = query_count(query, 14),
        .cause = query_text(query, 15),
        .deviations = query_text(query, 16),
        .likely_cause = query_text(query, 17),
        .scenario = query_text(query, 18),
        .runbook = query_text(query, 19),
        .first_command = query_text(query, 20),
        .evidence = query_text(query, 21),
        .summary = query_text(query, 22),
        .scenario_title = query_text(query, 23),
        .tables_json = query_text(query, 24),
        .acknowledged_ms = query_time(query, 25),
        .acknowledged_by = query_text(query, 26),
        .acknowledgement_note = query_text(query, 27),
    };
    /* One that was cut is no JSON any more. */
    if (incident->tables_json && strlen(incident->tables_json) > HISTORY_TEXT_MAX_BYTES - 4) {
        free(incident->tables_json);
        incident->tables_json = NULL;
    }
    incident->alert = alert_from_name(incident->alert_name);
    if (!incident->onset_ms || incident->onset_ms > incident->opened_ms)
        incident->onset_ms = incident->opened_ms;
    if (incident->resolved_ms && incident->resolved_ms < incident->opened_ms)
        incident->resolved_ms = incident->opened_ms;
}

void report_incidents_read(struct report_incidents *list, struct query *query, const char *where, const int64_t *values,
                           size_t count)
{
    struct strbuf sql = { 0 };
    strbuf_printf(&sql, "%s%s", incident_columns, where);
    query_ask(query, strbuf_text(&sql), values, count);
    while (query_next(query)) {
        list->at = list_room(list->at, list->count, sizeof *list->at);
        incident_read(&list->at[list->count++], query);
    }
    strbuf_free(&sql);
}

void report_incidents_choose(struct report_incidents *list, struct query *query, int64_t since_ms, int64_t until_ms,
                             int64_t limit, bool only_open)
{
    const int64_t values[] = { since_ms, until_ms, limit, only_open };
    report_incidents_read(list, query,
                          "WHERE i.opened_at < ?2 AND (i.state = 'open'"
                          " OR (?4 = 0 AND " REPORT_ENDED_SQL " >= ?1)) ORDER BY i.opened_at DESC, i.id DESC LIMIT ?3",
                          values, sizeof values / sizeof values[0]);
}

void report_incident_free(struct report_incident *incident)
{
    char *const owned[] = {
        incident->alert_name,  incident->table,          incident->tables,          incident->severity,
        incident->cause,       incident->deviations,     incident->likely_cause,    incident->scenario,
        incident->runbook,     incident->first_command,  incident->evidence,        incident->summary,
        incident->tables_json, incident->scenario_title, incident->acknowledged_by, incident->acknowledgement_note
    };
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        free(owned[i]);
}

void report_incidents_free(struct report_incidents *list)
{
    for (size_t i = 0; i < list->count; i++)
        report_incident_free(&list->at[i]);
    free(list->at);
}

bool report_incident_is_own(const struct report_incident *incident)
{
    return incident->alert == ALERT_LOG_UNREADABLE || incident->alert == ALERT_NOTIFICATIONS_STUCK;
}

bool report_incident_lead(const struct report_incident *incident, int64_t *lead_ms)
{
    *lead_ms = incident->prometheus_ms - incident->notified_ms;
    return incident->prometheus_ms && incident->notified_ms;
}

int64_t report_incident_expected_ms(const struct report_incident *incident)
{
    return incident->alert < ALERTS ? alert_recovery_ms(incident->alert) : 0;
}

int64_t report_incident_promise_ms(const struct report_incident *incident)
{
    const struct runbook_facts *runbook = runbook_find(incident->runbook);
    return runbook ? runbook->most_ms : report_incident_expected_ms(incident);
}

enum tone report_incident_tone(const struct report_incident *incident)
{
    bool critical = incident->severity && strcmp(incident->severity, "critical") == 0;
    return critical ? TONE_CRITICAL : TONE_WARNING;
}

const char *report_incident_short_name(const struct report_incident *incident)
{
    static const char prefix[] = "IcebergOffload";
    const char *name = incident->alert_name ? incident->alert_name : "?";
    size_t len = sizeof prefix - 1;
    return strncmp(name, prefix, len) == 0 && name[len] ? name + len : name;
}

int64_t report_incident_lasted_ms(const struct report_incident *incident, int64_t as_of_ms)
{
    return incident_lasted_ms(incident->onset_ms, incident->resolved_ms, as_of_ms);
}

const char *report_incident_kind(const struct report_incident *incident)
{
    static const char *const kinds[ALERTS] = {
        [ALERT_CONSECUTIVE_FAILURES] = "failures",
        [ALERT_LAG_ELEVATED] = "lag",
        [ALERT_LAG_CRITICAL] = "lag",
        [ALERT_CYCLE_SLOW] = "slow cycles",
        [ALERT_CYCLE_TOO_SLOW] = "slow cycles",
        [ALERT_WATERMARK_STALE] = "stall",
        [ALERT_SCHEDULER_DOWN] = "scheduler",
        [ALERT_SUCCESS_RATE_LOW] = "failure rate",
        [ALERT_THROUGHPUT_LOW] = "few rows",
        [ALERT_LOG_UNREADABLE] = "log",
        [ALERT_NOTIFICATIONS_STUCK] = "webhooks",
    };
    return incident->alert < ALERTS ? kinds[incident->alert] : report_incident_short_name(incident);
}

const char *report_incident_words(const struct report_incident *incident)
{
    switch (incident->alert) {
    case ALERT_CONSECUTIVE_FAILURES: return "runs failed";
    case ALERT_WATERMARK_STALE: return "no new rows";
    case ALERT_SCHEDULER_DOWN: return "scheduler down";
    case ALERT_SUCCESS_RATE_LOW: return "runs failed now and then";
    case ALERT_THROUGHPUT_LOW: return "fewer rows than usual";
    case ALERT_LOG_UNREADABLE: return "the log could not be read";
    case ALERT_NOTIFICATIONS_STUCK: return "a webhook took nothing";
    default: return report_incident_kind(incident);
    }
}

static size_t tables_count(const struct report_incident *incident)
{
    size_t count = incident->tables && *incident->tables;
    for (const char *at = incident->tables; at && (at = strstr(at, ", ")); at += 2)
        count++;
    return count;
}

/* Where the names of several have no room, their number stands there. */
static void tables_cell(struct show_table *table, const struct report_incident *incident)
{
    struct strbuf brief = { 0 };
    size_t count = tables_count(incident);
    if (count > 1)
        strbuf_printf(&brief, "%zu tables", count);
    show_table_cell_or(table, TONE_PLAIN, incident->tables, brief.at);
    strbuf_free(&brief);
}

static const char *incident_state(const struct report_incident *incident)
{
    if (incident->open)
        return incident->acknowledged_ms ? "open, acked" : "open";
    return incident->verified_ms ? "verified" : "resolved";
}

/* How much earlier people were paged than Prometheus would have paged them, or later. */
static void lead_cell(struct show_table *table, const struct report_incident *incident)
{
    struct strbuf text = { 0 };
    int64_t lead_ms;
    if (report_incident_lead(incident, &lead_ms)) {
        duration_words(lead_ms < 0 ? -lead_ms : lead_ms, &text);
        strbuf_puts(&text, lead_ms < 0 ? " later" : " earlier");
    } else if (incident->notified_ms && !incident->open && !report_incident_is_own(incident)) {
        strbuf_puts(&text, "it would not");
    }
    show_table_cell(table, TONE_PLAIN, strbuf_text(&text));
    strbuf_free(&text);
}

/* To the minute, rounded as in the first line of a page. */
static void incident_put_since(struct strbuf *out, const struct report_incident *incident, int said_offset)
{
    int offset = format_offset(incident->onset_ms);
    format_minute(out, incident->onset_ms + CLOCK_WORDS_ROUND_MS);
    if (offset != said_offset) {
        strbuf_puts(out, " ");
        format_offset_words(out, offset);
    }
}

static void duration_cell(struct show_table *table, const struct report_incident *incident, int64_t as_of_ms)
{
    struct strbuf text = { 0 };
    duration_words(report_incident_lasted_ms(incident, as_of_ms), &text);
    show_table_cell(table, TONE_PLAIN, strbuf_text(&text));
    strbuf_free(&text);
}

struct show_table *report_incidents_table(const struct report_incidents *list, int64_t as_of_ms)
{
    static const struct show_column columns[] = {
        { "Id", ALIGN_RIGHT, 0 },    { "Since", ALIGN_LEFT, 0 },
        { "What", ALIGN_LEFT, 0 },   { "Severity", ALIGN_LEFT, 3 },
        { "State", ALIGN_LEFT, 2 },  { "Duration", ALIGN_RIGHT, 0 },
        { "Tables", ALIGN_LEFT, 0 }, { "Than Prometheus", ALIGN_RIGHT, 4 },
    };
    struct show_table *table = show_table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->count; i++) {
        const struct report_incident *incident = &list->at[i];
        struct strbuf since = { 0 };
        incident_put_since(&since, incident, format_offset(list->at[0].onset_ms));
        show_table_count(table, incident->id);
        show_table_cell(table, TONE_PLAIN, strbuf_text(&since));
        show_table_cell(table, incident->open ? report_incident_tone(incident) : TONE_PLAIN,
                        report_incident_kind(incident));
        show_table_cell(table, report_incident_tone(incident), incident->severity);
        show_table_cell(table, incident->open ? TONE_BOLD : TONE_DIM, incident_state(incident));
        duration_cell(table, incident, as_of_ms);
        tables_cell(table, incident);
        lead_cell(table, incident);
        strbuf_free(&since);
    }
    return table;
}

static void put_paragraph(const struct terminal *terminal, enum tone tone, const char *text, int indent,
                          struct strbuf *out)
{
    struct strbuf escaped = { 0 };
    terminal_escape(terminal, &escaped, text);
    terminal_spaces(out, indent);
    terminal_wrap(terminal, out, tone, strbuf_text(&escaped), indent, indent);
    strbuf_free(&escaped);
}

void report_incidents_list(const struct report_incidents *list, const struct terminal *terminal, int indent,
                           struct strbuf *out)
{
    enum { INDENT = 3 };
    for (size_t i = 0; i < list->count; i++) {
        const struct report_incident *incident = &list->at[i];
        struct strbuf text = { 0 };
        strbuf_printf(&text, "%" PRId64 "  ", incident->id);
        incident_put_since(&text, incident, format_offset(list->at[0].onset_ms));
        strbuf_puts(&text, ", ");
        duration_words(report_incident_lasted_ms(incident, list->as_of_ms), &text);
        strbuf_printf(&text, ", %s", incident_state(incident));
        put_paragraph(terminal, incident->open ? report_incident_tone(incident) : TONE_PLAIN, strbuf_text(&text),
                      indent, out);
        strbuf_clear(&text);
        strbuf_printf(&text, "%s: %s", incident->severity,
                      incident->summary ? incident->summary : report_incident_kind(incident));
        put_paragraph(terminal, TONE_PLAIN, strbuf_text(&text), indent + INDENT, out);
        if (tables_count(incident) > 1)
            put_paragraph(terminal, TONE_DIM, incident->tables, indent + INDENT, out);
        strbuf_free(&text);
    }
}

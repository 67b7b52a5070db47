/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <stdlib.h>
#include <string.h>

#include "agent/commands/show/format.h"
#include "agent/commands/status/status.h"
#include "base/budgets.h"
#include "gather.h"

/* A list of tables that query_text would cut (HISTORY_TEXT_MAX_BYTES) is left out, because half a list is no JSON. */
static const char incident_columns[] =
    "SELECT i.id, i.alert, i.table_name,"
    " CASE WHEN json_valid(i.tables) THEN (SELECT group_concat(value, ', ') FROM json_each(i.tables)) END,"
    " i.severity, i.state = 'open', i.onset_at, i.opened_at, i.critical_at, i.resolved_at, i.verified_at,"
    " i.escalated_at, i.prometheus_at,"
    " (SELECT min(n.at) FROM notification n WHERE n.incident_id = i.id AND n.silenced = 0),"
    " (SELECT count(*) FROM notification n WHERE n.incident_id = i.id AND n.silenced <> 0),"
    " i.cause, i.deviations, i.likely_cause, i.scenario, i.runbook, i.first_command, i.evidence, i.summary,"
    " i.scenario_title,"
    " CASE WHEN json_valid(i.tables) AND length(CAST(i.tables AS BLOB)) < 65536 THEN"
    " (SELECT json_group_array(value) FROM json_each(i.tables) WHERE type = 'text') END"
    " FROM incident i ";

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

void report_incident_free(struct report_incident *incident)
{
    char *const owned[] = { incident->alert_name,  incident->table,         incident->tables,       incident->severity,
                            incident->cause,       incident->deviations,    incident->likely_cause, incident->scenario,
                            incident->runbook,     incident->first_command, incident->evidence,     incident->summary,
                            incident->tables_json, incident->scenario_title };
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

struct show_table *report_incidents_table(const struct report_incidents *list, int64_t as_of_ms)
{
    static const struct show_column columns[] = {
        { "Id", ALIGN_RIGHT, 0 },      { "Opened", ALIGN_LEFT, 0 }, { "Alert", ALIGN_LEFT, 0 },
        { "Severity", ALIGN_LEFT, 2 }, { "State", ALIGN_LEFT, 1 },  { "Took", ALIGN_RIGHT, 0 },
        { "Lead", ALIGN_RIGHT, 3 },    { "Tables", ALIGN_LEFT, 4 },
    };
    struct show_table *table = show_table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->count; i++) {
        const struct report_incident *incident = &list->at[i];
        int64_t lead_ms;
        struct strbuf lead = { 0 };
        show_table_count(table, incident->id);
        show_table_time(table, incident->opened_ms, format_offset(list->at[0].opened_ms));
        show_table_cell(table, incident->open ? report_incident_tone(incident) : TONE_PLAIN,
                        report_incident_short_name(incident));
        show_table_cell(table, report_incident_tone(incident), incident->severity);
        show_table_cell(table, incident->open ? TONE_BOLD : TONE_DIM,
                        incident->open          ? "open"
                        : incident->verified_ms ? "verified"
                                                : "resolved");
        show_table_duration(table, (incident->resolved_ms ? incident->resolved_ms : as_of_ms) - incident->onset_ms);
        if (report_incident_lead(incident, &lead_ms))
            format_duration(&lead, lead_ms);
        else if (incident->notified_ms && !incident->open && !report_incident_is_own(incident))
            strbuf_puts(&lead, "only us");
        show_table_cell(table, TONE_PLAIN, strbuf_text(&lead));
        show_table_cell(table, TONE_PLAIN, incident->tables);
        strbuf_free(&lead);
    }
    return table;
}

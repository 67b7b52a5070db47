/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_INCIDENTS_H
#define COMMANDS_REPORT_INCIDENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/commands/show/query.h"
#include "agent/commands/show/table.h"
#include "incident.h"

/* Incidents as the history keeps them. A time is 0 where the thing has not happened. Strings are owned, and may be NULL. */

struct report_incident {
    int64_t id;
    enum alert alert; /* ALERTS: an alert that this agent does not know */
    char *alert_name, *table, *tables /* in words */, *tables_json, *severity;
    bool open;
    int64_t onset_ms, opened_ms, critical_ms, resolved_ms, verified_ms, escalated_ms, prometheus_ms;
    int64_t notified_ms; /* the first notification that no silence held back */
    int64_t silenced;    /* how many notifications a silence held back */
    char *cause, *deviations, *likely_cause, *first_command, *evidence, *summary;
    char *runbook, *scenario, *scenario_title;
    int64_t acknowledged_ms;                      /* 0: nobody did, likewise the next two */
    char *acknowledged_by, *acknowledgement_note; /* owned */
};

struct report_incidents {
    struct report_incident *at;
    size_t count;
    int64_t as_of_ms;         /* until when the history knows what happened (status_as_of) */
    const char *runbook_base; /* the URL below which the runbooks are found; borrowed; NULL: none */
};

/* Adds the incidents that `where` chooses (SQL on "incident i", with values for ?1, ?2 ...) to the list. An error stays in the query. */
void report_incidents_read(struct report_incidents *list, struct query *query, const char *where, const int64_t *values,
                           size_t count);
/* Those that were open at any time from since_ms on and opened before until_ms, the newest `limit` (-1: all), newest first. */
void report_incidents_choose(struct report_incidents *list, struct query *query, int64_t since_ms, int64_t until_ms,
                             int64_t limit, bool only_open);
void report_incidents_free(struct report_incidents *list);
void report_incident_free(struct report_incident *incident); /* what it owns */

/* An incident of the agent itself is no outage of the pipeline: it has no runbook, and Prometheus does not watch for it. */
bool report_incident_is_own(const struct report_incident *incident);

/* How long it lasts: from its onset to its end, or to as_of_ms while it is open. */
int64_t report_incident_lasted_ms(const struct report_incident *incident, int64_t as_of_ms);

/* How much earlier the agent paged than Prometheus would have; false where one of the two never came. */
bool report_incident_lead(const struct report_incident *incident, int64_t *lead_ms);

/* The longest recovery that the runbook of the alert expects, from which an escalation counts; 0 where it names none. */
int64_t report_incident_expected_ms(const struct report_incident *incident);

/* The longest recovery that the runbook which was named promises, else report_incident_expected_ms. */
int64_t report_incident_promise_ms(const struct report_incident *incident);

/*
 * SQL for the end of an incident i, as report_incident.resolved_ms has it; NULL while it is open. Where a resolved one does not say when it
 * ended, the last moment that is known of it is taken, so that it does not last on.
 */
#define REPORT_ENDED_SQL                                                                                               \
    "CASE WHEN i.state <> 'open' THEN coalesce(nullif(i.resolved_at, 0),"                                              \
    " max(i.opened_at, coalesce(i.critical_at, 0), coalesce(i.escalated_at, 0))) END"

const char *report_incident_short_name(const struct report_incident *incident); /* "SchedulerDown" */
enum tone report_incident_tone(const struct report_incident *incident);

/* What is wrong, in one to three words: "failing runs", "scheduler down"; an alert that this agent does not know by its name. */
const char *report_incident_kind(const struct report_incident *incident);

/* Likewise in a sentence: "scheduler down". */
const char *report_incident_words(const struct report_incident *incident);

/* The list as a table, and as a paragraph for each where a terminal has no room for a table. */
struct show_table *report_incidents_table(const struct report_incidents *list, int64_t as_of_ms);
enum { REPORT_LIST_BELOW_COLUMNS = 72 };
void report_incidents_list(const struct report_incidents *list, const struct terminal *terminal, int indent,
                           struct strbuf *out);
/*
 * As RFC 4180 has it. A spreadsheet takes a cell that begins with = + - @, a tab or a carriage return for a formula, so an apostrophe
 * stands before such a text.
 */
void report_incidents_csv(const struct report_incidents *list, struct strbuf *out);
void report_incidents_json(const struct report_incidents *list, struct strbuf *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_REPORT_H
#define COMMANDS_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "config.h"
#include "incident.h"

/* What a report says, gathered once; formats only show it. Times are 0 where it has not happened. Strings are owned. */

struct report_incident {
    int64_t id;
    enum alert alert; /* ALERTS: one that this agent does not know */
    char *alert_name, *table, *tables /* in words */, *tables_json, *severity;
    bool open;
    int64_t onset_ms, opened_ms, critical_ms, resolved_ms, verified_ms, escalated_ms, prometheus_ms;
    int64_t notified_ms; /* its first notification that was not silenced */
    int64_t silenced;    /* notifications that a silence held back */
    char *cause, *deviations, *likely_cause, *scenario, *runbook, *first_command, *evidence, *summary;
};

struct report_incidents {
    struct report_incident *at;
    size_t count;
};

struct report_cycle {
    int64_t started_ms, ended_ms, duration_ms, rows;
    enum cycle_state { CYCLE_GOOD, CYCLE_BAD, CYCLE_UNFINISHED } state;
};

struct report_table {
    int64_t last_good_ms; /* the end of its newest run that counts */
    char *name;
    int64_t runs, ok, failed, timed_out, aborted, rows;
    int64_t last_success_ms;
    int64_t gap_from_ms; /* the longest stretch without new data, 0 if none */
    int64_t gap_to_ms;   /* 0: it has not ended */
    int64_t gap_slots;   /* scheduled runs in it that brought nothing */
    int64_t catch_up_rows;
};

struct report_missed {
    int64_t slot_ms;
    bool overrun; /* the cycle before it was still running */
};

enum report_mark {
    MARK_NOTE,
    MARK_ONSET,
    MARK_WARNING,
    MARK_CRITICAL,
    MARK_NOTIFIED,
    MARK_PROMETHEUS,
    MARK_GOOD,
    MARK_EVIDENCE
};

struct report_event {
    int64_t at_ms;
    int64_t order;  /* among events of the same instant */
    int64_t offset; /* of the evidence in the log; -1 if none */
    enum report_mark mark;
    char *kind, *text;
    size_t first_delivery, delivery_count;
};

struct report_delivery {
    int64_t notification_id;
    char *webhook, *status, *last_error;
    int64_t attempts, created_ms, delivered_ms;
};

struct report_silence {
    int64_t starts_ms, ends_ms;
    char *reason;
};

struct report_totals {
    int64_t cycles, good_cycles, runs, good_runs, rows;
    int64_t slow, too_slow;             /* cycles over the two thresholds */
    int64_t p50_ms, p95_ms, longest_ms; /* durations of finished cycles */
    int64_t missed;
    int64_t down_ms;           /* within a critical incident, overlaps counted once */
    int64_t critical, warning; /* incidents */
    int64_t resolved, recover_mean_ms, recover_median_ms;
    int64_t led, led_not, never; /* against Prometheus: earlier, later, would not have fired */
    int64_t lead_median_ms, lead_least_ms;
};

/* What a good cycle takes: before the incident, or within the period. */
struct report_usual {
    int64_t low_ms, median_ms, high_ms; /* the median, and two robust standard deviations to both sides */
    int64_t cycles;                     /* that tell so; 0: too few to say */
};

enum report_kind { REPORT_INCIDENT, REPORT_PERIOD };

struct report {
    enum report_kind kind;
    char *host;
    int64_t made_ms;            /* when this report was asked for */
    int64_t now_ms;             /* until when the history knows: made_ms, unless no agent is running */
    int64_t since_ms, until_ms; /* what tables, chart and totals cover */
    int64_t begin_ms, end_ms;   /* of the incident: onset, and recovery or now */
    int64_t interval_ms, slow_ms, too_slow_ms, escalation_ms;
    int64_t lag_warning_ms, lag_critical_ms;
    bool interval_learnt;              /* from today's log: another day's cycles may have kept another one */
    struct report_incident incident;   /* the subject of REPORT_INCIDENT */
    struct report_incidents related;   /* open at the same time */
    struct report_incidents earlier;   /* the same kind within 30 days before */
    struct report_incidents incidents; /* of REPORT_PERIOD */
    int64_t earlier_in_day;
    char *escalate_to;
    struct report_cycle *cycles;
    size_t cycle_count;
    struct report_table *tables;
    size_t table_count;
    struct report_missed *missed;
    size_t missed_count;
    struct report_event *events;
    size_t event_count;
    struct report_delivery *deliveries;
    size_t delivery_count;
    struct report_silence *silences;
    size_t silence_count;
    struct report_totals totals;
    struct report_usual usual;
};

enum report_found { REPORT_FOUND, REPORT_NOTHING, REPORT_ERROR };

struct sqlite3;

/* id 0: the last incident. REPORT_NOTHING if there is no such incident. */
enum report_found report_gather_incident(struct report *report, struct sqlite3 *db, const struct config *config,
                                         int64_t id, int64_t now_ms, struct strbuf *error);
enum report_found report_gather_period(struct report *report, struct sqlite3 *db, const struct config *config,
                                       int64_t since_ms, int64_t until_ms, int64_t now_ms, struct strbuf *error);
void report_free(struct report *report);

/* Parts of the gathering that others share. */
struct query;
/* Until when the history knows what happened. */
int64_t report_as_of(struct query *query, int64_t now_ms);
void report_incident_read(struct report_incident *incident, const struct query *query);
void report_incidents_ask(struct report_incidents *list, struct query *query, const char *where, const int64_t *values,
                          size_t count);
void report_incidents_free(struct report_incidents *list);
void report_gather_cycles(struct report *report, struct query *query);
void report_gather_tables(struct report *report, struct query *query);
void report_gather_story(struct report *report, struct query *query);
/* The schedule that the cycles before that instant kept, or behind cycle number `index`; else the interval that is given. */
int64_t report_interval_before(struct query *query, int64_t at_ms, int64_t interval_ms);
int64_t report_interval_around(const struct report *report, size_t index);
/* least: of how many cycles at least. */
void report_gather_usual(struct report *report, struct query *query, size_t least);
void report_total(struct report *report);
int report_compare_ms(const void *left, const void *right); /* of int64_t, for qsort */

/* Whether it is a trouble of the agent's own: no outage, no runbook, and nothing that Prometheus watches. */
bool report_is_own(const struct report_incident *incident);

/* When somebody first silenced what was open: a sign that it was seen; 0 if nobody did. */
int64_t report_acknowledged(const struct report *report);

/* Since when the table's lag was over that threshold without a page of its own, because this incident explained it; 0: it was not. */
int64_t report_lag_under(const struct report *report, const struct report_table *table, int64_t threshold_ms);

/* Prometheus's instant minus ours; false where one of the two is missing. */
bool report_lead(const struct report_incident *incident, int64_t *lead_ms);

struct terminal;
void report_text(const struct report *report, const struct terminal *terminal, struct strbuf *out);
void report_markdown(const struct report *report, struct strbuf *out);
bool report_json(const struct report *report, struct strbuf *out, struct strbuf *error);
void report_html(const struct report *report, struct strbuf *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_REPORT_H
#define COMMANDS_REPORT_REPORT_H

#include "config.h"
#include "event.h"
#include "incidents.h"

/*
 * What a report is about, read from the history once; the renderers only show it. A time is 0 where the thing has not happened.
 * Strings are owned.
 */

struct report_cycle {
    int64_t started_ms, ended_ms, duration_ms, rows;
    enum cycle_state { CYCLE_GOOD, CYCLE_BAD, CYCLE_UNFINISHED } state;
};

struct report_table {
    char *name;
    int64_t runs, ok, failed, timed_out, aborted, rows;
    int64_t last_success_ms;
    int64_t last_moved_ms; /* the end of the newest run that brought data */
    int64_t gap_from_ms;   /* the longest stretch without new data; 0: none */
    int64_t gap_to_ms;     /* 0: the stretch has not ended */
    int64_t gap_slots;     /* scheduled runs in it that brought nothing */
    int64_t catch_up_rows; /* the rows that ended it */
    unsigned rows_from;    /* who counted the rows, and those that ended the gap: 1 << enum rows_from, added up */
    unsigned catch_up_from;
};

/* Whether such a set has others than the log. */
static inline bool report_has_witness(unsigned rows_from)
{
    return rows_from >> (ROWS_FROM_LOG + 1) != 0;
}

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
    MARK_EVIDENCE,
    MARK_ACKNOWLEDGED /* its text goes on: "by ada: on it" */
};

/* One entry of the incident's timeline. */
struct report_event {
    int64_t at_ms;
    int64_t order;  /* among events of the same instant */
    int64_t offset; /* of the evidence in the log, in bytes; -1: none */
    enum report_mark mark;
    char *kind, *text;
    size_t first_delivery, delivery_count; /* of MARK_NOTIFIED, in the report's deliveries */
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
    unsigned rows_from; /* likewise, of all tables */
    int64_t cycles, good_cycles, runs, good_runs, rows;
    int64_t slow, too_slow;    /* cycles over the two thresholds */
    int64_t p50_ms, p95_ms;    /* durations of finished cycles */
    int64_t longest_ms;        /* of all: a running one may be slow already */
    int64_t missed;            /* slots */
    int64_t critical_ms;       /* observed time within critical incidents of the pipeline, overlaps counted once */
    int64_t critical, warning; /* incidents */
    int64_t resolved, recover_mean_ms, recover_median_ms;
    int64_t earlier, later, unseen; /* pages before and after Prometheus's, and those that it would not have sent */
    int64_t lead_median_ms, lead_least_ms;
};

/* What a good cycle takes, told by the cycles before the incident or within the period. */
struct report_baseline {
    int64_t low_ms, median_ms, high_ms; /* the median, and two robust standard deviations to both sides */
    int64_t cycles;                     /* how many told so; 0: too few to say */
};

enum report_kind { REPORT_INCIDENT, REPORT_PERIOD, REPORT_REVIEW };

struct report {
    enum report_kind kind;
    char *host;
    const char *runbook_base;   /* the configuration's, which outlives the report; NULL: none */
    const char *serve_base;     /* likewise: how people reach `agent serve` */
    int64_t made_ms;            /* when this report was asked for */
    int64_t as_of_ms;           /* until when the history knows: made_ms, unless no agent is running */
    int64_t since_ms, until_ms; /* what tables, chart and totals cover */
    int64_t begin_ms, end_ms;   /* of the incident: its onset, and its recovery or as_of_ms */
    int64_t unobserved_ms;      /* the time from begin_ms to end_ms of which the history knows nothing */
    int64_t log_unread_ms;      /* that part of it in which the log could not be read */
    int64_t history_begins_ms;  /* the first moment that the history knows of; 0: none */
    int64_t interval_ms, slow_ms, too_slow_ms, escalation_ms;
    int64_t lag_warning_ms, lag_critical_ms;
    bool interval_learnt; /* from the log as it is now: the cycles of an earlier day may have kept another interval */
    struct report_incident incident;   /* of REPORT_INCIDENT */
    struct report_incidents related;   /* open at the same time */
    struct report_incidents earlier;   /* the same kind within 30 days before */
    struct report_incidents incidents; /* of REPORT_PERIOD and REPORT_REVIEW */
    int64_t earlier_in_day;            /* how many of `earlier` are within 24 hours before */
    char *escalated_to;
    struct report_cycle *cycles;
    size_t cycle_count;
    struct report_table *tables;
    size_t table_count;
    struct report_missed *missed; /* the first ones; totals.missed counts all */
    size_t missed_count;
    struct report_event *events;
    size_t event_count;
    struct report_event *shown; /* what people are shown of them: without what tells nothing, and what repeats once */
    size_t shown_count;
    struct report_delivery *deliveries;
    size_t delivery_count;
    struct report_silence *silences;
    size_t silence_count;
    struct report_totals totals;
    struct report_baseline baseline;
};

enum report_found { REPORT_FOUND, REPORT_NOTHING, REPORT_ERROR };

/* Incident number id, or the last one if id is 0. REPORT_NOTHING if there is no such incident. */
enum report_found report_gather_incident(struct report *report, struct sqlite3 *db, const struct config *config,
                                         int64_t id, int64_t now_ms, struct strbuf *error);
enum report_found report_gather_period(struct report *report, struct sqlite3 *db, const struct config *config,
                                       int64_t since_ms, int64_t until_ms, int64_t now_ms, struct strbuf *error);
/* The incidents of a period by their runbooks. */
enum report_found report_gather_review(struct report *report, struct sqlite3 *db, const struct config *config,
                                       int64_t since_ms, int64_t until_ms, int64_t now_ms, struct strbuf *error);
/* Only what the chart of a period needs. */
enum report_found report_gather_chart(struct report *report, struct sqlite3 *db, const struct config *config,
                                      int64_t since_ms, int64_t until_ms, int64_t now_ms, struct strbuf *error);
void report_free(struct report *report);

void report_text(const struct report *report, const struct terminal *terminal, struct strbuf *out);
void report_markdown(const struct report *report, struct strbuf *out);
void report_html(const struct report *report, struct strbuf *out);
/* Likewise, as a page of `agent serve`. */
void report_html_served(const struct report *report, struct strbuf *out);
/* The chart of the cycles as a piece of a page, with its key and its numbers. */
void report_chart_html(const struct report *report, struct strbuf *out);
void report_json(const struct report *report, struct strbuf *out);

/*
 * When somebody first acknowledged the open incident or silenced it, which shows that it was seen; 0 if nobody did. *how: in words, or "by a
 * silence"; it belongs to the report.
 */
int64_t report_acknowledged(const struct report *report, const char **how);

/* How long the incident lasts, from its onset. */
int64_t report_lasted_ms(const struct report *report);

/* Since when the table's lag was over that threshold without a page of its own, because this incident explained it; 0: it was not. */
int64_t report_lag_explained(const struct report *report, const struct report_table *table, int64_t threshold_ms);

#endif

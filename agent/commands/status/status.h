/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_STATUS_STATUS_H
#define COMMANDS_STATUS_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "base/time_words.h"
#include "blind.h"
#include "config.h"
#include "history.h"
#include "witness.h"

/* What the health check found. Times are Unix time in milliseconds, 0 where unknown. Strings are owned, NULL where unknown. */

/* The numbers are the exit codes of monitoring plugins. */
enum status_level { STATUS_OK, STATUS_WARNING, STATUS_CRITICAL, STATUS_UNKNOWN };

enum status_agent { AGENT_NEVER, AGENT_STOPPED, AGENT_RUNNING };

struct status_lag {
    char *table;
    int64_t last_success_ms; /* 0: none in the cycles that were looked at */
    int64_t lag_ms;          /* since then, at status.as_of_ms; 0 if there was none */
    enum status_level level;

    /* Of the newest run about which witnesses answered; answered_ms 0: there is none, and the rest is not known. */
    int64_t answered_ms, rows, watermark_ms;
    int64_t witnessed_rows;       /* -1: some, and not how many; STATUS_NOT_KNOWN */
    int64_t ahead_ms;             /* by how much the source is newer than the watermark; STATUS_NOT_KNOWN */
    int64_t nothing_new_since_ms; /* the run moved no rows because the source had none since then; 0: not so */
    enum rows_from rows_from;     /* who counted the rows */
};

enum { STATUS_NOT_KNOWN = -2 };

struct status_witness {
    char *name, *state, *words;
    int64_t said_ms;  /* 0: it was not asked yet */
    int64_t since_ms; /* since when it is in that state */
    bool is_live;     /* the command has just asked it */
};

struct status_cycle {
    int64_t started_ms, duration_ms, rows, succeeded, failed, timed_out;
    char *outcome;
};

struct status_incident {
    int64_t id, onset_ms, opened_ms;
    int64_t acknowledged_ms; /* 0: nobody did, likewise the next two */
    char *acknowledged_by, *acknowledgement_note;
    char *alert, *severity, *summary, *likely_cause, *tables, *first_command, *runbook, *scenario, *scenario_title;
};

/* A silence or a window of the configuration that is in force. */
struct status_silence {
    int64_t id;   /* 0: a window */
    char *window; /* its name; NULL: a silence */
    int64_t begins_ms;
    int64_t ends_ms;       /* 0: a window that has no end */
    char *alerts, *tables; /* globs, parted by commas; NULL: all */
    enum severity most;
    char *words, *reason;
};

struct status_webhook {
    char *name, *last_error;
    char *refresh_error; /* why an Alertmanager could not be told again what is open; NULL: it could */
    int64_t pending, refused, last_success_ms,
        last_error_ms /* when the notification with the last error was created */, oldest_pending_ms;
};

struct status {
    int64_t now_ms;
    int64_t as_of_ms; /* until when the history knows: now, or see status_as_of; all ages count to then */
    enum status_level level;
    struct strbuf why; /* the reasons for the level, in words */

    enum status_agent agent;
    bool is_replay; /* a replay filled the history, and no agent ever ran on it */
    int64_t pid, started_ms, alive_ms, writer, last_line_ms, next_run_ms, interval_ms, behind_bytes;
    int64_t lines, events, misses, limit_hits, stray_lines, commit_failures;
    int64_t lag_warning_ms, lag_critical_ms, cycle_slow_ms, cycle_too_slow_ms;
    struct history_trouble trouble; /* what keeps a running agent from writing the history; failures 0: nothing */
    char *log_path;
    bool understood;                /* any line of the log, ever */
    char *blindness[BLIND_REASONS]; /* why the agent is blind for a reason; NULL: it is not */
    char **blind;
    size_t blind_count;

    struct status_lag *lags;
    size_t lag_count;
    struct status_witness *witnesses;
    size_t witness_count;
    struct status_cycle *cycles; /* the last three, newest first */
    size_t cycle_count;
    int64_t errors; /* failed runs within the last hour */
    int64_t last_error_ms;
    char *last_error_table, *last_error_outcome, *last_error;
    int64_t open_incidents, open_critical;
    struct status_incident *incidents; /* those that are open, critical ones first, STATUS_INCIDENTS_MAX at the most */
    size_t incident_count;
    struct status_silence *silences; /* those in force, windows first, STATUS_SILENCES_MAX at the most */
    size_t silence_count;
    struct status_webhook *webhooks;
    size_t webhook_count;
    const char *runbook_base;    /* the configuration's; NULL: none */
    const struct probes *probes; /* asked already, borrowed; NULL: none is configured */
};

struct sqlite3;
/* Returns false on failure, with the reason in *error. Free the status with status_free in any case. */
bool status_gather(struct status *status, struct sqlite3 *db, const struct config *config, const struct probes *probes,
                   int64_t now_ms, struct strbuf *error);
void status_free(struct status *status);
/* gather_witnesses.c, for status_gather and status_free alone. The tables were gathered before. */
struct query;
void status_gather_witnesses(struct status *status, struct query *query);
void status_gather_answers(struct status *status, struct query *query);
void status_free_witnesses(struct status *status);
/* gather_silences.c, likewise. */
void status_gather_silences(struct status *status, struct query *query, const struct config *config);
void status_free_silences(struct status *status);
/* The one of those in force that holds back everything for the longest; NULL if none holds back everything. */
const struct status_silence *status_full_silence(const struct status *status);
/* Sets level and why from the other fields. */
void status_judge(struct status *status);
/* Something has waited for long, was refused, or cannot be told again. */
bool status_webhook_is_stuck(const struct status *status, const struct status_webhook *webhook);
/* An open incident in one line, with how long it lasts, its number and severity. */
void status_incident_line(const struct status *status, const struct status_incident *incident, struct strbuf *out);
const char *status_level_name(enum status_level level); /* "OK", "WARNING", "CRITICAL", "UNKNOWN" */

/*
 * Until when the history knows what happened: now while its agent runs, else the last moment that is in it: the last sign of life of its
 * agent, the newest cycle or entry of a timeline, or the end of the replay that filled it.
 */
struct query;
int64_t status_as_of(struct query *query, int64_t now_ms);

/* Tells whether the agent that stored this pid and start still runs. One that a signal has stopped does not, nor does a zombie. */
enum status_agent status_probe_agent(int64_t pid, int64_t started_ms);

struct terminal;
void status_headline(const struct status *status, struct strbuf *out);
void status_text(const struct status *status, const struct terminal *terminal, struct strbuf *out);
void status_json(const struct status *status, struct strbuf *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_H
#define INCIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity { SEVERITY_NONE, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITIES };

enum alert { /* the core saves them as numbers: new ones come last */
             ALERT_CONSECUTIVE_FAILURES,
             ALERT_LAG_ELEVATED,
             ALERT_LAG_CRITICAL,
             ALERT_CYCLE_SLOW,
             ALERT_CYCLE_TOO_SLOW,
             ALERT_WATERMARK_STALE,
             ALERT_SCHEDULER_DOWN,
             ALERT_SUCCESS_RATE_LOW,
             ALERT_THROUGHPUT_LOW,
             ALERT_LOG_UNREADABLE, /* the agent's own, like the next */
             ALERT_NOTIFICATIONS_STUCK,
             ALERTS
};

enum notification_status { NOTIFY_FIRING, NOTIFY_ESCALATED, NOTIFY_REMINDER, NOTIFY_RESOLVED };

/* The likely cause of an incident, and what to do first. Each may be NULL. */
struct cause {
    const char *words;    /* "ClickHouse unreachable (connection refused)" */
    const char *scenario; /* "1/2": runbook and scenario */
    const char *first_command;
    const char *runbook;     /* "iceberg-offload-failure.md"; NULL: the alert's own */
    const char *title;       /* of the scenario: "ClickHouse connectivity failure" */
    const char *escalate_to; /* NULL: whom the incident's kind names */
    const char *id; /* of the trouble, whatever words tell it: "clickhouse-unreachable"; NULL where it is not known */
};

/* What the core knows of an incident; pointers live until the call that handed it out returns. */
struct incident {
    int64_t id;             /* 1, 2, 3 ... within one history */
    enum alert alert;       /* its name now: A becomes B as it worsens, the id stays */
    enum severity severity; /* the worst so far */
    bool open;
    const char *table;         /* the table that opened it, or NULL */
    const char *const *tables; /* every table in it, sorted */
    size_t table_count;
    int64_t
        onset_ms; /* the last moment when all was well: the last right event, or the first wrong one where none is known */
    int64_t opened_ms;
    int64_t critical_ms; /* 0 where it has not happened, likewise below */
    int64_t resolved_ms;
    int64_t verified_ms;
    int64_t escalated_ms;
    int64_t acknowledged_ms; /* when somebody acknowledged it; 0 also if that was taken back */
    int64_t prometheus_ms;   /* when the Prometheus alert would have fired as meant */
    const char *summary;     /* its first line, without what runs on (first_line.h) */
    struct cause cause;
    const char *evidence; /* the line that decided it, or NULL */
};

/* Who is told. */
enum hearing {
    HEARD_BY_ALL,
    HEARD_BY_KEEPERS, /* receivers that keep an incident open until they are told its end, and nobody else */
    HEARD_BY_NONE,    /* for the record only: a silence is in force */
    /*
     * One message of a group that is told as one, because people were told much within the hour. The receivers that keep incidents open get
     * it, and those with a route, which may be meant for one of the group only; everybody else gets the one message that follows the group
     * and names its incidents, which is HEARD_AS_COMBINED.
     */
    HEARD_IN_COMBINED,
    HEARD_AS_COMBINED
};

struct notification {
    int64_t time_ms; /* the agent's clock when it decided */
    enum notification_status status;
    enum severity severity;
    enum alert alert;        /* may differ from the incident's by the time it is sent */
    int64_t sequence;        /* 1, 2, 3 ... within the incident */
    const char *summary;     /* of this notification */
    const char *escalate_to; /* whom, for NOTIFY_ESCALATED; else NULL */
    enum hearing hearing;
    const struct incident *incident;
};

/* What somebody said about an incident with `agent ack`. Strings are borrowed. */
struct acknowledgement {
    int64_t id; /* 1, 2, 3 ... within one history */
    int64_t incident_id;
    int64_t at_ms;
    const char *by, *note; /* note: NULL for none */
    int64_t undone_ms;     /* when it was taken back; 0: it holds */
    const char *undone_by; /* NULL: it holds, or nobody knows */
};

/* A fact of an incident's story. */
struct timeline_entry {
    int64_t incident_id;
    int64_t at_ms;
    int64_t offset;   /* of the evidence in the log; -1 if none */
    const char *kind; /* opened, escalated, joined, evidence, notified, acknowledged, resolved, verified, note */
    const char *text;
};

/* What a rule decided. NOTHING: it fires not. WARNING, CRITICAL: it fires. The others are what then happened to an incident. */
enum verdict {
    VERDICT_NOTHING,
    VERDICT_WARNING,
    VERDICT_CRITICAL,
    VERDICT_OPENED,
    VERDICT_JOINED,
    VERDICT_APART, /* an incident of the same kind is open, and the table did not join it */
    VERDICT_HELD,  /* it is not told, or not ended, now */
    VERDICT_ENDED,
    VERDICTS
};

/* A judgement of a rule, and the numbers that it compared. */
struct judgement {
    int64_t time_ms;
    const char *rule;  /* "slow", "stall" ... */
    const char *table; /* or NULL */
    enum verdict verdict;
    const char *text;
};

const char *alert_name(enum alert alert);     /* "IcebergOffloadConsecutiveFailures" */
enum alert alert_from_name(const char *name); /* ALERTS for NULL and for a name that this agent does not know */
/* True if the alert's name, with or without "IcebergOffload", matches the glob; and if any alert's does. */
bool alert_matches(const char *glob, enum alert alert);
bool alert_glob_is_known(const char *glob);
const char *alert_runbook(enum alert alert); /* "iceberg-offload-failure.md", or NULL */

/* One of the platform's runbooks, with the recovery times that its index promises. */
struct runbook_facts {
    int number;
    const char *file, *title; /* "iceberg-offload-failure.md", "Offload Failure" */
    int64_t least_ms, most_ms;
};

enum { RUNBOOKS = 5 };
const struct runbook_facts *runbook_facts(size_t index);    /* from 0 on; NULL behind the last */
const struct runbook_facts *runbook_find(const char *file); /* NULL if it is none of them, and for NULL */

/*
 * Adds a place in a runbook as people read it: "iceberg-offload-failure.md, scenario 2: ClickHouse connectivity failure". runbook: the file;
 * nothing is added for NULL. scenario: "1/2"; the file stands alone for "1". title may be NULL.
 */
struct strbuf;
void runbook_words(const char *runbook, const char *scenario, const char *title, struct strbuf *out);
/* Adds only "scenario 2: ClickHouse connectivity failure"; false if no scenario is named. */
bool scenario_words(const char *scenario, const char *title, struct strbuf *out);
/* Adds the address of the runbook's file below base. False if base is NULL, or the file has no plain name. */
bool runbook_url(const char *base, const char *runbook, struct strbuf *out);
/* That of its cause, else that of its alert; NULL: none. */
const char *incident_runbook(const struct incident *incident);
int64_t alert_recovery_ms(enum alert alert);       /* the runbook's expected recovery, upper end; 0: no runbook */
const char *severity_name(enum severity severity); /* "none", "warning", "critical" */
const char *verdict_name(enum verdict verdict);    /* "nothing", "warning", "critical", "opened" ... */
const char *
notification_status_name(enum notification_status status); /* "firing", "escalated", "reminder", "resolved" */

#endif

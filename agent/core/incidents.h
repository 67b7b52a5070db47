/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "incident.h"

struct engine;
struct table;

/* What went wrong, whatever its alert is called by now. Saved as numbers: new ones come last. */
enum family {
    FAMILY_FAILURES,
    FAMILY_LAG,
    FAMILY_SLOW,
    FAMILY_STALE,
    FAMILY_DOWN,
    FAMILY_CRASH_LOOP,
    FAMILY_SUCCESS_RATE,
    FAMILY_THROUGHPUT,
    FAMILY_LOG,
    FAMILY_DELIVERY,
    FAMILIES
};

enum { NOTIFICATIONS_AN_HOUR = 6, OPENINGS_KEPT = 4 };

struct member {
    size_t table; /* index */
    bool bad;     /* still; false once it recovered */
};

/* What was last said of an incident. */
struct said {
    bool firing; /* anything at all */
    bool resolved;
    enum severity severity;
    enum alert alert;
};

struct tracked {
    struct incident facts; /* strings and the table list are owned; tables points at names of the engine */
    enum family family;
    struct member *members;
    size_t member_count;
    struct said told;    /* to people */
    struct said noted;   /* to people, or under a silence to the history alone */
    bool escalation_due; /* wanted for recurrence, not by the clock */
    int64_t first_told_ms;
    int64_t reminded_ms; /* the newest firing or reminder */
    int64_t sequence;
    int64_t good_cycles;       /* since it was resolved */
    int64_t prometheus_due_ms; /* 0: not in sight */
    int64_t evidence_count;
    char *what; /* owned */
};

struct pool {
    struct tracked **incidents; /* open ones, and resolved ones that are not verified yet; by id */
    size_t count, room;
    int64_t last_id;
    int64_t sent_ms[NOTIFICATIONS_AN_HOUR]; /* the newest notifications, oldest first */
    size_t sent_count;
    int64_t openings[FAMILIES][OPENINGS_KEPT]; /* the newest of each kind, oldest first, 0 for none */
};

/* What a detector wants said. cause and what follows may be NULL; all are copied. */
struct complaint {
    enum family family;
    enum severity severity;
    struct table *table; /* or NULL */
    int64_t onset_ms;
    const char *what; /* in words, as things stand; without the table's name */
    const char *cause, *scenario, *first_command, *evidence;
};

/*
 * Opens an incident, lets the table join one that shares its onset, or worsens the one it is in; tells what is new. Never
 * makes an incident milder. Returns it.
 */
struct tracked *pool_raise(struct engine *engine, const struct complaint *complaint);

/* The table (or, if NULL, the incident of the family) is well again; the incident is resolved when all its tables are. */
void pool_clear(struct engine *engine, enum family family, struct table *table);

/* The open incident of a family that has the table as a bad member (NULL: any of the family). */
struct tracked *pool_find(const struct engine *engine, enum family family, const struct table *table);

/* The same incident goes on under another family, since another runbook applies now. */
void pool_turn_into(struct engine *engine, struct tracked *tracked, const struct complaint *complaint);

void pool_set_cause(struct engine *engine, struct tracked *tracked, const char *cause, const char *scenario,
                    const char *first_command);
void pool_note(struct engine *engine, struct tracked *tracked, const char *kind, const char *text);
/* The line being read, as evidence. */
void pool_evidence(struct engine *engine, struct tracked *tracked);
void pool_changed(struct engine *engine, struct tracked *tracked);
void pool_retell(const struct engine *engine);
void pool_drop(struct engine *engine, size_t index);
/* A new one, all zero; and its tables: for loading as well. */
struct tracked *pool_add(struct engine *engine);
void pool_add_member(const struct engine *engine, struct tracked *tracked, const struct table *table);
void pool_list_tables(const struct engine *engine, struct tracked *tracked);
/* pool_archive.c */
void pool_archive(struct engine *engine, struct archive *archive);
void pool_free(struct engine *engine);

/* announce.c: says what changed since the last time, if it may be said now. */
void announce_change(struct engine *engine, struct tracked *tracked);
void announce_all(struct engine *engine);

/* describe.c: the summary for a notification at this time, and durations in words ("45 s", "31 min", "2 h 05 min"). */
void describe(const struct tracked *tracked, enum notification_status status, int64_t now_ms, struct strbuf *out);
void describe_duration(int64_t duration_ms, struct strbuf *out);

/* prometheus.c: when the alert would have fired as meant, once what it needs is known. */
void prometheus_failure(struct tracked *tracked, int64_t third_failure_ms);
void prometheus_lag(struct tracked *tracked, int64_t last_success_ms);
void prometheus_slow(struct tracked *tracked, int64_t completed_ms, int64_t duration_ms, int64_t slow_ms,
                     int64_t too_slow_ms);
void prometheus_stale(struct tracked *tracked, int64_t last_move_ms);
void prometheus_down(struct tracked *tracked, int64_t death_ms);
/* Its time if it had fired by then, else 0. */
int64_t prometheus_time(const struct tracked *tracked, int64_t by_ms);

/* cause.c: what a failure's text points at (domain: runbook and scenario). */
struct cause {
    const char *words;    /* "ClickHouse unreachable" */
    const char *scenario; /* "1/2" */
    const char *first_command;
};
struct cause cause_of_failure(const char *text, int64_t exit_code, bool timed_out);

#endif

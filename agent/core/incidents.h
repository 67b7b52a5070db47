/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_INCIDENTS_H
#define CORE_INCIDENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "incident.h"
#include "kinds.h"
#include "moment.h"
#include "schedule.h"
#include "tables.h"

/*
 * The life of incidents: they open, tables join them, they worsen, they are resolved, and good cycles verify that. One cause is one
 * incident. What people are told of it is decided elsewhere (announce.c).
 */

/* What a detector has found. It is copied. */
struct finding {
    enum incident_kind kind;
    enum severity severity;
    const struct table *table; /* or NULL */
    int64_t onset_ms;
    const char *what; /* in words, as things stand; without the table's name */
    struct cause cause;
    const char *evidence; /* NULL: the line that is being read */
};

struct member {
    size_t table; /* index */
    bool bad;     /* false once it has recovered */
};

/* What was last said of an incident. */
struct said {
    bool firing; /* anything at all */
    bool resolved;
    enum severity severity;
    enum alert alert;
};

/* What announce.c remembers of an incident; it is saved with it. */
struct telling {
    struct said told;  /* to people */
    struct said noted; /* to people, or under a silence to the history alone */
    int64_t first_told_ms;
    int64_t reminded_ms; /* the newest firing or reminder */
    int64_t sequence;
};

struct incident_record {
    struct incident
        incident; /* times are the engine's; strings and the list of tables are owned, the names in it are the tables' */
    enum incident_kind kind;
    struct member *members;
    size_t member_count;
    bool escalation_due;       /* because it recurs, whatever the clock says */
    int64_t good_cycles;       /* since it was resolved */
    int64_t prometheus_due_ms; /* 0: not in sight */
    int64_t evidence_count;
    char *what; /* owned */
    struct telling telling;
};

/* Who is told of changes. Times are the engine's. The record's life and state are the incidents'; only its telling may be changed. */
struct incidents_sink {
    void *ctx;
    void (*incident)(void *ctx, const struct incident *incident);
    void (*timeline)(void *ctx, const struct timeline_entry *entry);
    void *announce_ctx;
    void (*changed)(void *announce_ctx, struct incident_record *record); /* there may be news for people */
    bool (*is_unsaid)(void *announce_ctx, const struct incident_record *record);
};

enum { OPENINGS_KEPT = 4 };

struct incidents {
    const struct moment *moment;
    const struct schedule *schedule;
    struct incidents_sink sink;
    struct incident_record **records; /* open ones, and resolved ones that are not verified yet; by id */
    size_t count, room;
    int64_t last_id;
    int64_t openings[KINDS][OPENINGS_KEPT]; /* the newest of each kind, oldest first, 0 for none */
};

/*
 * Opens an incident, lets the table join one that shares its onset, or worsens the one that it is in. It never makes an incident milder.
 * Returns the incident, which stays valid until it is verified or forgotten.
 */
struct incident_record *incidents_raise(struct incidents *incidents, const struct finding *finding);

/* The table (NULL: whatever has this kind of incident) is well again; the incident is resolved when all its tables are. */
void incidents_clear(struct incidents *incidents, enum incident_kind kind, const struct table *table);

/* The open incident of a kind in which the table is not well (NULL: any of the kind); NULL if there is none. */
struct incident_record *incidents_find(const struct incidents *incidents, enum incident_kind kind,
                                       const struct table *table);

/* The same incident goes on as another kind and critical, because another runbook applies now. */
void incidents_turn_into(struct incidents *incidents, struct incident_record *record, const struct finding *finding);

/* A cause without words changes nothing. */
void incidents_set_cause(struct incidents *incidents, struct incident_record *record, struct cause cause);
/* Somebody else must look at it, because it recurs. */
void incidents_escalate(struct incident_record *record);
/* An entry of its timeline. */
void incidents_note(struct incidents *incidents, const struct incident_record *record, const char *kind,
                    const char *text);
/* The same for every open incident with this id or a higher one. */
void incidents_note_open(struct incidents *incidents, int64_t from_id, const char *kind, struct slice text);
/* The line that is being read goes into its timeline, unless that holds many lines already. */
void incidents_note_line(struct incidents *incidents, struct incident_record *record);
/* Its facts changed: the history gets them. */
void incidents_store(struct incidents *incidents, struct incident_record *record);
/* Hands every incident to the history once more. */
void incidents_retell(const struct incidents *incidents);

/* A cycle that began at started_ms has completed. Three good ones in a row that began after it verify a recovery. */
void incidents_verify(struct incidents *incidents, int64_t started_ms, bool is_good);
/* Forgets the oldest resolved ones where too many wait to be verified. */
void incidents_forget(struct incidents *incidents);
void incidents_free(struct incidents *incidents);

/* incidents_archive.c */
void incidents_archive(struct incidents *incidents, struct archive *archive, struct tables *tables);

/* For loading: a new record, all zero, and its tables. */
struct incident_record *incidents_add(struct incidents *incidents);
void incidents_drop(struct incidents *incidents, size_t index);
void incident_add_member(struct incident_record *record, const struct table *table);

#endif

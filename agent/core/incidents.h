/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_INCIDENTS_H
#define CORE_INCIDENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "deadlines.h"
#include "explain.h"
#include "first_line.h"
#include "incident.h"
#include "kinds.h"
#include "moment.h"
#include "recurrence.h"
#include "schedule.h"
#include "settings.h"
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
    int64_t onset_ms;          /* when the trouble was first seen: what began at about the same time belongs together */
    int64_t since_ms;          /* the last moment when all was well, which people count from; 0: onset_ms */
    int64_t then_ms;           /* another moment that what speaks of; 0: none */
    /* The head of the first line (line.h), never with text from elsewhere in it; NULL: the kind's own. And what stands behind it, or NULL. */
    const char *what, *detail;
    const char *rule; /* the numbers that the rule compared, for the timeline; NULL: none */
    struct cause cause;
};

struct member {
    size_t table;    /* index */
    bool bad;        /* false once it has recovered */
    bool told;       /* announce.c: that it is bad was said to people */
    bool noted;      /* announce.c: likewise to people, or under a silence to the history alone */
    int64_t well_ms; /* when it recovered; 0: never */
};

/* What was last said of an incident. */
struct said {
    bool firing; /* anything at all */
    bool resolved;
    int64_t flapping; /* not 0: that it flaps was said; an older agent saved another number than 1 for that */
    enum severity severity;
    enum alert alert;
};

/* More causes of one incident are not told. */
enum { CAUSES_TOLD = 4 };

/* What announce.c remembers of an incident; it is saved with it. */
struct telling {
    struct said told;  /* to people */
    struct said noted; /* to people, or under a silence to the history alone */
    int64_t first_told_ms;
    int64_t reminded_ms; /* the newest firing or reminder */
    int64_t held_ms;     /* since when something about it waits for room in the hour; 0: nothing does */
    int64_t update_ms;   /* from when more tables or a better cause may be told; 0: there was nothing of the kind */
    int64_t causes[CAUSES_TOLD]; /* the marks of the causes that people were given */
    size_t cause_count;
    int64_t sequence;
};

struct incidents;

struct incident_record {
    struct incidents *of; /* the incidents that it is one of */
    size_t place;         /* where it stands in their places; it stays there as long as it exists */
    int listed_as;        /* the kind whose list it is in; -1: in none, because it is not open */
    struct incident
        incident; /* times are the engine's; strings and the list of tables are owned, the names in it are the tables' */
    enum incident_kind kind;
    struct member *members;
    size_t member_count, bad_count; /* the latter: so many of them are bad */
    int64_t acknowledgement;        /* the id of the one that holds; 0: none does */
    bool escalation_due;            /* because it recurs, whatever the clock says */
    int64_t days;        /* the days on which it began at about this time of day, the day of its opening included */
    bool is_weekly;      /* all of them are the same day of the week */
    int64_t times_today; /* flapping: how often it had begun within 24 h when that was noticed; 0: it does not flap */
    int64_t calm_cycles; /* flapping: it is held open until it has been well for so many cycles */
    int64_t well_ms;     /* flapping: since when nothing is wrong; 0: something is */
    int64_t well_cycles; /* cycles completed since then */
    int64_t bad_ms;      /* since when something is wrong without a break; the newest such time where all is well */
    int64_t good_cycles; /* since it was resolved */
    bool is_gone;        /* it was resolved because its tables are no longer offloaded */
    bool has_lost;       /* the saved state no longer knew some of its tables: their ends will never be seen */
    int64_t prometheus_due_ms; /* 0: not in sight */
    int64_t evidence_count;
    int64_t trouble_ms;  /* the onset by which others join it; the incident's own is what people count from */
    bool is_touched;     /* it differs from what was saved of it, and is in the list of those that do */
    bool is_saved;       /* something was saved of it */
    char *what, *detail; /* owned: the newest finding's; NULL: none */
    int64_t then_ms;     /* likewise */
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

enum { OPENINGS_KEPT = 4, HELD_ENDS_KEPT = 2 };

/* Some of the incidents, in the order of their ids. */
struct incident_list {
    struct incident_record **at;
    size_t count, room;
};

/* What an incident may wait for: see struct incidents. */
enum { DEADLINES_TELLING, DEADLINES_HELD, DEADLINES_GONE, INCIDENT_DEADLINES };

struct incidents {
    const struct settings *settings;
    const struct moment *moment;
    const struct schedule *schedule;
    struct tables *tables;
    const struct explainer *explainer;
    clock_words *clock;
    struct incidents_sink sink;
    struct incident_record **records; /* open ones, and resolved ones that are not verified yet; by id */
    size_t count, room;
    /* incidents_index.c: the same incidents, to be found without walking all */
    struct incident_list open[KINDS]; /* those that are open, by kind */
    size_t open_count;
    struct incident_list gathered;   /* announce.c: those that changed in the step that is being taken */
    struct incident_list *of_tables; /* by the tables' indexes: those in which the table is bad */
    size_t of_tables_count;
    struct incident_record **places; /* by their places; NULL: the place is free */
    size_t place_count;
    struct incident_record **touched; /* in no order */
    size_t touched_count;
    struct deadlines
        deadlines[INCIDENT_DEADLINES]; /* by their places: of announce.c, incidents_end.c and detect_gone.c */
    int64_t *gone;                     /* the ids of those that were dropped since then and were saved before */
    size_t gone_count;
    int64_t last_id;
    int64_t openings[KINDS][OPENINGS_KEPT];       /* the newest of each kind, oldest first, 0 for none */
    int64_t opening_causes[KINDS][OPENINGS_KEPT]; /* likewise what cause_mark said of their causes */
    int64_t held_ends[KINDS][HELD_ENDS_KEPT];     /* likewise the newest ends of incidents that flapped */
    struct recurrences recurrences;
};

/*
 * Opens an incident, lets the table join one that shares its onset, or worsens the one that it is in. It never makes an incident milder.
 * Returns the incident, which stays valid until it is verified or forgotten.
 */
__attribute__((cold)) struct incident_record *incidents_raise(struct incidents *incidents,
                                                              const struct finding *finding);

/* More was said about the table's failure: the line of it that tells most becomes the incident's evidence. */
void incidents_take_telling(struct incidents *incidents, struct incident_record *record, const struct table *table);

/*
 * The table (NULL: whatever has this kind of incident) is well again. The incident is resolved when all its tables are; one that flaps is
 * held open until all have been well for some cycles.
 */
static inline void incidents_clear(struct incidents *incidents, enum incident_kind kind, const struct table *table);

/*
 * The table is no longer offloaded, so it leaves the incidents that it is in. One that it was the last bad table of is resolved, even if it
 * flaps. Returns true if it left any.
 */
bool incidents_leave(struct incidents *incidents, const struct table *table);

/* The open incident of a kind in which the table is not well (NULL: in which anything is not well); NULL if there is none. */
static inline struct incident_record *incidents_find(const struct incidents *incidents, enum incident_kind kind,
                                                     const struct table *table);

/* The same incident goes on as another kind and critical, because another runbook applies now. */
void incidents_turn_into(struct incidents *incidents, struct incident_record *record, const struct finding *finding);

/* A cause without words changes nothing, and neither does one that is known already in other words. */
void incidents_set_cause(struct incidents *incidents, struct incident_record *record, struct cause cause);
/* The same, and people are told of it: nothing else that happens to this incident would make its cause news. */
void incidents_explain(struct incidents *incidents, struct incident_record *record, struct cause cause);
/*
 * The finding's table is in this incident and has another cause: it leaves, and what is found is raised. Others that are not well, or that
 * it flaps, keep the incident open.
 */
struct incident_record *incidents_move(struct incidents *incidents, struct incident_record *record,
                                       const struct finding *finding);
/* Somebody else must look at it, because it recurs. */
void incidents_escalate(struct incident_record *record);
/* An entry of its timeline. */
void incidents_note(struct incidents *incidents, const struct incident_record *record, const char *kind,
                    const char *text);
/* The same for a moment that is past. */
void incidents_note_at(struct incidents *incidents, const struct incident_record *record, int64_t at_ms,
                       const char *kind, const char *text);
/* The same for every open incident with this id or a higher one. */
void incidents_note_open(struct incidents *incidents, int64_t from_id, const char *kind, struct slice text);
/* The line that is being read goes into its timeline, unless that holds many lines already. */
void incidents_note_line(struct incidents *incidents, struct incident_record *record);
/* Its facts changed: the history gets them. */
void incidents_store(struct incidents *incidents, struct incident_record *record);
/* Its cause is known better now, and not by a line of a cycle, at whose end that would be told. */
void incidents_announce(struct incidents *incidents, struct incident_record *record);
/* Hands every incident to the history once more. */
void incidents_retell(const struct incidents *incidents);

/* A cycle that began at started_ms has completed: recoveries are verified, and incidents that flapped may end. */
void incidents_cycle_completed(struct incidents *incidents, int64_t started_ms, bool is_good);
/* The instant of the next deadline, INT64_MAX if there is none; and what is to be done when the clock stands there. */
int64_t incidents_due(struct incidents *incidents);
void incidents_expire(struct incidents *incidents);
/* The saved state was loaded, and the log read to its end: what no table is left of that could end it is resolved. */
void incidents_end_lost(struct incidents *incidents);
/* Forgets the oldest resolved ones where too many wait to be verified. */
void incidents_forget(struct incidents *incidents);
void incidents_free(struct incidents *incidents);

/* For the files of the incidents alone. */
/* The open incident that the finding's table joins, or to which it returns; NULL: it is a new one. */
struct incident_record *incidents_to_join(const struct incidents *incidents, const struct finding *finding);
/* Ends it now. */
void incident_resolve(struct incidents *incidents, struct incident_record *record);
bool incident_any_bad(const struct incident_record *record);

/* incidents_flapping.c, for the files of the incidents alone */
/* True if what is found flaps, which has begun so often for its table within 24 h, this time included. */
bool incidents_flap(const struct incidents *incidents, const struct finding *finding, int64_t times_today);
/*
 * For how many cycles one that flaps must be well, which began for the table with this index (-1: none): for as long as its beginnings of the
 * last day lie apart at most, so that it does not end at each turn. Gaps of more than six hours do not count, or of more than a day if it
 * flapped and ended within the last day, and began anew; then it must also be well for two hours, or for six if that happened twice.
 */
int64_t incidents_calm_cycles(const struct incidents *incidents, enum incident_kind kind, int64_t table);
void incidents_note_held_end(struct incidents *incidents, enum incident_kind kind);

/* These two are asked of each run and at each step of the clock. As a rule there is no incident at all. */
__attribute__((cold)) struct incident_record *incidents_find_among(const struct incidents *incidents,
                                                                   enum incident_kind kind, const struct table *table);
__attribute__((cold)) void incidents_clear_in(struct incidents *incidents, struct incident_record *record,
                                              const struct table *table);

static inline struct incident_record *incidents_find(const struct incidents *incidents, enum incident_kind kind,
                                                     const struct table *table)
{
    return incidents->count ? incidents_find_among(incidents, kind, table) : NULL;
}

static inline void incidents_clear(struct incidents *incidents, enum incident_kind kind, const struct table *table)
{
    struct incident_record *record = incidents_find(incidents, kind, table);
    if (record)
        incidents_clear_in(incidents, record, table);
}

/* incidents_acknowledge.c: see engine_acknowledge. */
bool incidents_acknowledge(struct incidents *incidents, const struct acknowledgement *acknowledgement);

/* incidents_archive.c: all in one text, as agents saved them up to version 6 of the history; and by part. */
void incidents_archive(struct incidents *incidents, struct archive *archive, struct tables *tables);
/* What is known of past incidents. Without their ids: those stand elsewhere. */
void incidents_archive_past(struct incidents *incidents, struct archive *archive);
void incidents_archive_record(struct incidents *incidents, struct incident_record *record, struct archive *archive,
                              struct tables *tables);
/* They are loaded in the order of their ids. One that cannot follow the one before (a damaged state) is left out. */
void incidents_load_record(struct incidents *incidents, struct archive *archive, struct tables *tables);
/*
 * Something of the incident changes that is saved. Whatever changes a record must say so, else the change is lost with the next restart;
 * incidents_store says it too.
 */
void incident_touch(struct incident_record *record);
/* True if any was touched, or dropped, since all were saved. */
bool incidents_are_touched(const struct incidents *incidents);
void incidents_saved(struct incidents *incidents);

/* incidents_index.c, for the files of the incidents alone. Whatever changes an incident's kind, or whether it is open, must say so. */
void incident_list_anew(struct incident_record *record);
/* The member is, or is no longer, bad. */
void incident_set_bad(struct incident_record *record, struct member *member, bool is_bad);
/* For announce.c: it is, or is no longer, one that changed in the step that is being taken. */
void incident_gather(struct incident_record *record);
void incident_forget_gathered(struct incident_record *record);
/* A new record gets its place; one that is dropped leaves all lists. */
void incidents_index_add(struct incidents *incidents, struct incident_record *record);
void incidents_index_drop(struct incident_record *record);
void incidents_index_free(struct incidents *incidents);

/* incident_records.c: the list, for the files of the incidents alone. A new record is all zero. */
struct incident_record *incidents_add(struct incidents *incidents);
void incidents_drop(struct incidents *incidents, size_t index);
void incident_add_member(struct incident_record *record, const struct table *table);
void incident_drop_member(struct incident_record *record, const struct table *table, const struct tables *tables);
/* The table's part in the incident; NULL if it has none. */
struct member *incident_member(const struct incident_record *record, const struct table *table);
/* The old text is freed; the new one, which may be NULL, is copied. */
void incident_replace_text(const char **owned, const char *text);
void incident_replace_cause(struct cause *owned, struct cause cause);

#endif

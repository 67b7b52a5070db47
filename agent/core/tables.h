/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_TABLES_H
#define CORE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/budgets.h"
#include "base/slice.h"
#include "cause.h"
#include "deadlines.h"
#include "run_window.h"

enum { ABSENCES_KEPT = 12 };

/* What of a table differs from what was saved of it, as bits. */
enum touched { TOUCHED_LIVE = 1, TOUCHED_WINDOWS = 2 };

/* What the runs of a table have shown. What a detector makes of it is the detector's own. */
struct table {
    size_t index; /* 0, 1, 2 ... in the order in which the log named them */
    int touched;  /* enum touched */
    char *name;   /* empty: the table that was here was dropped, and the place is free */
    uint64_t hash;
    int64_t first_seen_ms;
    bool proven;                     /* it succeeded twice: its name is none that a line happened to hold */
    int64_t last_success_ms;         /* 0: none yet */
    int64_t slept_ms;                /* how long the host slept since then; the table is not to blame for that */
    int64_t last_cycle_id;           /* the last cycle that ran it */
    int64_t cycles_without;          /* how many cycles completed since then without running it */
    int64_t absences[ABSENCES_KEPT]; /* what cycles_without was at its newest runs, oldest first */
    size_t absence_count;
    int64_t usual_absence; /* table_usual_absence; it follows from the absences and is not saved */
    bool last_failed;      /* how its last run ended */
    bool retired;          /* no longer offloaded */
    bool is_blind;         /* engine_report.c: its row counts say nothing, as of the last time that it was saved */
    bool is_failing;       /* likewise: its last run failed, and it is still offloaded */
    bool stands_in;        /* for the runs that only a cycle's summary knows: the lines of none are understood */
    int64_t back_ms;       /* when it was run again after that; 0: never */
    char *error;           /* what the failures since its last success said, or NULL */
    char *told;            /* what others than the log told of them (EVENT_FAILURE_TOLD), or NULL */
    bool told_is_old;      /* it was told of an earlier failure than the newest one */
    int64_t exit_code;     /* -1 if not said */
    bool timed_out;
    struct cause_reading *reading;            /* what all that points at, as far as it was read; owned */
    const struct cause_sources *sources;      /* the engine's */
    int64_t spent_ms;                         /* how long its newest run took */
    int64_t moved;                            /* the rows of that run as the log says, -1 if it does not */
    int64_t counted;                          /* the same as a witness counted, ROWS_NOT_KNOWN if none did */
    int64_t learnt_run_id;                    /* the newest run that the windows below have; 0: not known */
    int64_t success_run_id, success_cycle_id; /* of its newest run; the first is 0 if that did not succeed */
    struct run_window durations;              /* of good runs, ms */
    struct run_window rows;                   /* of the same runs */

    /* What the detectors remember of it. Only a detector's own file knows what is in it. */
    struct failures *failures;
    struct flaps *flaps;
    struct stall *stall;
    struct witnessed *witnessed;
    struct volume *volume;
};

/* The detectors that have a deadline for each table; see struct tables. */
enum { DEADLINES_LAG, DEADLINES_SUCCESS_RATE, TABLE_DEADLINES };
/* So few tables are found faster by looking at each. */
enum { FEW_TABLES = 8 };

struct tables {
    struct table *at; /* never moves: facts point at tables */
    size_t count;
    size_t unproven, dropped; /* how many of them are not proven, and how many places are free */
    uint32_t *slots;          /* tables_index.c */
    size_t slot_count;
    uint32_t *touched; /* the indexes of those that were touched since they were saved, in no order */
    size_t touched_count;
    struct deadlines deadlines[TABLE_DEADLINES]; /* by the tables' indexes; each belongs to its detector */
    int64_t cycle_id;                            /* the newest cycle */
    int64_t refused;                             /* names that were not taken, because there were too many */
    void (*begin)(struct table *table);          /* allocates what the detectors remember of a new table */
    void (*end)(struct table *table);            /* frees what belongs to that */
    const struct cause_sources *sources;
};

/* The table of that name, NULL if there is none. A name may have any bytes; a NUL counts as "?", and what is too long is cut. */
struct table *tables_find(const struct tables *tables, struct slice name);
/* Likewise; a table that nobody named before is new at now_ms. NULL if there are too many tables, and for an empty name. */
struct table *tables_named(struct tables *tables, struct slice name, int64_t now_ms);
/* The table that stands for the runs that only a cycle's summary knows; NULL as long as there never was one. */
struct table *tables_stand_in(const struct tables *tables);
/* Likewise; it is made at need. */
struct table *tables_make_stand_in(struct tables *tables, int64_t now_ms);
/*
 * Something of the table changes, or may have changed, that is saved. Whatever changes a table for another reason than a fact about it (which
 * the engine notes itself) must say so here, else the change is lost with the next restart.
 */
void tables_touch(struct tables *tables, const struct table *table, enum touched what);
void tables_touch_all(struct tables *tables, enum touched what);
/*
 * The table with this index is bad in an incident, or is no longer, so that its deadlines may be earlier. Its lag may also be due earlier whenever the
 * table is touched, which marks it; but not where there are few tables: then each is asked, which is faster.
 */
static inline void tables_mark_deadlines(struct tables *tables, size_t index)
{
    for (size_t i = 0; i < TABLE_DEADLINES; i++)
        deadlines_mark(&tables->deadlines[i], index);
}
static inline bool tables_are_few(const struct tables *tables)
{
    return tables->count <= FEW_TABLES;
}
/* All that was touched is saved. */
void tables_saved(struct tables *tables);
/* True if the windows have the table's newest run. */
static inline bool table_is_learnt(const struct table *table)
{
    return table->success_run_id != 0 && table->learnt_run_id == table->success_run_id;
}
/* A cycle begins to run the table. */
void table_note_turn(struct table *table, int64_t cycle_id);
/*
 * For how many cycles the table is left out as a rule: some schedulers run a table in every second cycle, or once an hour. An absence must
 * have come twice, unless the table was never run in two cycles in a row.
 */
static inline int64_t table_usual_absence(const struct table *table)
{
    return table->usual_absence;
}
/* A table that was no longer offloaded is run again: the time in between is no lag. */
void table_comes_back(struct table *table, int64_t now_ms);
/* The table succeeded. The second time proves its name. */
void tables_note_success(struct tables *tables, struct table *table);
/*
 * A cycle has completed. If the room for tables runs low, those are dropped that nothing is to be expected of: unproven ones that neither
 * this cycle nor the one before named, and those that are no longer offloaded; but none that is_held.
 */
void tables_make_room(struct tables *tables, bool (*is_held)(const void *ctx, const struct table *table),
                      void (*forget)(void *ctx, const struct table *table), void *ctx);
/* The rows of its newest run: the log's, or a witness's where the log says 0 or nothing. -1: nobody says. */
int64_t table_moved(const struct table *table);
/* A witness counted them. Where the run is learnt already, the window takes that number for the log's. */
void tables_count_rows(struct tables *tables, struct table *table, int64_t rows, int64_t now_ms);
/* Since when a table waits for a success, with the host's sleep taken off. */
int64_t table_waits_since(const struct table *table);
/* Its newest run failed. What earlier failures in a row said stays, as the best guess until this one says more. */
void table_note_failure(struct table *table, bool timed_out);
/* What its failures said: replaces the text, of which the beginning is kept; an empty text is none. */
void table_set_error(struct table *table, struct slice text);
/* The same for what others told of its newest failure. Returns false if that is nothing new. */
bool table_set_told(struct table *table, struct slice text);
/* Drops all that its failures said. */
void table_forget_failures(struct table *table);
/* The good runs of a cycle that has just completed join the windows of their tables. */
void tables_learn(struct tables *tables, int64_t cycle_id, int64_t started_ms, int64_t now_ms);

/*
 * For tables_archive.c: the next place gets a table of that name, "" for a free place. NULL if there is one of that name, or there are too
 * many.
 */
struct table *tables_append(struct tables *tables, struct slice name);
/* Its absences were loaded. */
void table_find_usual_absence(struct table *table);
void tables_free(struct tables *tables);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/budgets.h"
#include "base/slice.h"
#include "cycle.h"

/*
 * The runs and cycles that have names and are open, where several may be open at once. It is a list of what is open and nothing else: what
 * the log's lines make of it is model_named.c's. A log without names leaves it empty.
 */
enum open_state {
    OPEN_RUNNING,
    OPEN_ATTEMPT_FAILED, /* its newest attempt failed, and whether there will be another one is not known */
    OPEN_SUCCEEDED,      /* its rows may still be told */
    OPEN_SETTLED,        /* its outcome was handed on; more may be said about it */
    OPEN_STATES
};

struct open_run {
    char *name;     /* owned */
    char *error;    /* owned: what its newest attempt said, or NULL */
    struct run run; /* its row, but for the table and the error */
    int64_t table;  /* the place of its table */
    enum open_state state;
    bool timed_out;     /* its newest attempt was too slow */
    bool start_unseen;  /* the log begins behind its beginning */
    bool is_told_again; /* its table failed in this cycle before, which was told */
    bool untold;  /* it failed, and the detectors are not told yet: its layer may be run again, and the table with it */
    bool is_over; /* the log says no more about it */
    int64_t due_ms; /* when the detectors are told its outcome at the latest; 0: they were, or there is none yet */
};

/* As what a failure is in the counts of its cycle. */
enum counted_as { COUNTED_NOT, COUNTED_FAILED, COUNTED_TIMED_OUT, COUNTED_AS };

/* What a cycle did with a table. */
struct turn {
    int64_t table;           /* its place */
    bool failed;             /* its newest run in the cycle failed */
    enum counted_as counted; /* that run */
    bool told;               /* the detectors were told that it failed in this cycle */
};

struct open_cycle {
    char *name; /* owned */
    struct cycle cycle;
    int64_t slept_ms;  /* as the model's */
    int64_t paused_ms; /* since when it waits for a layer or its last runs to be tried again; 0: it does not */
    int64_t said_ms;   /* when the log last said something about it or its runs */
    int64_t
        free_ms; /* when it, or one of its layers, last began, or one of its runs ended: a run begins right behind that */
    struct turn *turns; /* owned; of each table that it ran */
    size_t turn_count;
};

struct open_layer {
    char *name; /* owned */
    int64_t cycle_id;
};

struct ledger {
    struct open_run runs[RUNS_OPEN_MAX]; /* in the order in which they were seen, likewise below */
    struct open_cycle cycles[CYCLES_OPEN_MAX];
    struct open_layer layers[CYCLES_NAMED_MAX];
    size_t run_count, cycle_count, layer_count;
};

static inline bool ledger_is_empty(const struct ledger *ledger)
{
    return ledger->run_count == 0 && ledger->cycle_count == 0;
}

/* NULL if there is none. A run's name alone need not be unique. What they return is valid until something is added or removed. */
struct open_run *ledger_run(struct ledger *ledger, struct slice name, int64_t table);
struct open_cycle *ledger_cycle(struct ledger *ledger, struct slice name);
struct open_cycle *ledger_cycle_of(struct ledger *ledger, int64_t cycle_id);
struct open_layer *ledger_layer(struct ledger *ledger, struct slice name);
bool ledger_has_layer(const struct ledger *ledger, int64_t cycle_id);
/* The table's turn in the cycle. */
struct turn *ledger_turn(const struct open_cycle *cycle, int64_t table);
/* The run of this table that is running; the oldest, if several are. */
const struct open_run *ledger_running(const struct ledger *ledger, int64_t table);
bool ledger_holds_table(const struct ledger *ledger, int64_t table);

/* There must be room. What is returned has nothing but its name. */
struct open_run *ledger_add_run(struct ledger *ledger, struct slice name);
struct open_cycle *ledger_add_cycle(struct ledger *ledger, struct slice name);
/* Of too many the oldest is forgotten. */
void ledger_add_layer(struct ledger *ledger, struct slice name, int64_t cycle_id);
/* Notes that the cycle runs the table, if it is new to it. */
struct turn *ledger_add_turn(struct open_cycle *cycle, int64_t table);

void ledger_remove_run(struct ledger *ledger, struct open_run *run);
void ledger_remove_layer(struct ledger *ledger, struct open_layer *layer);
/* With its layers. */
void ledger_remove_cycle(struct ledger *ledger, struct open_cycle *cycle);
void ledger_free(struct ledger *ledger);

/* tables: so many tables there are; what names another one is not loaded. */
void ledger_archive(struct ledger *ledger, struct archive *archive, size_t tables);

#endif

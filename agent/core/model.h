/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_MODEL_H
#define CORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "cycle.h"
#include "fact.h"
#include "ledger.h"
#include "moment.h"
#include "schedule.h"
#include "summary.h"
#include "tables.h"

/*
 * The model of the log: what it says one line at a time, as cycles and runs, and as facts for the detectors. A cycle lasts from STARTED to
 * COMPLETED; an exception, a stop, a death or the next STARTED aborts it.
 *
 * Where runs and cycles have names, several may be open at once (model_named.c, ledger.h). Then "the newest" cycle and run below are those that
 * the event at hand is about, and between two events the oldest that are open.
 */

/* Where its results go. Times are the engine's. */
struct model_sink {
    void *ctx;
    void (*cycle)(void *ctx, const struct cycle *cycle);
    void (*run)(void *ctx, const struct run *run);
    void (*answer)(void *ctx, const struct run_answer *answer);
    void *fact_ctx;
    void (*fact)(void *fact_ctx, const struct fact *fact);
};

struct model {
    const struct moment *moment;
    const struct schedule *schedule;
    struct tables *tables;
    struct model_sink sink;
    struct cycle cycle; /* the newest; running while outcome is CYCLE_RUNNING and id is not 0 */
    struct run run;     /* the newest */
    int64_t run_table;  /* index of its table, -1 before the first */
    bool run_open;      /* started and not ended */
    int64_t last_cycle_id, last_run_id;
    int64_t
        past_cycle_id; /* the last cycle before the scheduler's newest start, stop or death; 0: none of these was seen */
    int64_t started_tables; /* how many tables the scheduler's newest start said it has; 0: it did not say */
    bool is_stopping;       /* it was asked to stop, so that a cycle may complete without all its tables */
    int64_t sign_ms;        /* the newest sign of life in the log, moved by the host's sleep */
    int64_t
        slept_ms; /* how long the host slept while the cycle was running, and how long the cycle waited for a retry */
    int64_t paused_ms; /* since when the cycle waits for a part of it to be run again; 0: it does not */
    struct strbuf run_error;
    struct summary summary; /* of the newest cycle */
    struct ledger ledger;   /* the runs and cycles that have names; cycle and run are the ones that are looked at */
};

/* Takes the moment's event. */
void model_event(struct model *model);
/* The wall clock was set back just now. */
void model_set_back(struct model *model);
static inline bool model_cycle_running(const struct model *model)
{
    return model->cycle.id != 0 && model->cycle.outcome == CYCLE_RUNNING;
}

/* How long the newest cycle has been running, without the host's sleep. */
int64_t model_elapsed_ms(const struct model *model);
/* True while the cycle is running, whether it is looked at or not. */
bool model_cycle_is_open(const struct model *model, int64_t cycle_id);
/* When this table's run that is in progress began; 0: none is. */
int64_t model_running_since(const struct model *model, const struct table *table);
/* True if something that is open names the table. */
bool model_holds_table(const struct model *model, const struct table *table);
/* When the outcome of a run is handed on that waits for more to be said about it, INT64_MAX if none does; and doing that. */
int64_t model_due(const struct model *model);
void model_expire(struct model *model);
/* True while this table's run is in progress. */
bool model_is_running(const struct model *model, const struct table *table);
/* Lines of the log were lost or left out, so the runs of the cycle in progress are not counted in full. */
void model_lose_lines(struct model *model);
/* Hands the newest cycle and run to the history once more, and all that are open. */
void model_retell(const struct model *model);
void model_archive(struct model *model, struct archive *archive);
void model_free(struct model *model);

/* For the files of the model alone. */
static inline struct table *model_run_table(const struct model *model)
{
    return model->run_table >= 0 ? &model->tables->at[model->run_table] : NULL;
}
int64_t model_written_ms(const struct model *model);
void model_tell_run(const struct model *model);
void model_begin_run(struct model *model, struct table *table, int64_t started_ms);
void model_end_run(struct model *model, enum run_outcome outcome, int64_t ended_ms);
/* The newest run succeeded, with its rows in it. */
void model_note_success(struct model *model, struct table *table);
void model_begin_cycle(struct model *model);
void model_end_cycle(struct model *model, enum cycle_outcome outcome);
/* The table failed, or was not reached, because of what the text says. */
void model_fail_table(struct model *model, struct table *table, struct slice text);
/* model_named.c: the moment's event, which names its run, its cycle or its layer. */
void model_take_named(struct model *model);
/* The newest cycle, which has no name, has completed: its runs that have names are over. */
void model_finish_named(struct model *model);
/* Hands all that has a name and is open to the history once more. */
void model_retell_named(const struct model *model);
/* All that has a name and is open is broken off. */
void model_abort_named(struct model *model);
void model_tell_fact(const struct model *model, const struct fact *fact);
void model_tell_cycle(const struct model *model);
/* The outcome of a cycle that has completed, by its counts. */
enum cycle_outcome model_outcome(const struct cycle *cycle);
/* model_summary.c: the newest summary was compared with the runs of its cycle. */
void model_judge_summary(struct model *model);
/* model_answer.c: the moment's event is what witnesses answered. */
void model_take_answer(struct model *model);

#endif

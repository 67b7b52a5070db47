/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_MODEL_H
#define CORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "cycle.h"
#include "fact.h"
#include "moment.h"
#include "schedule.h"
#include "summary.h"
#include "tables.h"

/*
 * The model of the log: what it says one line at a time, as cycles and runs, and as facts for the detectors. A cycle lasts from STARTED to
 * COMPLETED; an exception, a stop, a death or the next STARTED aborts it.
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
    int64_t slept_ms;       /* how long the host slept while the cycle was running */
    struct strbuf run_error;
    struct summary summary; /* of the newest cycle */
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
/* True while this table's run is in progress. */
bool model_is_running(const struct model *model, const struct table *table);
/* Lines of the log were lost or left out, so the runs of the cycle in progress are not counted in full. */
void model_lose_lines(struct model *model);
/* Hands the newest cycle and run to the history once more. */
void model_retell(const struct model *model);
void model_archive(struct model *model, struct archive *archive);
void model_free(struct model *model);

/* For the files of the model alone. */
void model_tell_fact(const struct model *model, const struct fact *fact);
void model_tell_cycle(const struct model *model);
/* The outcome of a cycle that has completed, by its counts. */
enum cycle_outcome model_outcome(const struct cycle *cycle);
/* model_summary.c: the newest summary was compared with the runs of its cycle. */
void model_judge_summary(struct model *model);
/* model_answer.c: the moment's event is what witnesses answered. */
void model_take_answer(struct model *model);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_FACT_H
#define CORE_FACT_H

#include <stdint.h>

/* What the model makes of the events, for the detectors. */
enum fact_kind {
    FACT_EVENT,              /* what the host said, to which the model has nothing to add: see the moment's event */
    FACT_SCHEDULER_STARTED,  /* at_ms: the newest sign of life before it, 0 if the log begins with it */
    FACT_WORKER_STARTED,     /* likewise; it runs the next cycle when that is due, and not at once */
    FACT_SCHEDULER_STOPPING, /* it was asked to stop */
    FACT_SCHEDULER_STOPPED,
    FACT_SCHEDULER_CRASHED,
    FACT_WRITER_GONE,
    FACT_HOST_SLEPT, /* duration_ms */
    FACT_SET_BACK,   /* the wall clock was set back; how much time really passed meanwhile is not known */
    FACT_SCHEDULE,   /* duration_ms: the interval */
    FACT_PROMISE,    /* at_ms: when the next cycle shall start */
    FACT_CYCLE_STARTED,
    FACT_CYCLE_COMPLETED,
    FACT_CYCLE_ABORTED,
    FACT_LONE_RUN_STARTED, /* a run outside of any cycle */
    FACT_RUN_SUCCEEDED,    /* table, rows; the table's last success is still the one before */
    FACT_RUN_FAILED,       /* table */
    FACT_RUN_EVIDENCE,     /* table: more was said about its failure */
    FACT_ROWS_COUNTED,     /* table, rows: a witness counted them after the run's cycle was learnt */
    FACT_CYCLE_SUMMARY,    /* the summary of the newest cycle was compared with its runs: see the model's summary */
    FACT_KINDS
};

struct table;

struct fact {
    enum fact_kind kind;
    struct table *table;
    int64_t at_ms;
    int64_t rows;
    int64_t duration_ms;
};

#endif

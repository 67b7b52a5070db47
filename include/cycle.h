/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CYCLE_H
#define CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"

/* Rows of the history, as the model of the log tells them. Names are NUL-terminated and live as long as the engine. */

enum cycle_outcome { CYCLE_RUNNING, CYCLE_SUCCESS, CYCLE_PARTIAL, CYCLE_FAILED, CYCLE_ABORTED, CYCLE_OUTCOMES };
enum run_outcome { RUN_RUNNING, RUN_SUCCESS, RUN_FAILED, RUN_TIMEOUT, RUN_ABORTED, RUN_OUTCOMES };

struct cycle {
    int64_t id; /* 1, 2, 3 ... within one history */
    int64_t started_ms;
    int64_t ended_ms;    /* 0 while running */
    int64_t duration_ms; /* 0 while running */
    enum cycle_outcome outcome;
    int tables; /* announced; 0 if not said */
    int succeeded, failed, timed_out;
    int64_t rows;
};

struct run {
    int64_t id;
    int64_t cycle_id;
    const char *table;
    int64_t started_ms;
    int64_t ended_ms;
    int64_t duration_ms;
    enum run_outcome outcome;
    int64_t rows;      /* -1 if not said */
    int64_t exit_code; /* -1 if not said */
    const char *error; /* the excerpt or exception so far, or NULL */
};

/* What witnesses answered about a run that had succeeded. */
struct run_answer {
    int64_t run_id;
    const char *table;
    const char *witness; /* who answered: "its Iceberg metadata and the source" */
    int64_t rows;        /* what they counted, or ROWS_NOT_KNOWN or ROWS_WITHOUT_NUMBER */
    enum rows_from
        rows_from; /* who counted rows that stand for the log's number from now on; ROWS_FROM_LOG: the log's stay */
    int64_t watermark_ms; /* up to when the table has the source's rows; 0: not known */
    int64_t ahead_ms;     /* by how much the source is newer than that; -1: not known */
    int64_t at_ms;        /* when the answer came */
};

const char *cycle_outcome_name(enum cycle_outcome outcome); /* "running", "success", "partial", "failed", "aborted" */
const char *run_outcome_name(enum run_outcome outcome);     /* "running", "success", "failed", "timeout", "aborted" */

#endif

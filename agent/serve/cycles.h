/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_CYCLES_H
#define SERVE_CYCLES_H

#include "agent/commands/show/query.h"
#include "event.h"

/* Cycles and their runs, read from the history. A time is 0 where the thing has not happened. Strings are owned. */

struct cycle_row {
    int64_t id, started_ms, ended_ms;
    int64_t duration_ms; /* of one that runs: until as_of_ms */
    int64_t tables;      /* announced; 0: not said */
    int64_t succeeded, failed, timed_out, rows;
    char *outcome; /* running, success, partial, failed, aborted */
};

struct cycle_rows {
    struct cycle_row *at;
    size_t count;
    bool is_cut; /* there are older ones that were left out */
};

/*
 * The newest `most` cycles that began from since_ms on and before until_ms, newest first, of those that come behind the cycle with the id in
 * that order; 0: of all. An error stays in the query.
 */
void cycles_gather_behind(struct cycle_rows *list, struct query *query, int64_t since_ms, int64_t until_ms, int64_t id,
                          int64_t as_of_ms, size_t most);
/* That one cycle; the list stays empty where there is none. */
void cycles_find(struct cycle_rows *list, struct query *query, int64_t id, int64_t as_of_ms);
void cycles_free(struct cycle_rows *list);

struct run_row {
    int64_t id, cycle_id, started_ms, ended_ms, duration_ms;
    int64_t rows;      /* -1: not said */
    int64_t exit_code; /* -1: not said */
    enum rows_from rows_from;
    int64_t witnessed_rows; /* -1: some, and not how many; -2: no witness answered */
    char *table, *outcome;  /* running, success, failed, timeout, aborted */
    char *error;            /* the excerpt of what the job said, or NULL */
    char *witness;          /* who answered about it, or NULL */
};

struct run_rows {
    struct run_row *at;
    size_t count;
    bool is_cut;
};

/* The first `most` runs of a cycle, in their order. */
void runs_gather(struct run_rows *list, struct query *query, int64_t cycle_id, size_t most);
void runs_free(struct run_rows *list);

/* The ids of the cycles before and after that one, and when the latter began; 0: there is none. */
void cycle_neighbours(struct query *query, const struct cycle_row *cycle, int64_t *before, int64_t *after,
                      int64_t *after_ms);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_TABLE_HISTORY_H
#define SERVE_TABLE_HISTORY_H

#include "agent/commands/show/query.h"
#include "agent/commands/status/status.h"

/* What ran for a table over a time, cut into pieces of equal length. Times are Unix time in milliseconds. */

struct table_piece {
    int64_t from_ms;
    int64_t runs, failed /* timed out and aborted ones too */, rows;
    int64_t longest_ms; /* of the runs that ended; -1: none did */
    int64_t lag_ms;     /* the highest; -1: not known */
};

struct table_failure {
    int64_t cycle_id, started_ms, duration_ms, exit_code; /* -1: not said */
    char *outcome, *error;                                /* owned; error may be NULL */
};

enum { TABLE_FAILURES_SHOWN = 10 };

struct table_history {
    int64_t from_ms, width_ms;
    struct table_piece *pieces; /* owned */
    size_t count;
    int64_t runs, ended, failed, rows, duration_ms /* of all that ended, added up */, longest_ms, last_success_ms;
    int64_t cut_before_ms;                               /* what began before was not looked at; 0: all was */
    struct table_failure failures[TABLE_FAILURES_SHOWN]; /* the last ones, newest first */
    size_t failure_count;
};

/*
 * Reads the runs of one table from from_ms on, for count pieces of width_ms each. Of all tables together the newest SERVE_RUNS_MAX runs are
 * looked at. An error stays in the query. Free the history in any case.
 */
void table_history_gather(struct table_history *history, struct query *query, const char *table, int64_t from_ms,
                          int64_t width_ms, size_t count, int64_t as_of_ms);
void table_history_free(struct table_history *history);

/* The last day of every table that the status names, in its order. */
enum { TABLE_DAY_PIECES = 48 };
struct table_day {
    int64_t runs, failed, rows;
    int64_t from_ms, width_ms;          /* of the pieces, the same for all tables */
    int64_t peaks_ms[TABLE_DAY_PIECES]; /* the highest lag in each; -1: not known */
};

/* Owned: one for each of status->lags; NULL where there is none. Of all tables together the newest SERVE_DAY_RUNS_MAX runs are looked at. */
struct table_day *table_days_gather(const struct status *status, struct query *query);

#endif

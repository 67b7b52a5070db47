/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table_history.h"

#include <stdlib.h>

#include "base/budgets.h"
#include "base/time_words.h"
#include "lag_line.h"

/* The lag at the beginning is told by a run before it, which a few hours of runs have if all is well. */
static const int64_t EARLIER_MS = 2 * 3600 * 1000;

/*
 * The first run of the cycles from then on. Runs are numbered as they begin, so all later ones have higher ids, and a range of ids is read
 * from the table as it lies, fifty times as fast as by the index of the cycles. *cut_ms: the runs before were too many; 0: they were not.
 */
static int64_t first_run(struct query *query, int64_t from_ms, int64_t most, int64_t *cut_ms)
{
    int64_t first = query_value(query,
                                "SELECT min(r.id) FROM (SELECT id FROM cycle WHERE started_at >= ?1"
                                " ORDER BY started_at LIMIT 200) c CROSS JOIN run r ON r.cycle_id = c.id",
                                &from_ms, 1);
    int64_t last = query_value(query, "SELECT max(id) FROM run", NULL, 0);
    *cut_ms = 0;
    if (first <= 0)
        return INT64_MAX;
    if (last - first >= most) {
        first = last - most + 1;
        *cut_ms = query_value(query, "SELECT started_at FROM run WHERE id >= ?1 ORDER BY id LIMIT 1", &first, 1);
        *cut_ms = query_bound_time(*cut_ms);
    }
    return first;
}

static void sum_add(int64_t *sum, int64_t value)
{
    *sum = *sum > HISTORY_NUMBER_MAX - value ? HISTORY_NUMBER_MAX : *sum + value;
}

static bool is_failure(const char *outcome)
{
    return strcmp(outcome, "failed") == 0 || strcmp(outcome, "timeout") == 0 || strcmp(outcome, "aborted") == 0;
}

/* --- One table -------------------------------------------------------------------------------------------------- */

static void failure_free(struct table_failure *failure)
{
    free(failure->outcome);
    free(failure->error);
}

/* Puts the row before those that are there, and drops the oldest where there are too many. */
static void failure_add(struct table_history *history, struct query *query)
{
    if (history->failure_count == TABLE_FAILURES_SHOWN)
        failure_free(&history->failures[--history->failure_count]);
    memmove(history->failures + 1, history->failures, history->failure_count * sizeof *history->failures);
    history->failure_count++;
    history->failures[0] = (struct table_failure){
        .cycle_id = query_int(query, 6),
        .started_ms = query_time(query, 0),
        .duration_ms = query_count(query, 2),
        .exit_code = sqlite3_column_type(query->statement, 7) == SQLITE_NULL ? -1 : query_count(query, 7),
        .outcome = query_text_or_empty(query, 4),
        .error = query_text(query, 5),
    };
}

static void run_add(struct table_history *history, struct query *query, struct table_piece *piece)
{
    const char *outcome = query_word(query, 4);
    bool failed = is_failure(outcome), has_ended = strcmp(outcome, "running") != 0;
    int64_t duration_ms = query_count(query, 2), rows = query_count(query, 3);
    piece->runs++;
    piece->failed += failed;
    sum_add(&piece->rows, rows);
    if (has_ended && duration_ms > piece->longest_ms)
        piece->longest_ms = duration_ms;
    history->runs++;
    history->ended += has_ended;
    history->failed += failed;
    sum_add(&history->rows, rows);
    sum_add(&history->duration_ms, has_ended ? duration_ms : 0);
    history->longest_ms = has_ended && duration_ms > history->longest_ms ? duration_ms : history->longest_ms;
    if (failed)
        failure_add(history, query);
}

static void pieces_begin(struct table_history *history, int64_t *peaks_ms, struct lag_line *line)
{
    history->pieces = must_alloc(history->count * sizeof *history->pieces);
    for (size_t i = 0; i < history->count; i++)
        history->pieces[i] =
            (struct table_piece){ .from_ms = history->from_ms + (int64_t)i * history->width_ms, .longest_ms = -1 };
    lag_line_begin(line, history->from_ms, history->width_ms, peaks_ms, history->count);
}

void table_history_gather(struct table_history *history, struct query *query, const char *table, int64_t from_ms,
                          int64_t width_ms, size_t count, int64_t as_of_ms)
{
    int64_t *peaks_ms = must_alloc(count * sizeof *peaks_ms);
    struct lag_line line;
    *history = (struct table_history){ .from_ms = from_ms, .width_ms = width_ms, .count = count };
    pieces_begin(history, peaks_ms, &line);
    int64_t first = first_run(query, from_ms - EARLIER_MS, SERVE_RUNS_MAX, &history->cut_before_ms);
    query_ask(query,
              "SELECT started_at, ended_at, duration_ms, rows, outcome, error, cycle_id, exit_code FROM run"
              " WHERE id >= ?1 AND table_name = ?2 ORDER BY id",
              &first, 1);
    query_bind(query, 2, table);
    while (query_next(query)) {
        int64_t started_ms = query_time(query, 0), piece = (started_ms - from_ms) / width_ms;
        if (strcmp(query_word(query, 4), "success") == 0)
            lag_line_success(&line, query_time(query, 1));
        if (started_ms >= from_ms && piece < (int64_t)count)
            run_add(history, query, &history->pieces[piece]);
    }
    lag_line_end(&line, as_of_ms);
    history->last_success_ms = line.last_success_ms;
    for (size_t i = 0; i < count; i++)
        history->pieces[i].lag_ms = peaks_ms[i];
    free(peaks_ms);
}

void table_history_free(struct table_history *history)
{
    for (size_t i = 0; i < history->failure_count; i++)
        failure_free(&history->failures[i]);
    free(history->pieces);
    *history = (struct table_history){ 0 };
}

/* --- The last day of all ---------------------------------------------------------------------------------------- */

/* The status has its tables in the order of their bytes. SIZE_MAX: it is none of them. */
static size_t lag_index(const struct status *status, const char *table)
{
    size_t low = 0, high = status->lag_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(table, status->lags[middle].table);
        if (order == 0)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return SIZE_MAX;
}

static void day_add(struct table_day *day, struct lag_line *line, struct query *query)
{
    const char *outcome = query_word(query, 4);
    if (strcmp(outcome, "success") == 0)
        lag_line_success(line, query_time(query, 2));
    if (query_time(query, 1) < day->from_ms)
        return;
    day->runs++;
    day->failed += is_failure(outcome);
    sum_add(&day->rows, query_count(query, 3));
}

struct table_day *table_days_gather(const struct status *status, struct query *query)
{
    enum { PIECE_MS = 30 * 60 * 1000 };
    int64_t from_ms = (status->as_of_ms / PIECE_MS + 1 - TABLE_DAY_PIECES) * PIECE_MS, cut_ms;
    if (status->lag_count == 0)
        return NULL;
    struct table_day *days = must_alloc(status->lag_count * sizeof *days);
    struct lag_line *lines = must_alloc(status->lag_count * sizeof *lines);
    for (size_t i = 0; i < status->lag_count; i++) {
        days[i].from_ms = from_ms;
        days[i].width_ms = PIECE_MS;
        lag_line_begin(&lines[i], from_ms, PIECE_MS, days[i].peaks_ms, TABLE_DAY_PIECES);
    }
    int64_t first = first_run(query, from_ms - EARLIER_MS, SERVE_DAY_RUNS_MAX, &cut_ms);
    query_ask(query, "SELECT table_name, started_at, ended_at, rows, outcome FROM run WHERE id >= ?1 ORDER BY id",
              &first, 1);
    while (query_next(query)) {
        size_t at = lag_index(status, query_word(query, 0));
        if (at != SIZE_MAX)
            day_add(&days[at], &lines[at], query);
    }
    for (size_t i = 0; i < status->lag_count; i++) {
        if (lines[i].last_success_ms == 0)
            lag_line_success(&lines[i], status->lags[i].last_success_ms);
        lag_line_end(&lines[i], status->as_of_ms);
    }
    free(lines);
    return days;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cycles.h"

#include <stdlib.h>

#include "base/time_words.h"

/* NULL is not 0 in these columns. */
static int64_t count_or(const struct query *query, int column, int64_t otherwise)
{
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL ? otherwise : query_count(query, column);
}

static struct cycle_row cycle_read(struct query *query, int64_t as_of_ms)
{
    struct cycle_row cycle = {
        .id = query_int(query, 0),
        .started_ms = query_time(query, 1),
        .ended_ms = query_time(query, 2),
        .duration_ms = query_count(query, 3),
        .tables = query_count(query, 5),
        .succeeded = query_count(query, 6),
        .failed = query_count(query, 7),
        .timed_out = query_count(query, 8),
        .rows = query_count(query, 9),
        .outcome = query_text_or_empty(query, 4),
    };
    if (strcmp(cycle.outcome, "running") == 0)
        cycle.duration_ms = elapsed_ms(cycle.started_ms, as_of_ms);
    else if (cycle.duration_ms == 0 && cycle.ended_ms)
        cycle.duration_ms = elapsed_ms(cycle.started_ms, cycle.ended_ms);
    return cycle;
}

#define CYCLE_COLUMNS "id, started_at, ended_at, duration_ms, outcome, tables, succeeded, failed, timed_out, rows"

void cycles_gather_behind(struct cycle_rows *list, struct query *query, int64_t since_ms, int64_t until_ms, int64_t id,
                          int64_t as_of_ms, size_t most)
{
    int64_t values[] = { since_ms, until_ms, (int64_t)most + 1, id, INT64_MAX };
    if (id)
        values[4] = query_value(query, "SELECT started_at FROM cycle WHERE id = ?1", &id, 1);
    query_ask(query,
              "SELECT " CYCLE_COLUMNS " FROM cycle WHERE started_at >= ?1 AND started_at < ?2"
              " AND (started_at < ?5 OR (started_at = ?5 AND id < ?4)) ORDER BY started_at DESC, id DESC LIMIT ?3",
              values, 5);
    while (query_next(query)) {
        if (list->count == most) {
            list->is_cut = true;
            query_end(query);
            break;
        }
        list->at = list_room(list->at, list->count, sizeof *list->at);
        list->at[list->count++] = cycle_read(query, as_of_ms);
    }
}

void cycles_find(struct cycle_rows *list, struct query *query, int64_t id, int64_t as_of_ms)
{
    query_ask(query, "SELECT " CYCLE_COLUMNS " FROM cycle WHERE id = ?1", &id, 1);
    if (!query_next(query))
        return;
    list->at = list_room(list->at, list->count, sizeof *list->at);
    list->at[list->count++] = cycle_read(query, as_of_ms);
    query_end(query);
}

void cycles_free(struct cycle_rows *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->at[i].outcome);
    free(list->at);
    *list = (struct cycle_rows){ 0 };
}

void runs_gather(struct run_rows *list, struct query *query, int64_t cycle_id, size_t most)
{
    int64_t values[] = { cycle_id, (int64_t)most + 1 };
    query_ask(query,
              "SELECT id, cycle_id, started_at, ended_at, duration_ms, rows, exit_code, rows_from, witnessed_rows,"
              " table_name, outcome, error, witness FROM run WHERE cycle_id = ?1 ORDER BY id LIMIT ?2",
              values, 2);
    while (query_next(query)) {
        if (list->count == most) {
            list->is_cut = true;
            query_end(query);
            break;
        }
        list->at = list_room(list->at, list->count, sizeof *list->at);
        list->at[list->count++] = (struct run_row){
            .id = query_int(query, 0),
            .cycle_id = query_int(query, 1),
            .started_ms = query_time(query, 2),
            .ended_ms = query_time(query, 3),
            .duration_ms = query_count(query, 4),
            .rows = count_or(query, 5, -1),
            .exit_code = count_or(query, 6, -1),
            .rows_from = rows_from_named(query_word(query, 7)),
            .witnessed_rows = count_or(query, 8, -2),
            .table = query_text_or_empty(query, 9),
            .outcome = query_text_or_empty(query, 10),
            .error = query_text(query, 11),
            .witness = query_text(query, 12),
        };
        if (sqlite3_column_int64(query->statement, 8) < 0)
            list->at[list->count - 1].witnessed_rows = -1;
    }
}

void runs_free(struct run_rows *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->at[i].table);
        free(list->at[i].outcome);
        free(list->at[i].error);
        free(list->at[i].witness);
    }
    free(list->at);
    *list = (struct run_rows){ 0 };
}

void cycle_neighbours(struct query *query, const struct cycle_row *cycle, int64_t *before, int64_t *after,
                      int64_t *after_ms)
{
    int64_t values[] = { cycle->started_ms, cycle->id };
    *before = query_value(query,
                          "SELECT id FROM cycle WHERE (started_at, id) < (?1, ?2)"
                          " ORDER BY started_at DESC, id DESC LIMIT 1",
                          values, 2);
    *after = *after_ms = 0;
    query_ask(query,
              "SELECT id, started_at FROM cycle WHERE (started_at, id) > (?1, ?2) ORDER BY started_at, id LIMIT 1",
              values, 2);
    if (!query_next(query))
        return;
    *after = query_int(query, 0);
    *after_ms = query_time(query, 1);
    query_end(query);
}

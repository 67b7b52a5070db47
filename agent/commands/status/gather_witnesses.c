/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/show/query.h"
#include "base/budgets.h"
#include "status.h"

/* What the witnesses said last, about themselves and about the tables. */

static void text_replace(char **text, const char *value)
{
    free(*text);
    *text = must_copy(value, strlen(value));
}

/* The command has just asked the probes itself: that is newer than what the agent kept. */
static void probes_take(struct status *status)
{
    static const enum witness_state states[] = {
        [PROBE_UNKNOWN] = WITNESS_SILENT, [PROBE_UP] = WITNESS_WELL, [PROBE_DOWN] = WITNESS_TROUBLE
    };
    for (size_t i = 0; i < probes_count(status->probes); i++) {
        const struct probe_answer *answer = probes_answer(status->probes, i);
        const char *state = witness_state_name(states[answer->state]);
        for (size_t j = 0; j < status->witness_count; j++) {
            struct status_witness *witness = &status->witnesses[j];
            if (strcmp(witness->name, answer->name) != 0)
                continue;
            if (strcmp(witness->state, state) != 0 || witness->said_ms == 0)
                witness->since_ms = status->now_ms;
            witness->said_ms = status->now_ms;
            witness->is_live = true;
            text_replace(&witness->state, state);
            text_replace(&witness->words, strbuf_text(&answer->words));
        }
    }
}

void status_gather_witnesses(struct status *status, struct query *query)
{
    const int64_t most = WITNESSES_MAX;
    query_ask(query, "SELECT name, state, words, said_at, since_at FROM witness ORDER BY name LIMIT ?1", &most, 1);
    while (query_next(query)) {
        status->witnesses = list_room(status->witnesses, status->witness_count, sizeof *status->witnesses);
        status->witnesses[status->witness_count++] = (struct status_witness){
            .name = query_text_or_empty(query, 0),
            .state = query_text_or_empty(query, 1),
            .words = query_text_or_empty(query, 2),
            .said_ms = query_time(query, 3),
            .since_ms = query_time(query, 4),
        };
    }
    probes_take(status);
}

static struct status_lag *lag_of(struct status *status, const char *table)
{
    for (size_t i = 0; i < status->lag_count; i++)
        if (strcmp(status->lags[i].table, table) == 0)
            return &status->lags[i];
    return NULL;
}

/*
 * The newest run of each table about which witnesses answered. Where the source has nothing that is newer than the table by more than
 * half an interval, no rows are right, however long that lasts.
 */
void status_gather_answers(struct status *status, struct query *query)
{
    query_ask(
        query,
        "SELECT table_name, max(id), rows, rows_from, witnessed_rows, watermark_at, ahead_ms, answered_at FROM run"
        " WHERE cycle_id > (SELECT max(id) FROM cycle) - 200 AND answered_at IS NOT NULL GROUP BY table_name",
        NULL, 0);
    while (query_next(query)) {
        struct status_lag *lag = lag_of(status, query_word(query, 0));
        if (!lag)
            continue;
        bool is_counted = sqlite3_column_type(query->statement, 4) != SQLITE_NULL;
        bool is_compared = sqlite3_column_type(query->statement, 6) != SQLITE_NULL;
        lag->rows_from = rows_from_named(query_word(query, 3));
        lag->rows = query_count(query, 2);
        lag->witnessed_rows = is_counted ? query_int(query, 4) : STATUS_NOT_KNOWN;
        lag->watermark_ms = query_time(query, 5);
        lag->ahead_ms = is_compared ? query_count(query, 6) : STATUS_NOT_KNOWN;
        lag->answered_ms = query_time(query, 7);
        if (lag->rows == 0 && lag->witnessed_rows == 0 && is_compared && lag->watermark_ms &&
            lag->ahead_ms <= status->interval_ms / 2)
            lag->nothing_new_since_ms = query_bound_time(lag->watermark_ms + lag->ahead_ms);
    }
}

void status_free_witnesses(struct status *status)
{
    for (size_t i = 0; i < status->witness_count; i++) {
        free(status->witnesses[i].name);
        free(status->witnesses[i].state);
        free(status->witnesses[i].words);
    }
    free(status->witnesses);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /api/v1/tables: what the runs of each table came to in a period, by default of the last day. */
#include <fnmatch.h>
#include <stdlib.h>

#include "agent/commands/show/format.h"
#include "agent/commands/show/query.h"
#include "agent/commands/status/status.h"
#include "base/budgets.h"
#include "base/json.h"
#include "cycle.h"
#include "site.h"

enum { USUAL_TABLES = 100 };
static const int64_t a_day_ms = INT64_C(86400000);

struct table_sum {
    char *table; /* owned */
    int64_t runs[RUN_OUTCOMES];
    int64_t rows, duration_ms, last_success_ms;
};

struct table_sums {
    struct table_sum *at;
    size_t count;
    bool is_cut;
};

/* A number that no agent wrote counts as 0, so that sums do not overflow. */
#define BOUNDED(column) "CASE WHEN " column " BETWEEN 0 AND 1000000000000 THEN " column " ELSE 0 END"

static enum run_outcome outcome_named(const char *name)
{
    for (int i = 0; i < RUN_OUTCOMES; i++)
        if (strcmp(run_outcome_name((enum run_outcome)i), name) == 0)
            return (enum run_outcome)i;
    return RUN_OUTCOMES;
}

/* The rows come sorted by table. CROSS JOIN makes SQLite look up the cycles of the period first. */
static void sums_gather(struct table_sums *sums, struct query *query, const struct request *request, int64_t since_ms,
                        int64_t until_ms, size_t most)
{
    const char *glob = request->values[PARAMETER_TABLE], *after = request->values[PARAMETER_AFTER];
    int64_t values[] = { since_ms, until_ms };
    query_ask(query,
              "SELECT r.table_name, r.outcome, count(*), sum(" BOUNDED("r.rows") "), sum(" BOUNDED(
                  "r.duration_ms") "),"
                                   " max(CASE WHEN r.outcome = 'success' THEN r.ended_at END)"
                                   " FROM cycle c CROSS JOIN run r ON r.cycle_id = c.id WHERE c.started_at >= ?1 AND "
                                   "c.started_at < ?2"
                                   " GROUP BY r.table_name, r.outcome ORDER BY r.table_name",
              values, 2);
    while (query_next(query)) {
        const char *name = query_word(query, 0);
        struct table_sum *last = sums->count ? &sums->at[sums->count - 1] : NULL;
        if ((after && strcmp(name, after) <= 0) || (glob && fnmatch(glob, name, 0) != 0))
            continue;
        if (!last || strcmp(last->table, name) != 0) {
            sums->is_cut = sums->count == most;
            if (sums->is_cut)
                break;
            sums->at = list_room(sums->at, sums->count, sizeof *sums->at);
            last = &sums->at[sums->count++];
            *last = (struct table_sum){ .table = query_text_or_empty(query, 0) };
        }
        enum run_outcome outcome = outcome_named(query_word(query, 1));
        if (outcome == RUN_OUTCOMES)
            continue;
        last->runs[outcome] += query_count(query, 2);
        last->rows += query_count(query, 3);
        last->duration_ms += outcome == RUN_SUCCESS ? query_count(query, 4) : 0;
        if (query_time(query, 5) > last->last_success_ms)
            last->last_success_ms = query_time(query, 5);
    }
    query_end(query);
}

static void sums_free(struct table_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++)
        free(sums->at[i].table);
    free(sums->at);
}

static const struct status_lag *table_lag(const struct status *status, const char *table)
{
    for (size_t i = 0; i < status->lag_count; i++)
        if (strcmp(status->lags[i].table, table) == 0)
            return &status->lags[i];
    return NULL;
}

/* The lag is that of now. A table that the newest cycles did not run has none. */
static void put_sum(struct json_writer *json, const struct table_sum *sum, const struct status *status)
{
    const struct status_lag *lag = table_lag(status, sum->table);
    json_open(json, NULL, '{');
    json_put_text(json, "table", sum->table);
    json_open(json, "runs", '{');
    for (int i = 0; i < RUN_OUTCOMES; i++)
        json_put_int(json, run_outcome_name((enum run_outcome)i), sum->runs[i]);
    json_close(json, '}');
    json_put_int(json, "rows", sum->rows);
    json_put_int(json, "success_duration_ms", sum->duration_ms);
    json_put_time(json, "last_success", lag && lag->last_success_ms ? lag->last_success_ms : sum->last_success_ms);
    if (lag && lag->last_success_ms)
        json_put_int(json, "lag_ms", lag->lag_ms);
    else
        json_put_null(json, "lag_ms");
    json_put_text(json, "level", lag ? status_level_name(lag->level) : NULL);
    json_close(json, '}');
}

static void put_sums(const struct table_sums *sums, const struct status *status, const struct request *request,
                     int64_t since_ms, int64_t until_ms, struct strbuf *out)
{
    struct json_writer json = { .out = out };
    json_open(&json, NULL, '{');
    json_put_int(&json, "version", 1);
    json_put_time(&json, "as_of", status->as_of_ms);
    json_put_time(&json, "since", since_ms);
    json_put_time(&json, "until", until_ms);
    json_open(&json, "tables", '[');
    for (size_t i = 0; i < sums->count; i++)
        put_sum(&json, &sums->at[i], status);
    json_close(&json, ']');
    api_put_next(&json, request, "/api/v1/tables", PARAMETER_AFTER,
                 sums->is_cut && sums->count ? sums->at[sums->count - 1].table : NULL);
    json_close(&json, '}');
    strbuf_puts(out, "\n");
}

static bool gather_and_put(const struct site *site, struct sqlite3 *db, const struct request *request, int64_t since_ms,
                           int64_t until_ms, size_t limit, struct answer *answer, struct strbuf *error)
{
    struct status status = { 0 };
    struct table_sums sums = { 0 };
    struct query query = { .db = db };
    bool good = status_gather(&status, db, site->config, NULL, show_now_ms(), error);
    if (good) {
        sums_gather(&sums, &query, request, since_ms, until_ms, limit);
        good = !query_failed(&query);
        strbuf_puts(error, strbuf_text(&query.error));
    }
    if (good)
        put_sums(&sums, &status, request, since_ms, until_ms, &answer->body);
    sums_free(&sums);
    strbuf_free(&query.error);
    status_free(&status);
    return good;
}

bool answer_api_tables(const struct site *site, struct sqlite3 *db, const struct request *request,
                       struct answer *answer, struct strbuf *error)
{
    struct query query = { .db = db };
    struct strbuf why = { 0 };
    int64_t until_ms = status_as_of(&query, show_now_ms()) + 1, since_ms = INT64_MIN;
    size_t limit = 0;
    bool good = !query_failed(&query);
    strbuf_puts(error, strbuf_text(&query.error));
    strbuf_free(&query.error);
    if (good && page_period(request, &since_ms, &until_ms, &why))
        limit = api_limit(request, USUAL_TABLES, REPORT_TABLES_MAX, &why);
    if (since_ms == INT64_MIN)
        since_ms = until_ms - a_day_ms;
    if (why.len)
        site_refuse(site, SITE_BAD_REQUEST, why.at, answer);
    else if (good)
        good = gather_and_put(site, db, request, since_ms, until_ms, limit, answer, error);
    strbuf_free(&why);
    return good;
}

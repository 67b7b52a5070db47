/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /api/v1/cycles: cycles with their runs, newest first. */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/commands/show/format.h"
#include "agent/commands/status/status.h"
#include "base/budgets.h"
#include "base/json.h"
#include "cycles.h"
#include "site.h"

enum { USUAL_CYCLES = 50 };

/* What is put into one answer. */
struct page_of_cycles {
    const char *table; /* a glob; NULL: any */
    size_t limit, runs_left;
    size_t count;    /* of cycles that were put */
    int64_t last_id; /* of the cycle that was looked at last */
    int64_t as_of_ms;
};

static void api_put_run(struct json_writer *json, const struct run_row *run)
{
    json_open(json, NULL, '{');
    json_put_int(json, "id", run->id);
    json_put_text(json, "table", run->table);
    json_put_time(json, "started", run->started_ms);
    json_put_time(json, "ended", run->ended_ms);
    json_put_text(json, "outcome", run->outcome);
    json_put_int(json, "duration_ms", run->duration_ms);
    if (run->rows < 0)
        json_put_null(json, "rows");
    else
        json_put_int(json, "rows", run->rows);
    json_put_text(json, "rows_from", rows_from_name(run->rows_from));
    if (run->exit_code < 0)
        json_put_null(json, "exit_code");
    else
        json_put_int(json, "exit_code", run->exit_code);
    json_put_text(json, "error", run->error);
    json_close(json, '}');
}

static bool run_is_wanted(const struct page_of_cycles *page, const struct run_row *run)
{
    return !page->table || fnmatch(page->table, run->table, 0) == 0;
}

static void api_put_cycle(struct json_writer *json, const struct cycle_row *cycle, const struct run_rows *runs,
                          const struct page_of_cycles *page)
{
    json_open(json, NULL, '{');
    json_put_int(json, "id", cycle->id);
    json_put_time(json, "started", cycle->started_ms);
    json_put_time(json, "ended", cycle->ended_ms);
    json_put_text(json, "outcome", cycle->outcome);
    json_put_int(json, "duration_ms", cycle->duration_ms);
    json_put_int(json, "succeeded", cycle->succeeded);
    json_put_int(json, "failed", cycle->failed);
    json_put_int(json, "timed_out", cycle->timed_out);
    json_put_int(json, "rows", cycle->rows);
    json_open(json, "runs", '[');
    for (size_t i = 0; i < runs->count; i++)
        if (run_is_wanted(page, &runs->at[i]))
            api_put_run(json, &runs->at[i]);
    json_close(json, ']');
    json_put_bool(json, "runs_cut", runs->is_cut);
    json_close(json, '}');
}

/* A cycle without a run that is wanted is left out. False: the answer is full. */
static bool api_take_cycle(struct json_writer *json, struct query *query, const struct cycle_row *cycle,
                           struct page_of_cycles *page)
{
    struct run_rows runs = { 0 };
    if (page->count == page->limit || page->runs_left == 0)
        return false;
    runs_gather(&runs, query, cycle->id,
                page->runs_left < SERVE_CYCLE_RUNS_MAX ? page->runs_left : SERVE_CYCLE_RUNS_MAX);
    bool is_wanted = !page->table;
    for (size_t i = 0; i < runs.count && !is_wanted; i++)
        is_wanted = run_is_wanted(page, &runs.at[i]);
    if (is_wanted) {
        api_put_cycle(json, cycle, &runs, page);
        page->count++;
    }
    page->runs_left -= runs.count;
    page->last_id = cycle->id;
    runs_free(&runs);
    return true;
}

static void put_page(struct json_writer *json, struct query *query, const struct request *request,
                     const struct cycle_rows *list, struct page_of_cycles *page)
{
    char last[24];
    size_t taken = 0;
    json_open(json, NULL, '{');
    json_put_int(json, "version", 1);
    json_put_time(json, "as_of", page->as_of_ms);
    json_open(json, "cycles", '[');
    while (taken < list->count && api_take_cycle(json, query, &list->at[taken], page))
        taken++;
    json_close(json, ']');
    snprintf(last, sizeof last, "%" PRId64, page->last_id);
    api_put_next(json, request, "/api/v1/cycles", PARAMETER_BEFORE, taken < list->count || list->is_cut ? last : NULL);
    json_close(json, '}');
}

/* The history at one moment, as far as the page reads it. */
static bool api_put_page(const struct request *request, struct sqlite3 *db, int64_t since_ms, int64_t until_ms,
                         int64_t before, struct page_of_cycles *page, struct answer *answer, struct strbuf *error)
{
    struct query query = { .db = db };
    struct cycle_rows list = { 0 };
    struct json_writer json = { .out = &answer->body };
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    page->as_of_ms = status_as_of(&query, show_now_ms());
    cycles_gather_behind(&list, &query, since_ms, until_ms, before, page->as_of_ms,
                         page->table ? SERVE_API_LOOKED_MAX : page->limit);
    put_page(&json, &query, request, &list, page);
    strbuf_puts(&answer->body, "\n");
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    cycles_free(&list);
    bool good = !query_failed(&query);
    strbuf_puts(error, strbuf_text(&query.error));
    strbuf_free(&query.error);
    return good;
}

bool answer_api_cycles(const struct site *site, struct sqlite3 *db, const struct request *request,
                       struct answer *answer, struct strbuf *error)
{
    int64_t since_ms = INT64_MIN, until_ms = INT64_MAX, before = 0;
    struct strbuf why = { 0 };
    struct page_of_cycles page = { .table = request->values[PARAMETER_TABLE], .runs_left = SERVE_API_RUNS_MAX };
    bool good = true;
    if (api_before(request, &before, &why) && page_period(request, &since_ms, &until_ms, &why))
        page.limit = api_limit(request, USUAL_CYCLES, SERVE_CYCLES_MAX, &why);
    if (why.len)
        site_refuse(site, SITE_BAD_REQUEST, why.at, answer);
    else
        good = api_put_page(request, db, since_ms, until_ms, before, &page, answer, error);
    strbuf_free(&why);
    return good;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>

/*
 * Tables that are no longer offloaded. Nothing of them will ever recover, so their incidents end, with these words.
 *
 * 1. Removed: the scheduler was started with fewer tables than the last cycle with this table had, and a completed cycle says the same
 *    number and ran as many. One warning names all that were removed, because that may be a mistake of whoever changed the configuration,
 *    and ends by itself. There is none for a table whose incident ends with its removal: people know of it.
 * 2. Replaced: likewise, but the number of tables is no smaller, so that others took its place. That may be a table with a new
 *    name as well as a mistake, so lag judges it. It ends when twice the critical lag is over, before anybody is reminded of it.
 * 3. Forgotten: no cycle of a whole day ran it.
 */

enum { CYCLES_LEAST = 4, TOLD_FOR_MS = 30 * MINUTE_MS };

static bool ran(const struct context *context, const struct table *table)
{
    return table->last_cycle_id == context->model->cycle.id;
}

bool gone_cycle_is_whole(const struct context *context)
{
    const struct model *model = context->model;
    int64_t count = 0;
    if (model->cycle.id == 0 || model->cycle.outcome == CYCLE_RUNNING || model->cycle.outcome == CYCLE_ABORTED ||
        model->started_tables <= 0 || model->cycle.tables != model->started_tables)
        return false;
    for (size_t i = 0; i < context->tables->count; i++)
        count += ran(context, &context->tables->at[i]);
    return count == model->started_tables;
}

bool gone_is_replaced(const struct context *context, const struct table *table)
{
    return !ran(context, table) && table_waits_since(table) < context->schedule->started_ms &&
           gone_cycle_is_whole(context);
}

static bool is_removed(const struct context *context, const struct table *table)
{
    return table->among > context->model->started_tables;
}

/* The table's part of the judgement, the newest cycle being whole or not. */
static bool is_gone(const struct context *context, const struct table *table, bool is_whole)
{
    int64_t a_day = DAY_MS / schedule_interval(context->schedule);
    int64_t waits_ms = context->moment->now_ms - table_waits_since(table);
    if (table->retired || ran(context, table))
        return false;
    if (is_whole && is_removed(context, table))
        return true;
    bool is_old = waits_ms > 2 * schedule_lag_critical(context->schedule);
    return (is_whole && is_old && table->cycles_without >= CYCLES_LEAST && gone_is_replaced(context, table)) ||
           table->cycles_without >= (a_day > CYCLES_LEAST ? a_day : CYCLES_LEAST);
}

/* Returns true if people know of it, because an incident of it was open. */
static bool retire(struct context *context, struct table *table)
{
    explain(context->explainer, KIND_LAG, table, VERDICT_ENDED,
            "no longer offloaded: %" PRId64 " cycles completed without it; %" PRId64
            " tables since the scheduler's start, %" PRId64 " in the last cycle with it",
            table->cycles_without, context->model->started_tables, table->among);
    table->retired = true;
    table_forget_failures(table);
    failures_forget(table);
    return incidents_leave(context->incidents, table);
}

/* --- the warning --------------------------------------------------------------------------------------------- */

/* All that are removed at once share an incident, because it begins for all of them now. */
static void warn(struct context *context, struct table *table)
{
    int64_t now = context->model->started_tables, before = table->among;
    struct strbuf what = { 0 }, rule = { 0 };
    strbuf_printf(&what,
                  "taken out of the configuration: the scheduler was started with %" PRId64
                  " table%s instead of %" PRId64 ", and its cycle ran all of them",
                  now, now == 1 ? "" : "s", before);
    strbuf_printf(&rule,
                  "%" PRId64 " tables in the last cycle with it; %" PRId64
                  " at the scheduler's start, in the newest cycle, and run by that",
                  before, now);
    incidents_raise(context->incidents,
                    &(struct finding){
                        .kind = KIND_LAG,
                        .severity = SEVERITY_WARNING,
                        .table = table,
                        .onset_ms = context->moment->now_ms,
                        .what = strbuf_text(&what),
                        .rule = strbuf_text(&rule),
                        .cause = { .scenario = "2", .first_command = "systemctl cat iceberg-offload-scheduler" },
                    });
    strbuf_free(&what);
    strbuf_free(&rule);
}

static void gone_fact(struct context *context, const struct fact *fact)
{
    bool is_whole = gone_cycle_is_whole(context);
    (void)fact;
    for (size_t i = 0; i < context->tables->count; i++) {
        struct table *table = &context->tables->at[i];
        if (!is_gone(context, table, is_whole))
            continue;
        bool is_news = is_whole && is_removed(context, table) && table->last_success_ms;
        if (!retire(context, table) && is_news)
            warn(context, table);
    }
}

/* When the warning ends for a table that has one. */
static int64_t told_until(const struct context *context, const struct table *table)
{
    const struct incident_record *record = table->retired ? incidents_find(context->incidents, KIND_LAG, table) : NULL;
    return record ? record->incident.opened_ms + TOLD_FOR_MS : INT64_MAX;
}

static int64_t gone_due(const struct context *context)
{
    int64_t best_ms = INT64_MAX;
    for (size_t i = 0; i < context->tables->count; i++) {
        int64_t due_ms = told_until(context, &context->tables->at[i]);
        best_ms = due_ms < best_ms ? due_ms : best_ms;
    }
    return best_ms;
}

static void gone_expire(struct context *context)
{
    for (size_t i = 0; i < context->tables->count; i++)
        if (told_until(context, &context->tables->at[i]) <= context->moment->now_ms)
            incidents_leave(context->incidents, &context->tables->at[i]);
}

const struct detector detect_gone = {
    .hears = HEARS(FACT_CYCLE_COMPLETED),
    .fact = gone_fact,
    .due = gone_due,
    .expire = gone_expire,
};

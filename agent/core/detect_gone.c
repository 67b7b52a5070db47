/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>

/*
 * Tables that are no longer offloaded. Nothing of them will ever recover, so their incidents end, with these words.
 *
 * 1. Taken out: the scheduler was started anew, its start and a completed cycle say the same number of tables, and the cycle ran as many:
 *    then no other table is in the configuration, whether the number is smaller or others took its place (a new name). One warning
 *    names all such tables, because that may be a mistake of whoever changed the configuration, and ends by itself. There is none
 *    for a table whose incident ends with this: people know of it.
 * 2. Likewise, but the start was not seen, as in a log that was rotated right then: the cycles alone say it. Then lag judges the table until
 *    one and a half times the critical lag is over, which is before anybody is reminded of it.
 * 3. Forgotten: no cycle of a whole day ran it.
 */

enum { CYCLES_LEAST = 4, TOLD_FOR_MS = 30 * MINUTE_MS };

static bool ran(const struct context *context, const struct table *table)
{
    return table->last_cycle_id == context->model->cycle.id;
}

/* The newest cycle ran as many tables as it said. */
static bool is_complete(const struct context *context)
{
    int64_t count = 0;
    for (size_t i = 0; i < context->tables->count; i++)
        count += ran(context, &context->tables->at[i]);
    return count > 0 && count == context->model->cycle.tables;
}

static bool is_taken_out(const struct context *context, const struct table *table)
{
    const struct model *model = context->model;
    if (table->last_cycle_id > model->past_cycle_id) /* this life of the scheduler ran it */
        return false;
    if (model->started_tables > 0)
        return model->started_tables == model->cycle.tables;
    int64_t waits_ms = context->moment->now_ms - table_waits_since(table);
    return 2 * waits_ms >= 3 * schedule_lag_critical(context->schedule); /* no fewer than three cycles */
}

static bool is_forgotten(const struct context *context, const struct table *table)
{
    int64_t a_day = DAY_MS / schedule_interval(context->schedule);
    return table->cycles_without >= (a_day > CYCLES_LEAST ? a_day : CYCLES_LEAST);
}

/* Returns true if people know of it, because an incident of it was open. */
static bool retire(struct context *context, struct table *table)
{
    explain(context->explainer, KIND_LAG, table, VERDICT_ENDED,
            "no longer offloaded: %" PRId64 " cycles completed without it; the newest one ran %d tables, the "
            "scheduler was started with %" PRId64,
            table->cycles_without, context->model->cycle.tables, context->model->started_tables);
    table->retired = true;
    tables_touch(context->tables, table, TOUCHED_LIVE);
    table_forget_failures(table);
    failures_forget(table);
    return incidents_leave(context->incidents, table);
}

/* --- the warning --------------------------------------------------------------------------------------------- */

/* All that are removed at once share an incident, because it begins for all of them now. */
static void warn(struct context *context, struct table *table)
{
    int64_t count = context->model->started_tables;
    struct strbuf detail = { 0 }, rule = { 0 };
    strbuf_printf(&detail, "the scheduler was started with %" PRId64 " table%s", count, count == 1 ? "" : "s");
    strbuf_printf(&rule, "%" PRId64 " tables at the scheduler's start and in its newest cycle, which ran as many",
                  count);
    incidents_raise(context->incidents, &(struct finding){
                                            .kind = KIND_LAG,
                                            .severity = SEVERITY_WARNING,
                                            .table = table,
                                            .onset_ms = context->moment->now_ms,
                                            .what = "{tables} taken out of the configuration {at}",
                                            .detail = strbuf_text(&detail),
                                            .rule = strbuf_text(&rule),
                                            .cause = cause_of_kind(context->sources, "lag"),
                                        });
    strbuf_free(&detail);
    strbuf_free(&rule);
}

static void gone_fact(struct context *context, const struct fact *fact)
{
    bool is_whole = is_complete(context);
    (void)fact;
    for (size_t i = 0; i < context->tables->count; i++) {
        struct table *table = &context->tables->at[i];
        if (table->retired || ran(context, table))
            continue;
        bool is_out = is_whole && is_taken_out(context, table);
        if (!is_out && !is_forgotten(context, table))
            continue;
        bool is_known = retire(context, table);
        if (is_out && !is_known && table->last_success_ms)
            warn(context, table);
    }
}

/* True if the table is in the incident because it was taken out of the configuration. */
static bool is_told_of(const struct context *context, const struct incident_record *record, size_t member)
{
    return record->incident.open && record->kind == KIND_LAG && record->members[member].bad &&
           context->tables->at[record->members[member].table].retired;
}

static int64_t gone_due_of_place(const void *ctx, size_t place)
{
    const struct context *context = ctx;
    const struct incident_record *record = context->incidents->places[place];
    size_t member = 0;
    if (!record || !record->incident.open || record->kind != KIND_LAG)
        return INT64_MAX;
    while (member < record->member_count && !is_told_of(context, record, member))
        member++;
    return member < record->member_count ? record->incident.opened_ms + TOLD_FOR_MS : INT64_MAX;
}

/* The incidents are asked, not the tables, because this is asked at nearly every line and few are open. */
static int64_t gone_due(const struct context *context)
{
    if (context->incidents->open[KIND_LAG].count == 0)
        return INT64_MAX;
    return deadlines_first(&context->incidents->deadlines[DEADLINES_GONE], gone_due_of_place, context);
}

/* When the warning ends for a table that has one. */
static int64_t told_until(const struct context *context, const struct table *table)
{
    const struct incident_record *record = table->retired ? incidents_find(context->incidents, KIND_LAG, table) : NULL;
    return record ? record->incident.opened_ms + TOLD_FOR_MS : INT64_MAX;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <stdlib.h>

/*
 * Lag, the net below everything else: the last success of a table is too old, although nothing that is known explains it.
 *
 * For all tables it is explained while a cycle is in progress, the scheduler is stopped or has not completed a cycle since its start (its
 * first one may come after a pause that is longer than the thresholds of its new interval), and while an incident of the scheduler is open,
 * or one of slow cycles that went beyond the fixed threshold. For one table it is explained by its open incident of failures, and by a
 * last run that failed, until a cycle completes without running it again: a table that failed once and is then left out lags.
 *
 * A table that the newest cycle ran is as fresh as the schedule lets it be while the scheduler waits for its next run. That matters where
 * the runs are unevenly spaced (a pause at night): the promise says when the next one comes, and a broken one is an incident of
 * the scheduler. The same holds for a table that is left out of cycles as a rule, for as many as usual. It does not hold for thresholds that
 * somebody has set.
 */

static bool explained_for_all(const struct context *context)
{
    return context->schedule->is_starting || context->schedule->stopped_ms || model_cycle_running(context->model) ||
           incidents_find(context->incidents, KIND_DOWN, NULL) || slow_explains_lag(context);
}

/* What holds for all tables, and what their deadlines were reckoned with: all may be earlier where it changes. */
struct lag {
    int64_t warning_ms, critical_ms;
    bool may_await; /* a table that the newest cycle ran waits for its turn */
};

static void lag_begin(struct context *context)
{
    context->lag = must_alloc(sizeof *context->lag);
}

static void notice_all(const struct context *context)
{
    const struct cycle *cycle = &context->model->cycle;
    bool are_set = context->settings->detect.lag_warning_ms > 0 || context->settings->detect.lag_critical_ms > 0;
    bool may_await = !are_set && context->schedule->promise_ms && cycle->id && cycle->outcome != CYCLE_ABORTED;
    int64_t warning_ms = schedule_lag_warning(context->schedule),
            critical_ms = schedule_lag_critical(context->schedule);
    struct lag *lag = context->lag;
    if (lag->warning_ms == warning_ms && lag->critical_ms == critical_ms && lag->may_await == may_await)
        return;
    *lag = (struct lag){ warning_ms, critical_ms, may_await };
    deadlines_mark_all(&context->tables->deadlines[DEADLINES_LAG], context->tables->count);
}

static bool awaits_its_turn(const struct context *context, const struct table *table)
{
    return context->lag->may_await && table->last_cycle_id && table->cycles_without <= table_usual_absence(table);
}

static bool explained(const struct context *context, const struct table *table)
{
    return table->retired || (table->last_failed && table->cycles_without == 0) || awaits_its_turn(context, table) ||
           incidents_find(context->incidents, KIND_FAILURES, table);
}

static int64_t lag_due_of_table(const void *ctx, size_t index)
{
    const struct context *context = ctx;
    const struct table *table = &context->tables->at[index];
    if (index >= context->tables->count || explained(context, table))
        return INT64_MAX;
    const struct incident_record *record = incidents_find(context->incidents, KIND_LAG, table);
    if (!record)
        return table_waits_since(table) + context->lag->warning_ms;
    if (record->incident.severity == SEVERITY_WARNING)
        return table_waits_since(table) + context->lag->critical_ms;
    return INT64_MAX;
}

static int64_t due_of_few(const struct context *context)
{
    int64_t best_ms = INT64_MAX;
    for (size_t i = 0; i < context->tables->count; i++) {
        int64_t due_ms = lag_due_of_table(context, i);
        best_ms = due_ms < best_ms ? due_ms : best_ms;
    }
    return best_ms;
}

static int64_t lag_due(const struct context *context)
{
    if (context->tables->count == 0 || !schedule_is_known(context->schedule) || explained_for_all(context))
        return INT64_MAX;
    notice_all(context);
    return tables_are_few(context->tables)
               ? due_of_few(context)
               : deadlines_first(&context->tables->deadlines[DEADLINES_LAG], lag_due_of_table, context);
}

static void say_lag_rule(const struct context *context, int64_t lag_ms, struct strbuf *out)
{
    strbuf_puts(out, "the last success is ");
    duration_words(lag_ms, out);
    strbuf_puts(out, " old; lag is a warning after ");
    duration_words(schedule_lag_warning(context->schedule), out);
    strbuf_puts(out, " and critical after ");
    duration_words(schedule_lag_critical(context->schedule), out);
}

static void raise_lag(struct context *context, struct table *table)
{
    int64_t lag = context->moment->now_ms - table_waits_since(table);
    struct strbuf rule = { 0 };
    say_lag_rule(context, lag, &rule);
    struct incident_record *record = incidents_raise(
        context->incidents,
        &(struct finding){
            .kind = KIND_LAG,
            .severity = lag >= schedule_lag_critical(context->schedule) ? SEVERITY_CRITICAL : SEVERITY_WARNING,
            .table = table,
            .onset_ms = table_waits_since(table),
            .detail = CAUSE_NOT_SAID,
            .rule = strbuf_text(&rule),
            .cause = cause_of_kind(context->sources, "lag"),
        });
    strbuf_free(&rule);
    prometheus_note(record, table_waits_since(table));
}

static void raise_if_due(struct context *context, size_t index)
{
    if (lag_due_of_table(context, index) <= context->moment->now_ms)
        raise_lag(context, &context->tables->at[index]);
}

static void lag_expire(struct context *context)
{
    size_t count;
    if (tables_are_few(context->tables)) {
        for (size_t i = 0; i < context->tables->count; i++)
            raise_if_due(context, i);
        return;
    }
    uint32_t *due = deadlines_due(&context->tables->deadlines[DEADLINES_LAG], context->moment->now_ms, &count);
    for (size_t i = 0; i < count; i++)
        raise_if_due(context, due[i]);
    free(due);
}

static void explain_success(const struct context *context, const struct table *table)
{
    struct strbuf rule = { 0 };
    say_lag_rule(context, context->moment->now_ms - table_waits_since(table), &rule);
    explain(context->explainer, KIND_LAG, table, VERDICT_NOTHING, "a success: %s", strbuf_text(&rule));
    strbuf_free(&rule);
}

static void lag_fact(struct context *context, const struct fact *fact)
{
    if (explain_is_wanted(context->explainer))
        explain_success(context, fact->table);
    incidents_clear(context->incidents, KIND_LAG, fact->table);
}

const struct detector detect_lag = {
    .begin = lag_begin,
    .hears = HEARS(FACT_RUN_SUCCEEDED),
    .fact = lag_fact,
    .due = lag_due,
    .expire = lag_expire,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

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

static bool awaits_its_turn(const struct context *context, const struct table *table)
{
    const struct cycle *cycle = &context->model->cycle;
    bool are_set = context->settings->detect.lag_warning_ms > 0 || context->settings->detect.lag_critical_ms > 0;
    return !are_set && context->schedule->promise_ms && cycle->id && cycle->outcome != CYCLE_ABORTED &&
           table->last_cycle_id && table->cycles_without <= table_usual_absence(table);
}

static bool explained(const struct context *context, const struct table *table)
{
    return table->retired || (table->last_failed && table->cycles_without == 0) || awaits_its_turn(context, table) ||
           incidents_find(context->incidents, KIND_FAILURES, table);
}

static int64_t table_due(const struct context *context, const struct table *table)
{
    const struct incident_record *record = incidents_find(context->incidents, KIND_LAG, table);
    if (!record)
        return table_waits_since(table) + schedule_lag_warning(context->schedule);
    if (record->incident.severity == SEVERITY_WARNING)
        return table_waits_since(table) + schedule_lag_critical(context->schedule);
    return INT64_MAX;
}

static int64_t lag_due(const struct context *context)
{
    int64_t best = INT64_MAX;
    if (context->tables->count == 0 || !schedule_is_known(context->schedule) || explained_for_all(context))
        return best;
    for (size_t i = 0; i < context->tables->count; i++) {
        const struct table *table = &context->tables->at[i];
        if (explained(context, table))
            continue;
        int64_t due = table_due(context, table);
        best = due < best ? due : best;
    }
    return best;
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

static void lag_expire(struct context *context)
{
    for (size_t i = 0; i < context->tables->count; i++) {
        struct table *table = &context->tables->at[i];
        if (!explained(context, table) && table_due(context, table) <= context->moment->now_ms)
            raise_lag(context, table);
    }
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
    .hears = HEARS(FACT_RUN_SUCCEEDED),
    .fact = lag_fact,
    .due = lag_due,
    .expire = lag_expire,
};

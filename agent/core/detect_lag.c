/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

/*
 * Lag, the net below everything else: the last success of a table is too old, although nothing that is known explains it. Its last
 * run did not fail, no cycle is in progress, the scheduler has completed a cycle since its start (its first one may come after a pause
 * that is longer than the thresholds of its new interval), and no incident of the scheduler, of slow cycles or of its failures is open.
 */

static bool explained_for_all(const struct context *context)
{
    return context->schedule->is_starting || model_cycle_running(context->model) ||
           incidents_find(context->incidents, KIND_DOWN, NULL) || incidents_find(context->incidents, KIND_SLOW, NULL);
}

static bool explained(const struct context *context, const struct table *table)
{
    return table->retired || table->last_failed || incidents_find(context->incidents, KIND_FAILURES, table);
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
    if (context->tables->count == 0 || explained_for_all(context))
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

static void raise_lag(struct context *context, struct table *table)
{
    int64_t lag = context->moment->now_ms - table_waits_since(table);
    struct strbuf what = { 0 };
    strbuf_puts(&what, "no success for ");
    describe_duration(lag, &what);
    strbuf_puts(&what, ", and nothing explains it");
    struct incident_record *record = incidents_raise(
        context->incidents,
        &(struct finding){
            .kind = KIND_LAG,
            .severity = lag >= schedule_lag_critical(context->schedule) ? SEVERITY_CRITICAL : SEVERITY_WARNING,
            .table = table,
            .onset_ms = table_waits_since(table),
            .what = strbuf_text(&what),
            .cause = { NULL, "2", "curl -s http://localhost:8000/metrics | grep offload_lag_minutes" },
        });
    strbuf_free(&what);
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

/* A table that no cycle of a whole day ran is no longer offloaded. Nothing of it will ever recover, so its incidents end. */
static void retire_absent(struct context *context)
{
    int64_t day = DAY_MS / schedule_interval(context->schedule);
    for (size_t i = 0; i < context->tables->count; i++) {
        struct table *table = &context->tables->at[i];
        if (table->retired || table->cycles_without < (day > 4 ? day : 4))
            continue;
        table->retired = true;
        for (int kind = 0; kind < KINDS; kind++)
            incidents_clear(context->incidents, (enum incident_kind)kind, table);
    }
}

static void lag_fact(struct context *context, const struct fact *fact)
{
    if (fact->kind == FACT_RUN_SUCCEEDED)
        incidents_clear(context->incidents, KIND_LAG, fact->table);
    else
        retire_absent(context);
}

const struct detector detect_lag = {
    .hears = HEARS(FACT_RUN_SUCCEEDED) | HEARS(FACT_CYCLE_COMPLETED),
    .fact = lag_fact,
    .due = lag_due,
    .expire = lag_expire,
};

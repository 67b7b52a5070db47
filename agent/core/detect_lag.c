/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <inttypes.h>

/*
 * Lag: the net below everything else. A table whose last success is too old, although nothing that is known explains
 * it: its last run did not fail, no cycle is in progress, and neither scheduler, cycle time nor failures are an incident.
 */

static bool explained_for_all(const struct engine *engine)
{
    return model_cycle_running(engine) || pool_find(engine, FAMILY_DOWN, NULL) || pool_find(engine, FAMILY_SLOW, NULL);
}

static bool explained(const struct engine *engine, const struct table *table)
{
    return table->retired || table->last_failed || pool_find(engine, FAMILY_FAILURES, table);
}

static int64_t table_due(const struct engine *engine, const struct table *table)
{
    const struct tracked *tracked = pool_find(engine, FAMILY_LAG, table);
    if (!tracked)
        return table_waits_since(table) + engine_lag_warning(engine);
    if (tracked->facts.severity == SEVERITY_WARNING)
        return table_waits_since(table) + engine_lag_critical(engine);
    return INT64_MAX;
}

static int64_t lag_due(const struct engine *engine)
{
    int64_t best = INT64_MAX;
    if (engine->table_count == 0 || explained_for_all(engine))
        return best;
    for (size_t i = 0; i < engine->table_count; i++) {
        const struct table *table = &engine->tables[i];
        if (explained(engine, table))
            continue;
        int64_t due = table_due(engine, table);
        best = due < best ? due : best;
    }
    return best;
}

static void raise_lag(struct engine *engine, struct table *table)
{
    int64_t lag = engine->clock_ms - table_waits_since(table);
    struct strbuf what = { 0 };
    strbuf_puts(&what, "no success for ");
    describe_duration(lag, &what);
    strbuf_puts(&what, ", and nothing explains it");
    struct tracked *tracked =
        pool_raise(engine, &(struct complaint){
                               .family = FAMILY_LAG,
                               .severity = lag >= engine_lag_critical(engine) ? SEVERITY_CRITICAL : SEVERITY_WARNING,
                               .table = table,
                               .onset_ms = table_waits_since(table),
                               .what = strbuf_text(&what),
                               .scenario = "2",
                               .first_command = "curl -s http://localhost:8000/metrics | grep offload_lag_minutes",
                           });
    strbuf_free(&what);
    prometheus_lag(tracked, table_waits_since(table));
}

static void lag_expire(struct engine *engine)
{
    for (size_t i = 0; i < engine->table_count; i++) {
        struct table *table = &engine->tables[i];
        if (!explained(engine, table) && table_due(engine, table) <= engine->clock_ms)
            raise_lag(engine, table);
    }
}

/* A table that a whole day of completed cycles did without is no longer offloaded: nothing of it will ever recover. */
static void retire_absent(struct engine *engine)
{
    int64_t day = DAY_MS / engine_interval(engine);
    for (size_t i = 0; i < engine->table_count; i++) {
        struct table *table = &engine->tables[i];
        if (table->retired || table->cycles_without < (day > 4 ? day : 4))
            continue;
        table->retired = true;
        for (int family = 0; family < FAMILIES; family++)
            if (pool_find(engine, (enum family)family, table))
                pool_clear(engine, (enum family)family, table);
    }
}

static void lag_fact(struct engine *engine, const struct fact *fact)
{
    if (fact->kind == FACT_RUN_SUCCEEDED)
        pool_clear(engine, FAMILY_LAG, fact->table);
    else if (fact->kind == FACT_CYCLE_COMPLETED)
        retire_absent(engine);
}

const struct detector detect_lag = { lag_fact, lag_due, lag_expire };

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <inttypes.h>

/*
 * Failures of a table in a row. Two are a warning, three are critical; two are critical at once when waiting for the
 * third would tell nobody anything, because by the next slot the lag alone will be critical (certain lag).
 */

static bool lag_is_certain(const struct engine *engine, const struct table *table)
{
    return engine_next_slot(engine) - table_waits_since(table) > engine_lag_critical(engine);
}

static enum severity severity_of(const struct engine *engine, const struct table *table)
{
    int64_t streak = table->failures.streak;
    if (streak < engine->settings.detect.failures_warning)
        return streak >= engine->settings.detect.failures_critical ? SEVERITY_CRITICAL : SEVERITY_NONE;
    if (streak >= engine->settings.detect.failures_critical || (streak >= 2 && lag_is_certain(engine, table)))
        return SEVERITY_CRITICAL;
    return SEVERITY_WARNING;
}

static void say_what(const struct engine *engine, const struct table *table, struct strbuf *out)
{
    strbuf_printf(out, "%" PRId64 " failures in a row", table->failures.streak);
    if (table->last_success_ms) {
        strbuf_puts(out, ", last success ");
        describe_duration(engine->clock_ms - table->last_success_ms, out);
        strbuf_puts(out, " ago");
    }
    if (engine->event && engine->event->kind == EVENT_PROBE_DOWN && engine->event->text.len)
        strbuf_printf(out, ", and a probe finds %.*s down", (int)engine->event->text.len, engine->event->text.at);
}

/* What the earlier failures of the streak said comes before the line that decided. */
static void add_excerpt(struct engine *engine, struct tracked *tracked, const struct table *table)
{
    if (tracked->sequence <= 1 && table->error && tracked->facts.opened_ms == engine->clock_ms)
        pool_note(engine, tracked, "evidence", table->error);
}

static void raise_failures(struct engine *engine, struct table *table, enum severity severity)
{
    struct cause cause = cause_of_failure(table->error, table->exit_code, table->timed_out);
    struct strbuf what = { 0 };
    say_what(engine, table, &what);
    struct tracked *tracked = pool_raise(engine, &(struct complaint){
                                                     .family = FAMILY_FAILURES,
                                                     .severity = severity,
                                                     .table = table,
                                                     .onset_ms = table->failures.first_ms,
                                                     .what = strbuf_text(&what),
                                                     .cause = cause.words,
                                                     .scenario = cause.scenario,
                                                     .first_command = cause.first_command,
                                                     .evidence = table->failure_line,
                                                 });
    strbuf_free(&what);
    add_excerpt(engine, tracked, table);
    if (table->failures.streak >= 3)
        prometheus_failure(tracked, engine->clock_ms);
}

static void on_failed(struct engine *engine, struct table *table)
{
    struct failure_state *failures = &table->failures;
    /* A burst of cycles within a moment is one attempt. */
    if (failures->streak > 0 && engine->clock_ms - failures->counted_ms < engine_burst(engine))
        return;
    if (failures->streak++ == 0)
        failures->first_ms = engine->clock_ms;
    failures->counted_ms = engine->clock_ms;
    enum severity severity = severity_of(engine, table);
    if (severity != SEVERITY_NONE)
        raise_failures(engine, table, severity);
}

static void on_evidence(struct engine *engine, struct table *table)
{
    struct tracked *tracked = pool_find(engine, FAMILY_FAILURES, table);
    if (!tracked)
        return;
    struct cause cause = cause_of_failure(table->error, table->exit_code, table->timed_out);
    pool_evidence(engine, tracked);
    pool_set_cause(engine, tracked, cause.words, cause.scenario, cause.first_command);
}

/* The component that the failures speak of is down: the next attempt can only fail as well. */
static void on_probe_down(struct engine *engine)
{
    for (size_t i = 0; i < engine->table_count; i++) {
        struct table *table = &engine->tables[i];
        struct cause cause = cause_of_failure(table->error, table->exit_code, table->timed_out);
        if (table->failures.streak && pool_find(engine, FAMILY_FAILURES, table) &&
            witness_explains(engine->event->text, cause.scenario))
            raise_failures(engine, table, SEVERITY_CRITICAL);
    }
}

static void failures_fact(struct engine *engine, const struct fact *fact)
{
    switch (fact->kind) {
    case FACT_RUN_FAILED: on_failed(engine, fact->table); break;
    case FACT_RUN_EVIDENCE: on_evidence(engine, fact->table); break;
    case FACT_RUN_SUCCEEDED:
        fact->table->failures.streak = 0;
        pool_clear(engine, FAMILY_FAILURES, fact->table);
        break;
    case FACT_PROBE_DOWN: on_probe_down(engine); break;
    default: break;
    }
}

static int64_t failures_due(const struct engine *engine)
{
    (void)engine;
    return INT64_MAX; /* failures are events, never deadlines */
}

static void failures_expire(struct engine *engine)
{
    (void)engine;
}

const struct detector detect_failures = { failures_fact, failures_due, failures_expire };

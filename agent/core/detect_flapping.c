/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <inttypes.h>

/* Flapping: a table that fails now and then, never often enough in a row to be an incident of its own. */

static size_t failures_since(const struct failure_state *failures, int64_t since_ms)
{
    size_t count = 0;
    while (count < failures->flap_count && failures->flaps[failures->flap_count - 1 - count] > since_ms)
        count++;
    return count;
}

/* What belongs to a consecutive-failures incident is told there. */
static void forget_streak(struct failure_state *failures)
{
    failures->flap_count -= failures_since(failures, failures->first_ms - 1);
}

static void on_failed(struct engine *engine, struct table *table)
{
    struct failure_state *failures = &table->failures;
    bool known = failures->flap_count && failures->flaps[failures->flap_count - 1] == engine->clock_ms;
    if (failures->counted_ms != engine->clock_ms || known)
        return; /* part of a burst */
    if (pool_find(engine, FAMILY_FAILURES, table)) {
        forget_streak(failures);
        return;
    }
    if (failures->flap_count == FLAPS_KEPT)
        memmove(failures->flaps, failures->flaps + 1, --failures->flap_count * sizeof *failures->flaps);
    failures->flaps[failures->flap_count++] = engine->clock_ms;

    size_t recent = failures_since(failures, engine->clock_ms - DAY_MS);
    if ((int64_t)recent <= engine->settings.detect.flapping_per_day)
        return;
    struct cause cause = cause_of_failure(table->error, table->exit_code, table->timed_out);
    struct strbuf what = { 0 };
    strbuf_printf(&what, "%zu failures within a day, never in a row", recent);
    pool_raise(engine, &(struct complaint){
                           .family = FAMILY_SUCCESS_RATE,
                           .severity = SEVERITY_WARNING,
                           .table = table,
                           .onset_ms = failures->flaps[failures->flap_count - recent],
                           .what = strbuf_text(&what),
                           .cause = cause.words,
                           .scenario = cause.scenario,
                           .first_command = cause.first_command,
                       });
    strbuf_free(&what);
}

static void flapping_fact(struct engine *engine, const struct fact *fact)
{
    if (fact->kind == FACT_RUN_FAILED)
        on_failed(engine, fact->table);
}

/* Over when at most one failure lies within a day: when the last but one becomes a day old. */
static int64_t table_due(const struct engine *engine, const struct table *table)
{
    const struct failure_state *failures = &table->failures;
    if (!pool_find(engine, FAMILY_SUCCESS_RATE, table))
        return INT64_MAX;
    return failures->flap_count < 2 ? engine->clock_ms : failures->flaps[failures->flap_count - 2] + DAY_MS;
}

static int64_t flapping_due(const struct engine *engine)
{
    int64_t best = INT64_MAX;
    if (!pool_find(engine, FAMILY_SUCCESS_RATE, NULL))
        return best;
    for (size_t i = 0; i < engine->table_count; i++) {
        int64_t due = table_due(engine, &engine->tables[i]);
        best = due < best ? due : best;
    }
    return best;
}

static void flapping_expire(struct engine *engine)
{
    for (size_t i = 0; i < engine->table_count; i++)
        if (table_due(engine, &engine->tables[i]) <= engine->clock_ms)
            pool_clear(engine, FAMILY_SUCCESS_RATE, &engine->tables[i]);
}

const struct detector detect_flapping = { flapping_fact, flapping_due, flapping_expire };

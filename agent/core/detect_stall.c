/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core.h"

#include <inttypes.h>

/*
 * The silent watermark stall: runs succeed and move nothing. Only the table's own past can tell a stall from an honest zero:
 * with z zero-row runs among n, Jeffreys' prior makes the chance of k more in a row beta-binomial,
 *     P(k) = product over i < k of (z + 1/2 + i) / (n + 1 + i),
 * so that little history is cautious by itself. Zeros cluster (nights, weekends), so k must exceed the longest honest streak as well.
 */

enum { RUNS_LEAST = 8, MARGIN = 2 };

double stall_chance(int64_t runs, int64_t zeros, int64_t streak)
{
    double chance = 1;
    for (int64_t i = 0; i < streak && chance > 0; i++)
        chance *= ((double)(zeros + i) + 0.5) / (double)(runs + 1 + i);
    return chance;
}

bool stall_blind(const struct table *table)
{
    const struct stall_state *stall = &table->stall;
    if (stall->runs == 0)
        return stall->streak >= RUNS_LEAST;
    return ((double)stall->zeros + 0.5) / (double)(stall->runs + 1) > 0.5;
}

static enum severity severity_of(const struct engine *engine, const struct table *table)
{
    const struct stall_state *stall = &table->stall;
    if (stall->runs < RUNS_LEAST || stall_blind(table))
        return SEVERITY_NONE;
    if (stall->zeros > 0 && stall->streak < stall->longest + MARGIN)
        return SEVERITY_NONE;
    double chance = stall_chance(stall->runs, stall->zeros, stall->streak);
    if (stall->streak >= engine->settings.detect.stall_critical_runs && chance < engine->settings.detect.stall_critical_p)
        return SEVERITY_CRITICAL;
    if (stall->streak >= engine->settings.detect.stall_warning_runs && chance < engine->settings.detect.stall_warning_p)
        return SEVERITY_WARNING;
    return SEVERITY_NONE;
}

/* Every table at once, right after a restart: more likely the scheduler no longer reads the counts than that nothing moves. */
static bool counts_may_be_lost(const struct engine *engine)
{
    size_t stalled = 0;
    int64_t started = engine->scheduler.started_ms;
    for (size_t i = 0; i < engine->table_count; i++) {
        const struct stall_state *stall = &engine->tables[i].stall;
        stalled += started && stall->streak > 0 && stall->last_move_ms < started && stall->first_zero_ms >= started;
    }
    return stalled > 1;
}

static void raise_stall(struct engine *engine, struct table *table, enum severity severity)
{
    struct stall_state *stall = &table->stall;
    struct strbuf what = { 0 };
    strbuf_printf(&what, "%" PRId64 " successes in a row with 0 rows", stall->streak);
    strbuf_puts(&what, ", last rows ");
    describe_duration(engine->clock_ms - stall->last_move_ms, &what);
    strbuf_puts(&what, " ago");
    struct tracked *tracked = pool_raise(engine, &(struct complaint){
        .family = FAMILY_STALE,
        .severity = severity,
        .table = table,
        .onset_ms = stall->first_zero_ms,
        .what = strbuf_text(&what),
        .cause = counts_may_be_lost(engine) ? "since a restart: the scheduler may have lost the row counts, or nothing moves"
                                            : "the watermark does not advance",
        .scenario = "4/5",
        .first_command = "docker exec k2-prefect-db psql -U prefect -d prefect -c "
                         "\"SELECT * FROM offload_watermarks ORDER BY created_at DESC LIMIT 5\"",
    });
    strbuf_free(&what);
    stall->reported = true;
    prometheus_stale(tracked, stall->last_move_ms);
}

static void end_streak(struct stall_state *stall)
{
    /* Zeros that were an incident are no honest zeros: learning them would hide the next one. */
    if (stall->streak > 0 && !stall->reported) {
        stall->runs += stall->streak;
        stall->zeros += stall->streak;
        if (stall->streak > stall->longest)
            stall->longest = stall->streak;
    }
    stall->streak = 0;
    stall->reported = false;
}

static void stall_fact(struct engine *engine, const struct fact *fact)
{
    if (fact->kind != FACT_RUN_SUCCEEDED || fact->rows < 0)
        return;
    struct table *table = fact->table;
    struct stall_state *stall = &table->stall;
    if (fact->rows > 0) {
        end_streak(stall);
        stall->runs++;
        stall->last_move_ms = engine->clock_ms;
        pool_clear(engine, FAMILY_STALE, table);
        return;
    }
    /* A second run within a moment has nothing left to move. */
    if (table->last_success_ms && engine->clock_ms - table->last_success_ms < engine_burst(engine))
        return;
    if (stall->streak++ == 0)
        stall->first_zero_ms = engine->clock_ms;
    enum severity severity = severity_of(engine, table);
    if (severity != SEVERITY_NONE)
        raise_stall(engine, table, severity);
}

static int64_t stall_due(const struct engine *engine)
{
    (void)engine;
    return INT64_MAX;
}

static void stall_expire(struct engine *engine)
{
    (void)engine;
}

const struct detector detect_stall = { stall_fact, stall_due, stall_expire };

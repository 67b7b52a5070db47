/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <inttypes.h>

/*
 * The silent watermark stall: runs succeed and move nothing. Only the table's own past can tell a stall from an honest zero:
 * with z zero-row runs among n, Jeffreys' prior makes the chance of k more in a row beta-binomial,
 *     P(k) = product over i < k of (z + 1/2 + i) / (n + 1 + i),
 * so that little history is cautious by itself. Zeros cluster (nights, weekends): k must exceed the longest honest streak, by two
 * if there was any and by an eighth (critical: a quarter) of it where it is long, and the same chance must be small by the rates of the very hours that the streak lies in, each of them
 * leaning towards the rate of all runs as far as it is little known (SEASON_PRIOR).
 *
 * A stall that was mended brings what had gathered; a night that is over brings one run's rows. So a streak that became an
 * incident and ended without catching up is doubtful: for a week the next one is no more than a warning. A table that has
 * honest zeros learns it at once; one that had none learns it when a second one ends the same way within that week.
 */

enum { RUNS_LEAST = 8, MARGIN_LEAST = 2, WARNING_SHARE = 8, CRITICAL_SHARE = 4, SEASON_PRIOR = 28 };
static const int64_t week_ms = 7 * (int64_t)DAY_MS;

static size_t season_of(int64_t at_ms)
{
    bool weekend = (at_ms / DAY_MS + 3) % 7 >= 5; /* 1970 began on a Thursday */
    return hour_of_day(at_ms) + (weekend ? HOURS : 0);
}

static void seasonal_add(struct seasonal *to, const struct seasonal *from)
{
    for (size_t i = 0; i < SEASONS; i++)
        to->counts[i] += from->counts[i];
}

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

/* The same chance with each hour's own rate. */
static double seasonal_chance(const struct stall_state *stall)
{
    double chance = 1, rate = ((double)stall->zeros + 0.5) / (double)(stall->runs + 1);
    int64_t i = 0;
    for (size_t season = 0; season < SEASONS; season++) {
        double zeros = (double)stall->season_zeros.counts[season] + SEASON_PRIOR * rate;
        double runs = (double)stall->season_runs.counts[season] + SEASON_PRIOR;
        for (int64_t n = 0; n < stall->season_streak.counts[season]; n++, i++)
            chance *= (zeros + (double)i) / (runs + (double)i);
    }
    return chance;
}

static double chance_of(const struct stall_state *stall)
{
    double alike = stall_chance(stall->runs, stall->zeros, stall->streak);
    if (stall->zeros == 0)
        return alike;
    double seasonal = seasonal_chance(stall);
    return seasonal > alike ? seasonal : alike;
}

static int64_t margin(const struct stall_state *stall, int64_t share)
{
    return stall->longest / share > MARGIN_LEAST ? stall->longest / share : MARGIN_LEAST;
}

/* Whether enough of the table is known: a day and a night, or a whole week where zeros occur; and no recent streak is in doubt. */
static bool may_be_critical(const struct engine *engine, const struct table *table)
{
    const struct stall_state *stall = &table->stall;
    bool in_doubt = stall->doubted_ms && engine->clock_ms - stall->doubted_ms < week_ms;
    bool longer = stall->zeros == 0 || stall->streak >= stall->longest + margin(stall, CRITICAL_SHARE);
    return longer && !in_doubt && stall->first_zero_ms - table->first_seen_ms >= (stall->zeros ? week_ms : DAY_MS);
}

/* Before a table with zeros has shown a weekend, only what would be critical otherwise is a warning. */
static double warning_p(const struct engine *engine, const struct table *table)
{
    bool young = table->stall.zeros && table->stall.first_zero_ms - table->first_seen_ms < week_ms;
    return young ? engine->settings.detect.stall_critical_p : engine->settings.detect.stall_warning_p;
}

static enum severity severity_of(const struct engine *engine, const struct table *table)
{
    const struct stall_state *stall = &table->stall;
    if (stall->runs < RUNS_LEAST || stall_blind(table))
        return SEVERITY_NONE;
    if (stall->zeros > 0 && stall->streak < stall->longest + margin(stall, WARNING_SHARE))
        return SEVERITY_NONE;
    double chance = chance_of(stall);
    if (stall->streak >= engine->settings.detect.stall_critical_runs &&
        chance < engine->settings.detect.stall_critical_p && may_be_critical(engine, table))
        return SEVERITY_CRITICAL;
    if (stall->streak >= engine->settings.detect.stall_warning_runs && chance < warning_p(engine, table))
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
    struct tracked *tracked = pool_raise(
        engine, &(struct complaint){
                    .family = FAMILY_STALE,
                    .severity = severity,
                    .table = table,
                    .onset_ms = stall->first_zero_ms,
                    .what = strbuf_text(&what),
                    .cause = counts_may_be_lost(engine)
                                 ? "since a restart: the scheduler may have lost the row counts, or nothing moves"
                                 : "the watermark does not advance",
                    .scenario = "4/5",
                    .first_command = "docker exec k2-prefect-db psql -U prefect -d prefect -c "
                                     "\"SELECT * FROM offload_watermarks ORDER BY created_at DESC LIMIT 5\"",
                });
    strbuf_free(&what);
    stall->reported = true;
    prometheus_stale(tracked, stall->last_move_ms);
}

static void learn_streak(struct stall_state *stall, int64_t streak, const struct seasonal *seasons)
{
    stall->runs += streak;
    stall->zeros += streak;
    seasonal_add(&stall->season_runs, seasons);
    seasonal_add(&stall->season_zeros, seasons);
    if (streak > stall->longest)
        stall->longest = streak;
}

/* Whether so many rows are what gathered during the streak, rather than what one run that moves anything moves. */
static bool caught_up(const struct table *table, int64_t rows)
{
    const struct window *window = &table->rows;
    size_t count = window_newest(window, INT64_MIN, SIZE_MAX), moving = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t moved = window->values[window->count - 1 - i];
        moving += moved > 0;
        sum += (double)moved;
    }
    return moving > 0 && (double)rows > sum / (double)moving * (double)(table->stall.streak + 1) / 2;
}

/* It was an incident, and ended without catching up. */
static void doubt_streak(struct stall_state *stall, int64_t now_ms)
{
    bool again = stall->doubtful && now_ms - stall->doubted_ms < week_ms;
    bool honest = again || stall->zeros > 0;
    if (again)
        learn_streak(stall, stall->doubtful, &stall->season_doubtful);
    if (honest)
        learn_streak(stall, stall->streak, &stall->season_streak);
    stall->doubtful = honest ? 0 : stall->streak;
    stall->season_doubtful = stall->season_streak;
    stall->doubted_ms = now_ms;
}

static void end_streak(const struct engine *engine, struct table *table, int64_t rows)
{
    struct stall_state *stall = &table->stall;
    if (stall->streak == 0)
        return;
    if (!stall->reported)
        learn_streak(stall, stall->streak, &stall->season_streak);
    else if (!caught_up(table, rows))
        doubt_streak(stall, engine->clock_ms);
    stall->streak = 0;
    stall->season_streak = (struct seasonal){ 0 };
    stall->reported = false;
}

static void stall_fact(struct engine *engine, const struct fact *fact)
{
    if (fact->kind != FACT_RUN_SUCCEEDED || fact->rows < 0)
        return;
    struct table *table = fact->table;
    struct stall_state *stall = &table->stall;
    if (fact->rows > 0) {
        end_streak(engine, table, fact->rows);
        stall->runs++;
        stall->season_runs.counts[season_of(engine->clock_ms)]++;
        stall->last_move_ms = engine->clock_ms;
        pool_clear(engine, FAMILY_STALE, table);
        return;
    }
    /* A second run within a moment has nothing left to move. */
    if (table->last_success_ms && engine->clock_ms - table->last_success_ms < engine_burst(engine))
        return;
    if (stall->streak++ == 0)
        stall->first_zero_ms = engine->clock_ms;
    stall->season_streak.counts[season_of(engine->clock_ms)]++;
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

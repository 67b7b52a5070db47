/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core.h"

#include <inttypes.h>

/*
 * The silent watermark stall: runs succeed and move nothing. Only the table's own past can tell a stall from an honest zero:
 * with z zero-row runs among n, Jeffreys' prior makes the chance of k more in a row beta-binomial,
 *     P(k) = product over i < k of (z + 1/2 + i) / (n + 1 + i),
 * so that little history is cautious by itself. Zeros cluster (nights, weekends), so k must also exceed the longest honest streak,
 * by two, or by a quarter of it where it is long: nights are not all of one length.
 *
 * A stall that was mended brings what had gathered; a night that is over brings one run's rows. So a streak that became an
 * incident and ended without catching up is doubtful: until a week has passed the next one is no more than a warning,
 * and if it ends the same way, both were honest and are learnt.
 */

enum { RUNS_LEAST = 8, MARGIN_LEAST = 2, MARGIN_SHARE = 4 };
static const int64_t doubt_ms = 7 * (int64_t)DAY_MS;

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

static int64_t streak_needed(const struct stall_state *stall)
{
    if (stall->zeros == 0)
        return 1;
    int64_t margin = stall->longest / MARGIN_SHARE;
    return stall->longest + (margin > MARGIN_LEAST ? margin : MARGIN_LEAST);
}

/* Whether a day and a night of the table are known, and none of its streaks is in doubt. */
static bool may_be_critical(const struct engine *engine, const struct table *table)
{
    const struct stall_state *stall = &table->stall;
    bool in_doubt = stall->doubtful && engine->clock_ms - stall->doubtful_ms < doubt_ms;
    return !in_doubt && stall->first_zero_ms - table->first_seen_ms >= DAY_MS;
}

static enum severity severity_of(const struct engine *engine, const struct table *table)
{
    const struct stall_state *stall = &table->stall;
    if (stall->runs < RUNS_LEAST || stall_blind(table))
        return SEVERITY_NONE;
    if (stall->streak < streak_needed(stall))
        return SEVERITY_NONE;
    double chance = stall_chance(stall->runs, stall->zeros, stall->streak);
    if (stall->streak >= engine->settings.detect.stall_critical_runs && chance < engine->settings.detect.stall_critical_p
        && may_be_critical(engine, table))
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

static void learn_streak(struct stall_state *stall, int64_t streak)
{
    stall->runs += streak;
    stall->zeros += streak;
    if (streak > stall->longest)
        stall->longest = streak;
}

/* Whether so many rows are what gathered during the streak, rather than what one run moves. */
static bool caught_up(const struct table *table, int64_t rows)
{
    const struct window *window = &table->rows;
    size_t count = window_newest(window, INT64_MIN, SIZE_MAX);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)window->values[window->count - 1 - i];
    return count == 0 || (double)rows > sum / (double)count * (double)(table->stall.streak + 1) / 2;
}

static void end_streak(const struct engine *engine, struct table *table, int64_t rows)
{
    struct stall_state *stall = &table->stall;
    if (stall->streak > 0 && !stall->reported) {
        learn_streak(stall, stall->streak);
    } else if (stall->streak > 0 && !caught_up(table, rows)) {
        if (stall->doubtful && engine->clock_ms - stall->doubtful_ms < doubt_ms) {
            learn_streak(stall, stall->doubtful);
            learn_streak(stall, stall->streak);
            stall->doubtful = 0;
        } else {
            stall->doubtful = stall->streak;
            stall->doubtful_ms = engine->clock_ms;
        }
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
        end_streak(engine, table, fact->rows);
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

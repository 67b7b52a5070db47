/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <math.h>

/*
 * Slow cycles: judged while they run (elapsed time) and when they end, against fixed thresholds, against the cycle's own
 * past ("unusual", two in a row), and by trend ("rising").
 */

enum {
    UNUSUAL_WINDOW = 96,
    TREND_WINDOW = 32,
    TREND_LEAST = 16,
    TREND_MOST = 96,
    TREND_SPAN_MS = 8 * HOUR_MS, /* at a fast cadence 32 cycles are too short a time to see a drift in */
    LEVEL_WINDOW = 5,
    AHEAD_MS = 5 * HOUR_MS, /* noise passes 300 s an hour before the drift does */
};
static const double mad_floor = 0.05;
static const double trend_z = 3.3;
static const char first_command[] = "docker stats --no-stream | grep -E \"clickhouse|spark\"";

static int64_t elapsed_ms(const struct engine *engine)
{
    const struct model *model = &engine->model;
    return engine->clock_ms - model->cycle.started_ms - model->suspended_ms;
}

static bool unusual(const struct engine *engine, int64_t duration_ms)
{
    const struct window *good = &engine->slow.good;
    size_t count = window_newest(good, INT64_MIN, UNUSUAL_WINDOW);
    if (duration_ms <= engine->settings.detect.slow_floor_ms || (int64_t)count < engine->settings.detect.min_samples)
        return false;
    if (window_median_reaches(good, count, (double)duration_ms / 2))
        return false;
    return robust_z_log(good->values + good->count - count, count, duration_ms, mad_floor) >
           engine->settings.detect.slow_z;
}

/* Where the level will be a while from now, if the trend goes on. The level is that of the middle of its cycles. */
static double level_ahead(const struct window *recent, size_t count, int64_t ahead_ms)
{
    size_t level = count < LEVEL_WINDOW ? count : LEVEL_WINDOW;
    size_t first = recent->count - count, last = recent->count - 1;
    int64_t age_ms = recent->at_ms[last] - recent->at_ms[last - level / 2];
    double slope = theil_sen_log(recent->at_ms + first, recent->values + first, count);
    return window_median(recent, level) * exp(slope * (double)(age_ms + ahead_ms));
}

static bool rising(const struct engine *engine, int64_t duration_ms)
{
    const struct window *good = &engine->slow.good, *recent = &engine->slow.recent;
    if (duration_ms <= engine->settings.detect.slow_floor_ms)
        return false;
    size_t week = window_newest(good, engine->clock_ms - 7 * (int64_t)DAY_MS, SIZE_MAX);
    size_t span = window_newest(recent, engine->clock_ms - TREND_SPAN_MS, TREND_MOST);
    size_t count = window_newest(recent, INT64_MIN, span > TREND_WINDOW ? span : TREND_WINDOW);
    if (count < TREND_LEAST || week == 0 || window_median_reaches(good, week, (double)duration_ms / 2))
        return false;
    return mann_kendall_z(recent->values + recent->count - count, count) > trend_z &&
           level_ahead(recent, count, AHEAD_MS) >= (double)engine->settings.detect.cycle_slow_ms;
}

static void raise_slow(struct engine *engine, enum severity severity, const char *what)
{
    struct strbuf cause = { 0 };
    const char *scenario = slow_cause(engine, &cause);
    struct tracked *tracked = pool_raise(engine, &(struct complaint){
                                                     .family = FAMILY_SLOW,
                                                     .severity = severity,
                                                     .onset_ms = engine->model.cycle.started_ms,
                                                     .what = what,
                                                     .cause = cause.len ? strbuf_text(&cause) : NULL,
                                                     .scenario = scenario,
                                                     .first_command = first_command,
                                                 });
    /* At its end more is known than while it ran: rows, above all. */
    if (cause.len)
        pool_set_cause(engine, tracked, strbuf_text(&cause), scenario, first_command);
    strbuf_free(&cause);
}

static void raise_running(struct engine *engine, enum severity severity)
{
    struct strbuf what = { 0 };
    engine->slow.level = severity;
    strbuf_puts(&what, "the cycle has been running for ");
    describe_duration(elapsed_ms(engine), &what);
    raise_slow(engine, severity, strbuf_text(&what));
    strbuf_free(&what);
}

static void raise_ended(struct engine *engine, int64_t duration_ms, bool is_rising)
{
    struct slow_state *slow = &engine->slow;
    struct strbuf what = { 0 };
    strbuf_puts(&what, "the cycle took ");
    describe_duration(duration_ms, &what);
    if (slow->level == SEVERITY_NONE) {
        strbuf_puts(&what, ", usually ");
        describe_duration((int64_t)window_median(&slow->good, window_newest(&slow->good, INT64_MIN, UNUSUAL_WINDOW)),
                          &what);
        strbuf_puts(&what, is_rising ? ", and cycles grow slower" : ", the second such cycle in a row");
    }
    raise_slow(engine, slow->level == SEVERITY_NONE ? SEVERITY_WARNING : slow->level, strbuf_text(&what));
    strbuf_free(&what);
}

static enum severity fixed_level(const struct engine *engine, int64_t duration_ms)
{
    if (duration_ms > engine->settings.detect.cycle_too_slow_ms)
        return SEVERITY_CRITICAL;
    return duration_ms > engine->settings.detect.cycle_slow_ms ? SEVERITY_WARNING : SEVERITY_NONE;
}

static void on_completed(struct engine *engine)
{
    struct slow_state *slow = &engine->slow;
    int64_t duration_ms = elapsed_ms(engine);
    bool hung = engine->scheduler.hung_cycle_id == engine->model.cycle.id;
    bool good = engine->model.cycle.outcome == CYCLE_SUCCESS;
    bool is_unusual = unusual(engine, duration_ms);
    slow->level = fixed_level(engine, duration_ms);
    slow->unusual_streak = is_unusual ? slow->unusual_streak + 1 : 0;
    if (good)
        window_push(&slow->recent, engine->clock_ms, duration_ms);
    bool is_rising = rising(engine, duration_ms);

    if (!hung && (slow->level != SEVERITY_NONE || slow->unusual_streak >= 2 || is_rising)) {
        raise_ended(engine, duration_ms, is_rising);
        prometheus_slow(pool_find(engine, FAMILY_SLOW, NULL), engine->clock_ms, duration_ms,
                        engine->settings.detect.cycle_slow_ms, engine->settings.detect.cycle_too_slow_ms);
    } else if (!is_unusual) {
        pool_clear(engine, FAMILY_SLOW, NULL);
    }
    if (good && slow->level == SEVERITY_NONE && !is_unusual && !is_rising)
        window_push(&slow->good, engine->clock_ms, duration_ms);
    slow_learn_runs(engine);
    slow->windows_changed = true;
}

static void slow_fact(struct engine *engine, const struct fact *fact)
{
    if (fact->kind == FACT_CYCLE_STARTED)
        engine->slow.level = SEVERITY_NONE;
    else if (fact->kind == FACT_CYCLE_COMPLETED)
        on_completed(engine);
}

static int64_t slow_due(const struct engine *engine)
{
    if (!model_cycle_running(engine) || engine->slow.level == SEVERITY_CRITICAL ||
        engine->scheduler.hung_cycle_id == engine->model.cycle.id)
        return INT64_MAX;
    int64_t threshold_ms = engine->slow.level == SEVERITY_NONE ? engine->settings.detect.cycle_slow_ms
                                                               : engine->settings.detect.cycle_too_slow_ms;
    return engine->model.cycle.started_ms + engine->model.suspended_ms + threshold_ms;
}

static void slow_expire(struct engine *engine)
{
    raise_running(engine, engine->slow.level == SEVERITY_NONE ? SEVERITY_WARNING : SEVERITY_CRITICAL);
}

const struct detector detect_slow = { slow_fact, slow_due, slow_expire };

void slow_archive_live(struct engine *engine, struct archive *archive)
{
    int level = (int)engine->slow.level;
    archive_enum(archive, "slow.level", &level, SEVERITIES);
    archive_i64(archive, "slow.unusual", &engine->slow.unusual_streak);
    engine->slow.level = (enum severity)level;
}

void slow_archive_windows(struct engine *engine, struct archive *archive)
{
    window_archive(&engine->slow.good, archive, "good");
    window_archive(&engine->slow.recent, archive, "recent");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <stdlib.h>

/* In this order a fact reaches them: causes before the symptoms that they explain. */
static const struct detector *const detectors[] = {
    &detect_scheduler,  &detect_slow, &detect_failures, &detect_stall, &detect_flapping,
    &detect_throughput, &detect_lag,  &detect_agent,    &announcer,
};
enum { DETECTORS = sizeof detectors / sizeof detectors[0] };

struct engine *engine_new(const struct settings *settings, const struct engine_sink *sink)
{
    struct engine *engine = must_alloc(sizeof *engine);
    engine->settings = *settings;
    engine->sink = *sink;
    engine->model.run_table = -1;
    engine->floor_ms = INT64_MAX;
    window_init(&engine->slow.good, 2048); /* a week of five-minute cycles */
    window_init(&engine->slow.recent, 96); /* eight hours of them */
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    pool_free(engine);
    tables_free(engine);
    window_free(&engine->slow.good);
    window_free(&engine->slow.recent);
    strbuf_free(&engine->model.run_error);
    free(engine);
}

void engine_configure(struct engine *engine, const struct settings *settings)
{
    engine->settings = *settings;
    engine->floor_ms = engine->clock_ms;
}

void engine_catch_up(struct engine *engine)
{
    engine->catching_up = true;
}

void engine_go_live(struct engine *engine)
{
    engine->catching_up = false;
    announce_all(engine);
}

void engine_silence(struct engine *engine, int64_t until_ms)
{
    engine->silenced_until_ms = until_ms;
    engine->floor_ms = engine->clock_ms;
}

int64_t engine_clock(const struct engine *engine)
{
    return engine->clock_ms;
}

/* The earliest deadline, and whose it is. */
static int64_t earliest(const struct engine *engine, size_t *owner)
{
    int64_t best = INT64_MAX;
    for (size_t i = 0; i < DETECTORS; i++) {
        int64_t due = detectors[i]->due(engine);
        if (due < best) {
            best = due;
            *owner = i;
        }
    }
    return best;
}

/* Runs the deadlines up to and including until, each at its own instant. */
static void run_deadlines(struct engine *engine, int64_t until_ms)
{
    while (engine->floor_ms <= until_ms) {
        size_t owner = 0;
        int64_t due = earliest(engine, &owner);
        engine->floor_ms = due;
        if (due > until_ms)
            break;
        if (due > engine->clock_ms)
            engine->clock_ms = due;
        detectors[owner]->expire(engine);
        engine->floor_ms = engine->clock_ms;
    }
}

/* Promises are broken *before* the event; one that comes at the very instant still counts. */
static void advance(struct engine *engine, int64_t until_ms, int64_t clock_ms)
{
    run_deadlines(engine, until_ms);
    engine->clock_ms = clock_ms;
}

/* No promise was broken while the clock jumped: those that lay before the jump are judged, and the clock moves with the host's. */
static void jump(struct engine *engine, const struct event *event)
{
    int64_t unjumped_ms = event->time_ms - event->duration_ms;
    if (event->time_ms > engine->clock_ms || event->duration_ms < 0)
        advance(engine, unjumped_ms > engine->clock_ms ? unjumped_ms - 1 : engine->clock_ms, event->time_ms);
    engine->asleep_from_ms = event->duration_ms > 0 ? unjumped_ms : 0;
    engine->floor_ms = engine->clock_ms;
}

/*
 * A line far behind the newest. But: 1. the scheduler writes a line; 2. the host falls asleep before we read it; 3. it
 * wakes, and we first notice that it slept; 4. we read the line. That one is late, and no clock was set.
 */
static bool is_set_back(const struct engine *engine, const struct event *event)
{
    int64_t known_ms = engine->asleep_from_ms ? engine->asleep_from_ms : engine->clock_ms;
    return event_is_from_log(event->kind) && event->time_ms < known_ms - MINUTE_MS;
}

/*
 * The log's clock was set back. (In the hour that repeats in autumn the parser tells the two
 * apart.) The clock follows, and what was being waited for moves with it.
 */
static void step_back(struct engine *engine, int64_t to_ms)
{
    struct event set_back = {
        .kind = EVENT_HOST_RESUMED, .time_ms = to_ms, .offset = -1, .duration_ms = to_ms - engine->clock_ms
    };
    jump(engine, &set_back);
    model_event(engine, &set_back);
}

void engine_feed(struct engine *engine, const struct event *event)
{
    if (event->kind == EVENT_HOST_RESUMED) {
        jump(engine, event);
    } else if (is_set_back(engine, event)) {
        step_back(engine, event->time_ms);
    } else {
        if (event->time_ms > engine->clock_ms)
            advance(engine, event->time_ms - 1, event->time_ms);
        if (event->time_ms == engine->clock_ms && event_is_from_log(event->kind))
            engine->asleep_from_ms = 0;
    }
    engine->event = event;
    model_event(engine, event);
    engine->event = NULL;
}

void engine_tick(struct engine *engine, int64_t now_ms)
{
    if (now_ms < engine->clock_ms)
        return;
    run_deadlines(engine, now_ms);
    engine->clock_ms = now_ms;
}

int64_t engine_next_deadline(struct engine *engine)
{
    size_t owner = 0;
    engine->floor_ms = earliest(engine, &owner);
    return engine->floor_ms > engine->clock_ms ? engine->floor_ms : engine->clock_ms; /* no tick runs it before */
}

void engine_fact(struct engine *engine, const struct fact *fact)
{
    for (size_t i = 0; i < DETECTORS; i++)
        detectors[i]->fact(engine, fact);
    /* A fact, or what follows it at this instant, may have set an earlier deadline: it is looked for when the clock moves on. */
    if (engine->clock_ms < engine->floor_ms)
        engine->floor_ms = engine->clock_ms;
}

void engine_retell(const struct engine *engine)
{
    model_retell(engine);
    pool_retell(engine);
}

int64_t engine_newest_open(const struct engine *engine)
{
    const struct pool *pool = &engine->pool;
    int64_t newest = 0;
    for (size_t i = 0; i < pool->count; i++)
        if (pool->incidents[i]->facts.open && pool->incidents[i]->facts.id > newest)
            newest = pool->incidents[i]->facts.id;
    return newest;
}

int64_t engine_interval(const struct engine *engine)
{
    if (engine->settings.schedule.interval_ms > 0)
        return engine->settings.schedule.interval_ms;
    return engine->scheduler.interval_ms > 0 ? engine->scheduler.interval_ms : 15 * MINUTE_MS;
}

int64_t engine_burst(const struct engine *engine)
{
    int64_t set = engine->settings.detect.burst_ms;
    return set > 0 ? set : engine_interval(engine) / 15;
}

int64_t engine_lag_warning(const struct engine *engine)
{
    return settings_lag_warning_ms(&engine->settings, engine_interval(engine));
}

int64_t engine_lag_critical(const struct engine *engine)
{
    return settings_lag_critical_ms(&engine->settings, engine_interval(engine));
}

int64_t engine_next_slot(const struct engine *engine)
{
    int64_t interval = engine_interval(engine);
    int64_t moment = interval / 15 < 2 * SECOND_MS ? interval / 15 : 2 * SECOND_MS;
    /* Slots are whole intervals of the local hour; a promise, where there is one, says where they lie. */
    int64_t phase = engine->scheduler.slot_ms % interval;
    int64_t after = engine->clock_ms + moment - phase;
    return (after / interval + 1) * interval + phase;
}

void engine_archive_live(struct engine *engine, struct archive *archive)
{
    archive_i64(archive, "clock", &engine->clock_ms);
    archive_i64(archive, "asleep_from", &engine->asleep_from_ms);
    archive_bool(archive, "catching_up", &engine->catching_up);
    scheduler_archive(engine, archive);
    tables_archive_live(engine, archive);
    model_archive(engine, archive);
    slow_archive_live(engine, archive);
    pool_archive(engine, archive);
    if (archive_loading(archive))
        engine->floor_ms = engine->clock_ms;
}

void engine_archive_windows(struct engine *engine, struct archive *archive)
{
    slow_archive_windows(engine, archive);
    tables_archive_windows(engine, archive);
}

bool engine_windows_changed(struct engine *engine)
{
    bool changed = engine->slow.windows_changed;
    engine->slow.windows_changed = false;
    return changed;
}

int64_t engine_next_run_ms(const struct engine *engine)
{
    return engine->scheduler.promise_ms;
}

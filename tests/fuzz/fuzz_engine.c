/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "agent/core/core.h"

/*
 * Any bytes as events and clocks, eight bytes a step: what, how long after the last one, which table, a number. Whatever is
 * fed, at most one open incident complains about a thing, ends come after beginnings, and people are told little.
 */
enum { STEP_BYTES = 8, TOLD_KEPT = 512, SET_BACK_MOST_MS = 2 * HOUR_MS };

struct watch {
    struct engine *engine;
    bool set_back;           /* the clock ran backwards: times compare no more */
    int64_t sent_ms[NOTIFICATIONS_AN_HOUR];
    size_t sent;
    bool fired[TOLD_KEPT], resolved[TOLD_KEPT];
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void hear(void *ctx, const struct notification *notification)
{
    struct watch *watch = ctx;
    int64_t *oldest = &watch->sent_ms[watch->sent++ % NOTIFICATIONS_AN_HOUR];
    must(notification->summary && notification->summary[0] && notification->severity != SEVERITY_NONE);
    must(watch->set_back || watch->sent <= NOTIFICATIONS_AN_HOUR || engine_interval(watch->engine) < MINUTE_MS
         || notification->time_ms - *oldest >= HOUR_MS);
    *oldest = notification->time_ms;
    size_t id = (size_t)notification->incident->id;
    if (id >= TOLD_KEPT)
        return;
    must(notification->status == NOTIFY_FIRING || watch->fired[id]);
    must(!watch->resolved[id] && (notification->status == NOTIFY_RESOLVED) == !notification->incident->open);
    watch->fired[id] = true;
    watch->resolved[id] = notification->status == NOTIFY_RESOLVED;
}

static bool share_a_table(const struct tracked *one, const struct tracked *other)
{
    for (size_t i = 0; i < one->member_count; i++) {
        for (size_t j = 0; j < other->member_count; j++) {
            if (one->members[i].table == other->members[j].table)
                return true;
        }
    }
    return one->member_count == 0 || other->member_count == 0;
}

static void check_incidents(const struct watch *watch)
{
    const struct pool *pool = &watch->engine->pool;
    for (size_t i = 0; i < pool->count; i++) {
        const struct tracked *one = pool->incidents[i];
        must(one->facts.severity == SEVERITY_WARNING || one->facts.critical_ms != 0);
        must(watch->set_back || one->facts.open || one->facts.resolved_ms >= one->facts.opened_ms);
        for (size_t j = i + 1; j < pool->count; j++) {
            const struct tracked *other = pool->incidents[j];
            must(!one->facts.open || !other->facts.open || one->family != other->family || !share_a_table(one, other));
        }
    }
}

/* A new life that knows what the old one saved. */
static void restart(struct watch *watch, const struct settings *settings, const struct engine_sink *sink)
{
    struct strbuf live = { 0 }, windows = { 0 };
    struct archive archive;
    archive_save_to(&archive, &live);
    engine_archive_live(watch->engine, &archive);
    archive_save_to(&archive, &windows);
    engine_archive_windows(watch->engine, &archive);
    engine_free(watch->engine);
    watch->engine = engine_new(settings, sink);
    archive_load_from(&archive, strbuf_slice(&live));
    engine_archive_live(watch->engine, &archive);
    archive_load_from(&archive, strbuf_slice(&windows));
    engine_archive_windows(watch->engine, &archive);
    strbuf_free(&windows);
    strbuf_free(&live);
}

/* Most steps take seconds, some hours, a few go back. */
static int64_t pause_of(const uint8_t *step)
{
    int64_t number = step[1] | (int64_t)step[2] << 8;
    switch (step[3] % 8) {
    case 0:  return number * SECOND_MS;
    case 1:  return number * 100;
    case 2:  return -(number * 1000 % SET_BACK_MOST_MS);
    default: return number % 1000;
    }
}

static void feed(struct watch *watch, const uint8_t *step, int64_t *now_ms)
{
    static const char *const tables[] = { "a", "b", "c", "d" };
    static const char *const texts[] = { "", "Connection refused", "OutOfMemoryError", "x\ny\\" };
    struct event event = {
        .kind = (enum event_kind)(step[0] % EVENT_KINDS),
        .offset = -1,
        .number = step[5] - 20,
        .duration_ms = (int64_t)step[6] * 7 * SECOND_MS,
        .table = slice_of(tables[step[4] % 4]),
        .text = slice_of(texts[step[4] / 4 % 4]),
        .line = slice_of(texts[step[4] / 16 % 4]),
    };
    int64_t pause_ms = pause_of(step);
    watch->set_back = watch->set_back || pause_ms < 0;
    *now_ms += pause_ms;
    if (event.kind == EVENT_HOST_RESUMED)
        *now_ms += event.duration_ms;
    if (event.kind == EVENT_SCHEDULE)
        event.duration_ms += SECOND_MS;
    event.time_ms = *now_ms;
    event.at_ms = *now_ms + (int64_t)step[7] * 10 * SECOND_MS;
    engine_feed(watch->engine, &event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watch watch = { 0 };
    struct settings settings;
    settings_default(&settings);
    struct engine_sink sink = { .notify_ctx = &watch, .notify = hear };
    int64_t now_ms = INT64_C(1772409600000);
    watch.engine = engine_new(&settings, &sink);
    for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES) {
        switch (data[3] / 8) {
        case 0:  restart(&watch, &settings, &sink); break;
        case 1:  engine_catch_up(watch.engine); break;
        case 2:  engine_go_live(watch.engine); break;
        case 3:  engine_tick(watch.engine, now_ms); break;
        default: break;
        }
        feed(&watch, data, &now_ms);
        check_incidents(&watch);
    }
    engine_tick(watch.engine, now_ms + DAY_MS);
    check_incidents(&watch);
    engine_free(watch.engine);
    return 0;
}

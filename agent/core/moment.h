/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_MOMENT_H
#define CORE_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "event.h"
#include "saved.h"

/*
 * Now, as the core sees it.
 *
 * The engine's time is in milliseconds and never goes back. Everything inside this room is reckoned in it, so that a duration is always
 * one time less another. Wall time (milliseconds UTC) is what lines bear and what people read, and it can be set back. Wall time is
 * the engine's time plus an offset, and a set-back changes the offset. The newest offsets are kept with the instants from which they
 * held, so that what happened before a set-back keeps the wall time that was told and stored for it. (What happened at the very instant of a
 * set-back counts as after it.)
 */
enum { OFFSETS_KEPT = 16 };

struct moment {
    int64_t now_ms;            /* the engine's time */
    const struct event *event; /* the event that is being taken; NULL while a deadline is run */
    int64_t event_ms;          /* its time in the engine's time: as a rule now, or a little earlier */
    int64_t from_ms[OFFSETS_KEPT];
    int64_t offset_ms[OFFSETS_KEPT];
    size_t offset_count; /* at least 1; the first offset holds for all earlier instants too */
};

void moment_init(struct moment *moment);
/* Likewise of an instant that may lie before the newest set-back. */
int64_t moment_past_wall_ms(const struct moment *moment, int64_t engine_ms);

/* The wall time of an instant of the engine's time; for a future one, as the clock is set now. INT64_MAX (never) stays what it is. */
static inline int64_t moment_wall_ms(const struct moment *moment, int64_t engine_ms)
{
    size_t newest = moment->offset_count - 1;
    if (engine_ms < moment->from_ms[newest])
        return moment_past_wall_ms(moment, engine_ms);
    return engine_ms == INT64_MAX ? INT64_MAX : engine_ms + moment->offset_ms[newest];
}

static inline int64_t moment_now_wall_ms(const struct moment *moment)
{
    return moment->now_ms + moment->offset_ms[moment->offset_count - 1];
}

/* The engine's time of a wall time, as the clock is set now; it may lie before the set-back, or even below 0. */
static inline int64_t moment_engine_ms(const struct moment *moment, int64_t wall_ms)
{
    return wall_ms - moment->offset_ms[moment->offset_count - 1];
}

/* This event is being taken from now on. */
static inline void moment_take(struct moment *moment, const struct event *event)
{
    int64_t set_back_ms = moment->from_ms[moment->offset_count - 1];
    int64_t event_ms = moment_engine_ms(moment, event->time_ms);
    moment->event = event;
    /* A time before the set-back, by the clock as it is set now, has no place in the engine's time. */
    moment->event_ms = event_ms < set_back_ms ? set_back_ms : event_ms;
}

/* Lets the clock run on to an instant of the engine's time; it never goes back. */
void moment_advance(struct moment *moment, int64_t engine_ms);

/* The engine's time ends here, so that sums with durations stay below INT64_MAX. */
static const int64_t LATEST_MS = SAVED_NUMBER_MOST;

/* The sum of two instants or durations, which stays far enough below INT64_MAX for further ones to be added. */
static inline int64_t time_sum(int64_t one_ms, int64_t other_ms)
{
    int64_t sum_ms;
    if (__builtin_add_overflow(one_ms, other_ms, &sum_ms) || sum_ms > LATEST_MS || sum_ms < -LATEST_MS)
        return one_ms < 0 ? -LATEST_MS : LATEST_MS;
    return sum_ms;
}

/* From now on the wall clock shows wall_ms. */
void moment_set_back(struct moment *moment, int64_t wall_ms);
/* False if the clock that was loaded cannot be true. It then begins anew, and nothing else of that state may be loaded. */
bool moment_archive(struct moment *moment, struct archive *archive);

#endif

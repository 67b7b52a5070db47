/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_SCHEDULE_H
#define CORE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "interval.h"
#include "moment.h"
#include "settings.h"

/* What is known of the scheduler's timetable. detect_scheduler.c keeps it; everybody may ask. */
struct schedule {
    const struct settings *settings;
    const struct moment *moment;
    struct interval interval; /* as the log tells it */
    int64_t promise_ms;       /* when the next cycle shall start; 0: not known */
    int64_t
        slot_wall_ms; /* the newest promise that the log made, in wall time: it tells where the slots lie in the hour */
    int64_t started_ms;    /* the scheduler's newest start; 0: none seen */
    int64_t stopped_ms;    /* a stop that was asked for and that no start has followed yet; 0 otherwise */
    int64_t stopping_ms;   /* when it was last asked to stop, unless it went on; 0 otherwise */
    bool is_starting;      /* no cycle has completed since that start */
    int64_t hung_cycle_id; /* the newest cycle that was found to hang, 0: none */
};

/* False until the interval is configured or learnt. Until then no lag and no lateness is judged. */
bool schedule_is_known(const struct schedule *schedule);
/* 15 minutes if it is not known. */
int64_t schedule_interval(const struct schedule *schedule);
/* True if it is known from the beginnings of cycles alone: then the next cycle is expected and not promised. */
bool schedule_is_observed(const struct schedule *schedule);
/* Failures of a table that lie nearer together than this are one attempt. */
int64_t schedule_burst(const struct schedule *schedule);
int64_t schedule_lag_warning(const struct schedule *schedule);
int64_t schedule_lag_critical(const struct schedule *schedule);
/* The first slot that a next attempt can be meant for: more than a moment away, because a cycle may start a second early. 0: not known. */
int64_t schedule_next_slot(const struct schedule *schedule);
/* When the next cycle is to be expected at the latest, where the log has not promised it. 0: not known. */
int64_t schedule_expected(const struct schedule *schedule);
/* True if the scheduler has stopped as it was asked to, or was killed because it took too long for that. */
bool schedule_stop_is_planned(const struct schedule *schedule);
void schedule_archive(struct schedule *schedule, struct archive *archive);

#endif

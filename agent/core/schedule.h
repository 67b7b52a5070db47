/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_SCHEDULE_H
#define CORE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "moment.h"
#include "settings.h"

/* What is known of the scheduler's timetable. detect_scheduler.c keeps it; everybody may ask. */
struct schedule {
    const struct settings *settings;
    const struct moment *moment;
    int64_t interval_ms; /* learnt; 0 if not yet */
    int64_t promise_ms;  /* when the next cycle shall start; 0: not known */
    int64_t
        slot_wall_ms; /* the newest promise that the log made, in wall time: it tells where the slots lie in the hour */
    int64_t started_ms;    /* the scheduler's newest start; 0: none seen */
    bool is_starting;      /* no cycle has completed since that start */
    int64_t hung_cycle_id; /* the newest cycle that was found to hang, 0: none */
};

int64_t schedule_interval(const struct schedule *schedule);
/* Failures of a table that lie nearer together than this are one attempt. */
int64_t schedule_burst(const struct schedule *schedule);
int64_t schedule_lag_warning(const struct schedule *schedule);
int64_t schedule_lag_critical(const struct schedule *schedule);
/* The first slot that a next attempt can be meant for: more than a moment away, because a cycle may start a second early. */
int64_t schedule_next_slot(const struct schedule *schedule);
void schedule_archive(struct schedule *schedule, struct archive *archive);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schedule.h"

#include "saved.h"
#include "units.h"

int64_t schedule_interval(const struct schedule *schedule)
{
    if (schedule->settings->schedule.interval_ms > 0)
        return schedule->settings->schedule.interval_ms;
    return schedule->interval_ms > 0 ? schedule->interval_ms : 15 * MINUTE_MS;
}

int64_t schedule_burst(const struct schedule *schedule)
{
    int64_t set_ms = schedule->settings->detect.burst_ms;
    return set_ms > 0 ? set_ms : schedule_interval(schedule) / 15;
}

int64_t schedule_lag_warning(const struct schedule *schedule)
{
    return settings_lag_warning_ms(schedule->settings, schedule_interval(schedule));
}

int64_t schedule_lag_critical(const struct schedule *schedule)
{
    return settings_lag_critical_ms(schedule->settings, schedule_interval(schedule));
}

int64_t schedule_next_slot(const struct schedule *schedule)
{
    int64_t interval_ms = schedule_interval(schedule);
    int64_t moment_ms = interval_ms / 15 < 2 * SECOND_MS ? interval_ms / 15 : 2 * SECOND_MS;
    /* Slots are whole intervals of the hour on the wall; a promise, where there is one, says where they lie. */
    int64_t phase_ms = schedule->slot_wall_ms % interval_ms;
    int64_t after_ms = moment_now_wall_ms(schedule->moment) + moment_ms - phase_ms;
    return moment_engine_ms(schedule->moment, (after_ms / interval_ms + 1) * interval_ms + phase_ms);
}

void schedule_archive(struct schedule *schedule, struct archive *archive)
{
    saved_i64(archive, "interval", &schedule->interval_ms);
    saved_i64(archive, "promise", &schedule->promise_ms);
    saved_i64(archive, "slot", &schedule->slot_wall_ms);
    saved_i64(archive, "hung", &schedule->hung_cycle_id);
    saved_i64(archive, "started", &schedule->started_ms);
    archive_bool(archive, "starting", &schedule->is_starting);
}

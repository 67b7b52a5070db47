/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schedule.h"

#include "saved.h"
#include "units.h"

bool schedule_is_known(const struct schedule *schedule)
{
    return schedule->settings->schedule.interval_ms > 0 || schedule->interval.learnt_ms > 0;
}

int64_t schedule_interval(const struct schedule *schedule)
{
    if (schedule->settings->schedule.interval_ms > 0)
        return schedule->settings->schedule.interval_ms;
    return schedule->interval.learnt_ms > 0 ? schedule->interval.learnt_ms : 15 * MINUTE_MS;
}

bool schedule_is_observed(const struct schedule *schedule)
{
    return schedule->settings->schedule.interval_ms == 0 && interval_is_observed(&schedule->interval);
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

/* So long before a slot a cycle may begin that is meant for it. */
static int64_t early_ms(int64_t interval_ms)
{
    return interval_ms / 15 < 2 * SECOND_MS ? interval_ms / 15 : 2 * SECOND_MS;
}

/* Without any promise nobody knows where the slots lie: the interval counts from the newest beginning of a cycle. */
static int64_t next_beginning(const struct schedule *schedule)
{
    int64_t interval_ms = schedule_interval(schedule), begin_ms = schedule->interval.begin_ms;
    int64_t after_ms = schedule->moment->now_ms + early_ms(interval_ms) - begin_ms;
    return time_sum(begin_ms, (after_ms / interval_ms + 1) * interval_ms);
}

int64_t schedule_next_slot(const struct schedule *schedule)
{
    int64_t interval_ms = schedule_interval(schedule);
    if (!schedule_is_known(schedule))
        return 0;
    if (schedule_is_observed(schedule))
        return next_beginning(schedule);
    /* Slots are whole intervals of the hour on the wall; a promise, where there is one, says where they lie. */
    int64_t phase_ms = schedule->slot_wall_ms % interval_ms;
    int64_t after_ms = moment_now_wall_ms(schedule->moment) + early_ms(interval_ms) - phase_ms;
    return moment_engine_ms(schedule->moment, (after_ms / interval_ms + 1) * interval_ms + phase_ms);
}

int64_t schedule_expected(const struct schedule *schedule)
{
    int64_t slot_ms = schedule_next_slot(schedule);
    return slot_ms && schedule_is_observed(schedule) ? time_sum(slot_ms, interval_slack(&schedule->interval)) : slot_ms;
}

/*
 * systemd kills a scheduler that does not end within 90 s of the signal, as it does not while a table's run takes longer. The signal
 * may also be a forged line of a job's stderr, so it counts no longer than a run can take.
 */
bool schedule_stop_is_planned(const struct schedule *schedule)
{
    int64_t patience_ms = schedule->settings->schedule.table_timeout_ms + schedule->settings->schedule.hang_grace_ms;
    return schedule->stopped_ms ||
           (schedule->stopping_ms && schedule->moment->now_ms - schedule->stopping_ms <= patience_ms);
}

void schedule_archive(struct schedule *schedule, struct archive *archive)
{
    interval_archive(&schedule->interval, archive);
    saved_i64(archive, "promise", &schedule->promise_ms);
    saved_i64(archive, "slot", &schedule->slot_wall_ms);
    saved_i64(archive, "hung", &schedule->hung_cycle_id);
    saved_i64(archive, "started", &schedule->started_ms);
    archive_bool(archive, "starting", &schedule->is_starting);
    saved_i64(archive, "stopped", &schedule->stopped_ms);
    saved_i64(archive, "stopping", &schedule->stopping_ms);
}

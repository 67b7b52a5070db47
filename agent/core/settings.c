/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include "base/budgets.h"
#include "units.h"

void settings_default(struct settings *settings)
{
    *settings = (struct settings){
        .schedule = {
            .interval_ms = 0,
            .table_timeout_ms = 600 * SECOND_MS,
            .late_warning_ms = 60 * SECOND_MS,
            .late_critical_ms = 120 * SECOND_MS,
            .restart_grace_ms = 90 * SECOND_MS,
            .stop_grace_ms = 60 * SECOND_MS,
            .hang_grace_ms = 60 * SECOND_MS,
        },
        .detect = {
            .failures_warning = 2,
            .failures_critical = 3,
            .cycle_slow_ms = 300 * SECOND_MS,
            .cycle_too_slow_ms = 600 * SECOND_MS,
            .lag_warning_ms = 0,
            .lag_critical_ms = 0,
            .stall_warning_runs = 2,
            .stall_warning_p = 1e-4,
            .stall_critical_runs = 3,
            .stall_critical_p = 1e-6,
            .slow_floor_ms = 60 * SECOND_MS,
            .slow_z = 6,
            .min_samples = 20,
            .flapping_per_day = 3,
            .flapping_opens = 4,
            .flapping_calm = 4,
            .burst_ms = 0,
            .relapse_ms = 4 * HOUR_MS,
        },
        .notify = {
            .reminder_ms = 4 * HOUR_MS,
            .escalation_ms = 30 * MINUTE_MS,
            .resolved = true,
            .host_chars = FIRST_LINE_HOST_CHARS,
        },
        .writer = "scheduler",
    };
}

int64_t settings_lag_warning_ms(const struct settings *settings, int64_t interval_ms)
{
    int64_t set_ms = settings->detect.lag_warning_ms, least_ms = 20 * MINUTE_MS,
            derived_ms = interval_ms + 5 * MINUTE_MS;

    return set_ms > 0 ? set_ms : derived_ms > least_ms ? derived_ms : least_ms;
}

int64_t settings_lag_critical_ms(const struct settings *settings, int64_t interval_ms)
{
    int64_t set_ms = settings->detect.lag_critical_ms, least_ms = 30 * MINUTE_MS, derived_ms = 2 * interval_ms;

    return set_ms > 0 ? set_ms : derived_ms > least_ms ? derived_ms : least_ms;
}

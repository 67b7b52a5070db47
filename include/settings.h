/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/* The thresholds by which the core decides. Durations are in milliseconds; 0 stands for "learnt or derived" where that is said. */
struct settings {
    struct {
        int64_t interval_ms; /* 0: learnt from the log */
        int64_t table_timeout_ms;
        int64_t late_warning_ms;
        int64_t late_critical_ms;
        int64_t restart_grace_ms;
        int64_t stop_grace_ms;
        int64_t hang_grace_ms;
    } schedule;
    struct {
        int64_t failures_warning;
        int64_t failures_critical;
        int64_t cycle_slow_ms;
        int64_t cycle_too_slow_ms;
        int64_t lag_warning_ms;  /* 0: 20 min, or interval + 5 min if longer */
        int64_t lag_critical_ms; /* 0: 30 min, or 2 x interval if longer */
        int64_t stall_warning_runs;
        double stall_warning_p;
        int64_t stall_critical_runs;
        double stall_critical_p;
        int64_t slow_floor_ms;
        double slow_z;
        int64_t min_samples;
        int64_t flapping_per_day; /* failures, before a table's success rate is low */
        int64_t flapping_opens;   /* incidents of a kind and table in 24 h from which one is held open; 0: never */
        int64_t flapping_calm;    /* cycles that it must be well for, to end */
        int64_t burst_ms;         /* 0: interval / 15 */
        int64_t relapse_ms;       /* a table that was well for so long and fails anew is a new incident */
    } detect;
    struct {
        int64_t reminder_ms;   /* 0: never */
        int64_t escalation_ms; /* beyond the runbook's expected recovery time */
        bool resolved;
        int64_t host_chars; /* room that a first line leaves for the host's name before it */
    } notify;
    const char *writer; /* what messages call the process that writes the log: "scheduler" or "worker"; a constant */
};

void settings_default(struct settings *settings);

/* The lag beyond which a table is a warning or critical: as set, else derived from the interval between cycles. */
int64_t settings_lag_warning_ms(const struct settings *settings, int64_t interval_ms);
int64_t settings_lag_critical_ms(const struct settings *settings, int64_t interval_ms);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stddef.h>
#include <string.h>

#include "blind.h"
#include "cycle.h"
#include "incident.h"
#include "units.h"

/*
 * The alerts of the platform's Prometheus rules and our own, each with its runbook and the upper end of the recovery time that the runbook
 * expects.
 */
static const struct alert_facts {
    const char *name;
    const char *runbook;
    int64_t recovery_ms;
} alerts[ALERTS] = {
    [ALERT_CONSECUTIVE_FAILURES] = { "IcebergOffloadConsecutiveFailures", "iceberg-offload-failure.md",
                                     30 * MINUTE_MS },
    [ALERT_LAG_ELEVATED] = { "IcebergOffloadLagElevated", "iceberg-offload-lag.md", 30 * MINUTE_MS },
    [ALERT_LAG_CRITICAL] = { "IcebergOffloadLagCritical", "iceberg-offload-lag.md", 30 * MINUTE_MS },
    [ALERT_CYCLE_SLOW] = { "IcebergOffloadCycleSlow", "iceberg-offload-performance.md", 30 * MINUTE_MS },
    [ALERT_CYCLE_TOO_SLOW] = { "IcebergOffloadCycleTooSlow", "iceberg-offload-performance.md", 30 * MINUTE_MS },
    [ALERT_WATERMARK_STALE] = { "IcebergOffloadWatermarkStale", "iceberg-offload-watermark-recovery.md",
                                60 * MINUTE_MS },
    [ALERT_SCHEDULER_DOWN] = { "IcebergOffloadSchedulerDown", "iceberg-scheduler-recovery.md", 5 * MINUTE_MS },
    [ALERT_SUCCESS_RATE_LOW] = { "IcebergOffloadSuccessRateLow", NULL, 0 },
    [ALERT_THROUGHPUT_LOW] = { "IcebergOffloadThroughputLow", NULL, 0 },
    [ALERT_LOG_UNREADABLE] = { "IcebergOffloadLogUnreadable", NULL, 0 },
    [ALERT_NOTIFICATIONS_STUCK] = { "IcebergOffloadNotificationsStuck", NULL, 0 },
};

const char *alert_name(enum alert alert)
{
    return alerts[alert].name;
}

enum alert alert_from_name(const char *name)
{
    int alert = 0;
    while (alert < ALERTS && (!name || strcmp(alerts[alert].name, name) != 0))
        alert++;
    return (enum alert)alert;
}

const char *alert_runbook(enum alert alert)
{
    return alerts[alert].runbook;
}

const char *incident_runbook(const struct incident *incident)
{
    return incident->cause.runbook ? incident->cause.runbook : alert_runbook(incident->alert);
}

int64_t alert_recovery_ms(enum alert alert)
{
    return alerts[alert].recovery_ms;
}

const char *severity_name(enum severity severity)
{
    static const char *const names[] = {
        [SEVERITY_NONE] = "none",
        [SEVERITY_WARNING] = "warning",
        [SEVERITY_CRITICAL] = "critical",
    };
    return names[severity];
}

const char *notification_status_name(enum notification_status status)
{
    static const char *const names[] = {
        [NOTIFY_FIRING] = "firing",
        [NOTIFY_ESCALATED] = "escalated",
        [NOTIFY_REMINDER] = "reminder",
        [NOTIFY_RESOLVED] = "resolved",
    };
    return names[status];
}

const char *rows_from_name(enum rows_from from)
{
    static const char *const names[ROWS_FROMS] = { "log", "iceberg", "watermark" };
    return names[from];
}

enum rows_from rows_from_named(const char *name)
{
    for (int from = ROWS_FROM_LOG + 1; from < ROWS_FROMS; from++)
        if (strcmp(name, rows_from_name((enum rows_from)from)) == 0)
            return (enum rows_from)from;
    return ROWS_FROM_LOG;
}

const char *cycle_outcome_name(enum cycle_outcome outcome)
{
    static const char *const names[] = {
        [CYCLE_RUNNING] = "running", [CYCLE_SUCCESS] = "success", [CYCLE_PARTIAL] = "partial",
        [CYCLE_FAILED] = "failed",   [CYCLE_ABORTED] = "aborted",
    };
    return names[outcome];
}

const char *run_outcome_name(enum run_outcome outcome)
{
    static const char *const names[] = {
        [RUN_RUNNING] = "running", [RUN_SUCCESS] = "success", [RUN_FAILED] = "failed",
        [RUN_TIMEOUT] = "timeout", [RUN_ABORTED] = "aborted",
    };
    return names[outcome];
}

const char *blind_reason_name(enum blind_reason reason)
{
    static const char *const names[] = {
        [BLIND_MISSING] = "missing", [BLIND_DELETED] = "deleted",       [BLIND_NOT_UNDERSTOOD] = "not_understood",
        [BLIND_SUMMARY] = "summary", [BLIND_UNWRITABLE] = "unwritable", [BLIND_MUTE] = "mute",
        [BLIND_REFUSED] = "refused",
    };
    return names[reason];
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event.h"

static const char *const NAMES[EVENT_KINDS] = {
    [EVENT_SCHEDULER_STARTED] = "scheduler_started",
    [EVENT_SCHEDULE] = "schedule",
    [EVENT_CYCLE_STARTED] = "cycle_started",
    [EVENT_CYCLE_TABLES] = "cycle_tables",
    [EVENT_RUN_STARTED] = "run_started",
    [EVENT_RUN_COMPLETED] = "run_completed",
    [EVENT_RUN_FAILED] = "run_failed",
    [EVENT_RUN_EXIT_CODE] = "run_exit_code",
    [EVENT_RUN_STDERR] = "run_stderr",
    [EVENT_RUN_TIMEOUT] = "run_timeout",
    [EVENT_CYCLE_COMPLETED] = "cycle_completed",
    [EVENT_CYCLE_DURATION] = "cycle_duration",
    [EVENT_CYCLE_SUMMARY] = "cycle_summary",
    [EVENT_CYCLE_ROWS] = "cycle_rows",
    [EVENT_NEXT_RUN] = "next_run",
    [EVENT_WAITING] = "waiting",
    [EVENT_CYCLE_EXCEPTION] = "cycle_exception",
    [EVENT_SIGNAL_RECEIVED] = "signal_received",
    [EVENT_SHUTDOWN_REQUESTED] = "shutdown_requested",
    [EVENT_SCHEDULER_STOPPED] = "scheduler_stopped",
    [EVENT_SCHEDULER_CRASHED] = "scheduler_crashed",
    [EVENT_SCHEDULER_TABLES] = "scheduler_tables",
    [EVENT_WRITER_GONE] = "writer_gone",
    [EVENT_WRITER_BACK] = "writer_back",
    [EVENT_HOST_RESUMED] = "host_resumed",
    [EVENT_PROBE_DOWN] = "probe_down",
    [EVENT_PROBE_NOTED] = "probe_noted",
    [EVENT_LOG_REFUSED] = "log_refused",
    [EVENT_LOG_READABLE] = "log_readable",
    [EVENT_WEBHOOK_STUCK] = "webhook_stuck",
    [EVENT_WEBHOOK_WELL] = "webhook_well",
    [EVENT_FAILURE_TOLD] = "failure_told",
    [EVENT_TABLE_WITNESSED] = "table_witnessed",
    [EVENT_UNIT_STATE] = "unit_state",
    [EVENT_HOST_NOTED] = "host_noted",
    [EVENT_LOG_MISSING] = "log_missing",
    [EVENT_LOG_DELETED] = "log_deleted",
    [EVENT_LINES_UNKNOWN] = "lines_unknown",
    [EVENT_LINES_KNOWN] = "lines_known",
};

const char *event_name(enum event_kind kind)
{
    return kind < EVENT_KINDS ? NAMES[kind] : "unknown";
}

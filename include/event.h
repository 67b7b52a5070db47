/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/*
 * The language between the parsers and the core: what the scheduler said, one fact an event, and what the
 * shell saw of the host. Times are milliseconds UTC since 1970.
 */
enum event_kind {
    EVENT_SCHEDULER_STARTED, /* the banner */
    EVENT_SCHEDULE,          /* duration_ms: the interval */
    EVENT_CYCLE_STARTED,
    EVENT_CYCLE_TABLES,  /* number: how many tables the cycle will offload */
    EVENT_RUN_STARTED,   /* table */
    EVENT_RUN_COMPLETED, /* table, number: rows, duration_ms */
    EVENT_RUN_FAILED,    /* table */
    EVENT_RUN_EXIT_CODE, /* table (of the failure it belongs to), number */
    EVENT_RUN_STDERR,    /* table (likewise), text: one line of the excerpt */
    EVENT_RUN_TIMEOUT,   /* table */
    EVENT_CYCLE_COMPLETED,
    EVENT_CYCLE_DURATION,  /* duration_ms, as the scheduler measured it */
    EVENT_CYCLE_SUMMARY,   /* succeeded, failed, timed_out */
    EVENT_CYCLE_ROWS,      /* number */
    EVENT_NEXT_RUN,        /* at_ms: the promise */
    EVENT_WAITING,         /* duration_ms until the promise: true also where local time jumps */
    EVENT_CYCLE_EXCEPTION, /* text */
    EVENT_SIGNAL_RECEIVED, /* number; 0 for a keyboard interrupt */
    EVENT_SHUTDOWN_REQUESTED,
    EVENT_SCHEDULER_STOPPED, /* gracefully */
    EVENT_SCHEDULER_CRASHED, /* text */

    /* From the host, never from the log. */
    EVENT_WRITER_GONE, /* the last writer closed the log */
    EVENT_WRITER_BACK,
    EVENT_HOST_RESUMED,  /* duration_ms: how long the host slept, or the clock jumped */
    EVENT_PROBE_DOWN,    /* text: the component that a probe found down; number: the first incident it is news to */
    EVENT_PROBE_NOTED,   /* what else a probe or the metrics page said; number likewise */
    EVENT_LOG_REFUSED,   /* text: in words, why the log is not read */
    EVENT_LOG_READABLE,  /* it is read again */
    EVENT_WEBHOOK_STUCK, /* text: in words, which webhooks take nothing, since when and why */
    EVENT_WEBHOOK_WELL,  /* none is stuck any more */
    EVENT_KINDS
};

static inline bool event_is_from_log(enum event_kind kind)
{
    return kind < EVENT_WRITER_GONE;
}

struct event {
    enum event_kind kind;
    int64_t time_ms;
    int64_t offset; /* of the line in its file; -1 for the host's events */
    int64_t number;
    int64_t duration_ms;
    int64_t at_ms;
    int succeeded, failed, timed_out;
    struct slice table;
    struct slice text;
    struct slice line; /* the evidence: the whole line, without its end */
};

/* "run_failed" for EVENT_RUN_FAILED: the names that `agent parse` prints and a patterns file uses. */
const char *event_name(enum event_kind kind);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/*
 * The language between the parsers and the core: one event is one fact that the scheduler's log states, or that the agent saw on the
 * host. Times are milliseconds UTC since 1970.
 */
enum event_kind {
    EVENT_SCHEDULER_STARTED, /* the start banner */
    EVENT_SCHEDULE,          /* duration_ms: the interval */
    EVENT_CYCLE_STARTED,
    EVENT_CYCLE_TABLES,    /* number: how many tables the cycle will offload */
    EVENT_RUN_STARTED,     /* table */
    EVENT_RUN_COMPLETED,   /* table, number: rows (-1 if the line tells none), duration_ms */
    EVENT_RUN_FAILED,      /* table */
    EVENT_RUN_EXIT_CODE,   /* table (of the failure that it belongs to), number */
    EVENT_RUN_STDERR,      /* table (likewise), text: one line of the failed job's stderr */
    EVENT_RUN_TIMEOUT,     /* table */
    EVENT_CYCLE_COMPLETED, /* text, if it has a name: why it ended early, nothing if it did not */
    EVENT_CYCLE_DURATION,  /* duration_ms, as the scheduler measured it */
    EVENT_CYCLE_SUMMARY,   /* succeeded, failed, timed_out */
    EVENT_CYCLE_ROWS,      /* number */
    EVENT_NEXT_RUN,        /* at_ms: when the scheduler promises the next cycle */
    EVENT_WAITING,         /* duration_ms until that promise: right also where local time jumps */
    EVENT_CYCLE_EXCEPTION, /* text */
    EVENT_SIGNAL_RECEIVED, /* number; 0 for a keyboard interrupt */
    EVENT_SHUTDOWN_REQUESTED,
    EVENT_SCHEDULER_STOPPED, /* gracefully */
    EVENT_SCHEDULER_CRASHED, /* text */
    EVENT_SCHEDULER_TABLES,  /* number: how many tables the scheduler was started with */

    /* Of a log whose lines say whose they are. The table of a run is known by its name, also where the line does not say it. */
    EVENT_ATTEMPT_FAILED,  /* run, table: it may be tried again */
    EVENT_ATTEMPT_TIMEOUT, /* run, table: likewise */
    EVENT_RUN_RETRY,       /* run, table: it will be tried again */
    EVENT_RUN_ROWS,        /* run, table, number */
    EVENT_RUN_DURATION,    /* run, table, duration_ms */
    EVENT_RUN_ENDED,       /* run, table; text: why it did not end well, nothing if it did */
    EVENT_RUN_CRASHED,     /* run, table, text */
    EVENT_CYCLE_CRASHED,   /* cycle, text */
    EVENT_LAYER_STARTED,   /* cycle: the name of the layer, likewise below */
    EVENT_LAYER_RETRY,     /* it failed and will be run again as a whole */
    EVENT_LAYER_COMPLETED, /* text: why it failed, nothing if it did not */
    EVENT_TEXT_FOLLOWS,    /* lines without a prefix follow that are no words of the pipeline; no caller sees it */
    EVENT_WORKER_STARTED, /* what runs the cycles began anew: what was open is broken off, and no cycle is due at once */
    EVENT_MAINTENANCE_FAILED,    /* text: what failed in a job beside the pipeline, which is no cycle and no run */
    EVENT_MAINTENANCE_COMPLETED, /* that job is through, and well */

    /* The events from here on are seen on the host and never stand in the log. */
    EVENT_WRITER_GONE, /* the last writer closed the log */
    EVENT_WRITER_BACK,
    EVENT_HOST_RESUMED, /* duration_ms: how long the host slept, or the clock jumped */
    EVENT_PROBE_DOWN, /* text: the component that a probe found down; number: the first incident for which that is news */
    EVENT_PROBE_NOTED,     /* text: what else a probe or the metrics page said; number likewise */
    EVENT_LOG_REFUSED,     /* text: in words, why the log is not read */
    EVENT_LOG_READABLE,    /* the log is read again */
    EVENT_WEBHOOK_STUCK,   /* text: in words, which webhooks accept nothing, since when and why */
    EVENT_WEBHOOK_WELL,    /* no webhook is stuck any more */
    EVENT_LOG_MISSING,     /* text: in words; nothing is at the log's path */
    EVENT_LOG_DELETED,     /* text: in words; the log has no name any more, and its writer goes on */
    EVENT_LINES_UNKNOWN,   /* number: so many lines came since one was understood; text: the first, and what would be */
    EVENT_LINES_KNOWN,     /* a line was understood again */
    EVENT_TABLE_WITNESSED, /* what others than the log say about a table's newest successful run: see struct event */
    EVENT_UNIT_STATE,      /* what systemd says of the scheduler's unit: see struct event */
    EVENT_HOST_NOTED, /* cause: the kind of trouble (causes.h) that the host or Prefect has; line: in words; number: as of a probe */
    EVENT_FAILURE_TOLD, /* table, text: why its newest run failed, from elsewhere than the log */
    EVENT_KINDS
};

static inline bool event_is_from_log(enum event_kind kind)
{
    return kind < EVENT_WRITER_GONE;
}

/* It says nothing about whether the pipeline lives. */
static inline bool event_is_of_maintenance(enum event_kind kind)
{
    return kind == EVENT_MAINTENANCE_FAILED || kind == EVENT_MAINTENANCE_COMPLETED;
}

/* For EVENT_TABLE_WITNESSED: the rows that the run added, where no number is known. */
enum { ROWS_NOT_KNOWN = -1, ROWS_WITHOUT_NUMBER = -2 };

/* Who counted the rows of a run. */
enum rows_from { ROWS_FROM_LOG, ROWS_FROM_ICEBERG, ROWS_FROM_WATERMARK, ROWS_FROMS };
const char *rows_from_name(enum rows_from from);  /* "log", "iceberg", "watermark" */
enum rows_from rows_from_named(const char *name); /* ROWS_FROM_LOG for any other word as well */

/* For EVENT_UNIT_STATE. */
enum unit_state {
    UNIT_NOT_KNOWN, /* systemd cannot be asked, or knows no such unit */
    UNIT_RUNS,
    UNIT_STOPPING,   /* somebody asked it to stop, and it has not ended yet */
    UNIT_STOPPED,    /* it ended because somebody asked it to, or by itself without an error */
    UNIT_RESTARTING, /* it ended by itself, and systemd will start it again */
    UNIT_GIVEN_UP,   /* it failed, and systemd will not start it again */
    UNIT_STATES
};

/*
 * EVENT_UNIT_STATE: number: one of these; at_ms: since when (0: not known); text: in words how it is, or how it ended ("killed by SIGKILL");
 * cause: the kind of trouble (causes.h) that this is, else empty.
 *
 * EVENT_TABLE_WITNESSED: table; number: the rows that its newest successful run added, or one of the two above; rows_from: who counted them
 * (not the log); at_ms: the watermark, which is the time up to which the table has the source's rows (0: not known); duration_ms: by how
 * much the source's newest row is newer than that (-1: not known); text: who says it, nothing if nobody does.
 */
struct event {
    enum event_kind kind;
    int64_t time_ms;
    int64_t offset; /* of the line in its file; -1 for the host's events */
    int64_t number;
    int64_t duration_ms;
    int64_t at_ms;
    int succeeded, failed, timed_out;
    enum rows_from rows_from;
    struct slice table; /* valid UTF-8 without control characters, at most TABLE_NAME_MAX_BYTES */
    struct slice text;
    struct slice run;   /* the name of the run, if the log has such names: valid UTF-8, at most RUN_NAME_MAX_BYTES */
    struct slice cycle; /* likewise the name of the cycle or of the layer */
    struct slice cause; /* of a probe: the name of the cause (causes.h) that it is configured to explain */
    struct slice line;  /* the evidence: the whole line, without its line break */
};

/* The line says by name which run, cycle or layer it is about. */
static inline bool event_has_name(const struct event *event)
{
    return (event->run.len | event->cycle.len) != 0;
}

/* "run_failed" for EVENT_RUN_FAILED. `agent parse` prints these names, and a patterns file uses them. */
const char *event_name(enum event_kind kind);

#endif

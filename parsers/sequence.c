/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sequence.h"

#include <stdint.h>

#define BIT(kind) (UINT64_C(1) << (kind))

#define RUN_ENDS (BIT(EVENT_RUN_COMPLETED) | BIT(EVENT_RUN_FAILED) | BIT(EVENT_RUN_TIMEOUT))
#define INTERRUPTIONS (BIT(EVENT_SIGNAL_RECEIVED) | BIT(EVENT_CYCLE_EXCEPTION) | BIT(EVENT_SCHEDULER_CRASHED))
#define BETWEEN_RUNS                                                                                                   \
    (BIT(EVENT_RUN_STARTED) | BIT(EVENT_SHUTDOWN_REQUESTED) | BIT(EVENT_CYCLE_COMPLETED) | INTERRUPTIONS)
#define SUMMARY (BIT(EVENT_CYCLE_DURATION) | BIT(EVENT_CYCLE_SUMMARY) | BIT(EVENT_CYCLE_ROWS))
#define AFTER_CYCLE (BIT(EVENT_NEXT_RUN) | BIT(EVENT_SIGNAL_RECEIVED) | BIT(EVENT_SCHEDULER_STOPPED))
#define WAITING                                                                                                        \
    (BIT(EVENT_WAITING) | BIT(EVENT_CYCLE_STARTED) | BIT(EVENT_SIGNAL_RECEIVED) | BIT(EVENT_SCHEDULER_CRASHED) |       \
     BIT(EVENT_SCHEDULER_STARTED))
#define WAITS                                                                                                          \
    (BIT(EVENT_RUN_STARTED) | BIT(EVENT_NEXT_RUN) | BIT(EVENT_WAITING) | BIT(EVENT_SIGNAL_RECEIVED) |                  \
     BIT(EVENT_SCHEDULER_STOPPED) | BIT(EVENT_SCHEDULER_CRASHED))

/* Rules of equals signs and messages without meaning stand anywhere in between. A death without a word may follow on anything. */
static const uint64_t FOLLOWERS[SAID_KINDS] = {
    [EVENT_SCHEDULER_STARTED] = BIT(EVENT_SCHEDULE) | BIT(EVENT_SCHEDULER_TABLES) | BIT(EVENT_CYCLE_STARTED),
    [EVENT_SCHEDULE] = BIT(EVENT_SCHEDULER_TABLES) | BIT(EVENT_CYCLE_STARTED),
    [EVENT_SCHEDULER_TABLES] = BIT(EVENT_CYCLE_STARTED),
    [EVENT_CYCLE_STARTED] = BIT(EVENT_CYCLE_TABLES) | BETWEEN_RUNS,
    [EVENT_CYCLE_TABLES] = BETWEEN_RUNS,
    [EVENT_RUN_STARTED] = RUN_ENDS | INTERRUPTIONS,
    [EVENT_RUN_COMPLETED] = BETWEEN_RUNS,
    [EVENT_RUN_FAILED] = BIT(EVENT_RUN_EXIT_CODE) | BIT(EVENT_RUN_STDERR),
    [EVENT_RUN_EXIT_CODE] = BIT(EVENT_RUN_STDERR),
    [EVENT_RUN_STDERR] = BETWEEN_RUNS,
    [EVENT_RUN_TIMEOUT] = BETWEEN_RUNS,
    [EVENT_CYCLE_COMPLETED] = SUMMARY | AFTER_CYCLE,
    [EVENT_CYCLE_DURATION] = SUMMARY | AFTER_CYCLE,
    [EVENT_CYCLE_SUMMARY] = SUMMARY | AFTER_CYCLE,
    [EVENT_CYCLE_ROWS] = AFTER_CYCLE,
    [EVENT_NEXT_RUN] = WAITING,
    [EVENT_WAITING] = WAITING,
    [EVENT_CYCLE_EXCEPTION] = 0,
    [SAID_EXCEPTION_AGAIN] = BIT(EVENT_NEXT_RUN),
    [EVENT_SIGNAL_RECEIVED] = BETWEEN_RUNS | RUN_ENDS | BIT(EVENT_SCHEDULER_STOPPED),
    [EVENT_SHUTDOWN_REQUESTED] = BIT(EVENT_CYCLE_COMPLETED) | BIT(EVENT_SIGNAL_RECEIVED),
    [EVENT_SCHEDULER_STOPPED] = BIT(EVENT_SCHEDULER_STARTED),
    [EVENT_SCHEDULER_CRASHED] = BIT(EVENT_SCHEDULER_STARTED),
};

bool sequence_follows(int said, enum event_kind next)
{
    return (FOLLOWERS[said] & BIT(next)) != 0;
}

bool sequence_is_between_runs(enum event_kind next)
{
    return (BETWEEN_RUNS & BIT(next)) != 0;
}

bool sequence_is_block(enum event_kind kind)
{
    return ((SUMMARY | BIT(EVENT_CYCLE_COMPLETED) | BIT(EVENT_SCHEDULER_STARTED) | BIT(EVENT_SCHEDULE) |
             BIT(EVENT_SCHEDULER_TABLES) | BIT(EVENT_SCHEDULER_STOPPED) | BIT(EVENT_SCHEDULER_CRASHED)) &
            BIT(kind)) != 0;
}

bool sequence_takes_time(int said)
{
    return (WAITS & BIT(said)) != 0;
}

bool sequence_is_run_end(enum event_kind kind)
{
    return (RUN_ENDS & BIT(kind)) != 0;
}

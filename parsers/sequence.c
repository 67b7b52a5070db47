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
#define BLOCKS                                                                                                         \
    (SUMMARY | BIT(EVENT_CYCLE_COMPLETED) | BIT(EVENT_SCHEDULER_STARTED) | BIT(EVENT_SCHEDULE) |                       \
     BIT(EVENT_SCHEDULER_STOPPED) | BIT(EVENT_SCHEDULER_CRASHED))

/* Rules of equals signs and messages without meaning stand anywhere in between. A death without a word may follow on anything. */
static const uint64_t FOLLOWERS[SAID_KINDS] = {
    [EVENT_SCHEDULER_STARTED] = BIT(EVENT_SCHEDULE) | BIT(EVENT_CYCLE_STARTED),
    [EVENT_SCHEDULE] = BIT(EVENT_CYCLE_STARTED),
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

struct sequence_step sequence_step(int said, enum event_kind next)
{
    const uint64_t bit = next < EVENT_KINDS ? BIT(next) : 0;
    return (struct sequence_step){
        .goes_on = (FOLLOWERS[said] & bit) != 0,
        .is_between_runs = (BETWEEN_RUNS & bit) != 0,
        .follows_again = (FOLLOWERS[SAID_EXCEPTION_AGAIN] & bit) != 0,
        .is_run_end = (RUN_ENDS & bit) != 0,
        .said_is_run_end = (RUN_ENDS & BIT(said)) != 0,
        .said_takes_time = (WAITS & BIT(said)) != 0,
        .is_block = (BLOCKS & bit) != 0,
    };
}

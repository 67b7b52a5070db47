/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_SEQUENCE_H
#define PARSERS_SEQUENCE_H

#include <stdbool.h>

#include "event.h"

/*
 * The order in which the scheduler writes: what it can say right after what. Where foreign text may stand between its records, a
 * record that does not fit into this order is not its own (excerpt.h).
 */

/* The exception's text, logged once more. It follows EVENT_CYCLE_EXCEPTION and is no event. */
enum { SAID_EXCEPTION_AGAIN = EVENT_KINDS, SAID_KINDS };

/* What is to be known of an event that follows on what was said (an event kind or SAID_EXCEPTION_AGAIN). */
struct sequence_step {
    bool goes_on;         /* the scheduler can say it right after what was said */
    bool is_between_runs; /* it can say it between two runs of a cycle, which is where it stands after a failure */
    bool follows_again;   /* it can say it right after an exception's text was logged once more */
    bool is_run_end;      /* it is the end of a run */
    bool said_is_run_end; /* what was said was the end of a run */
    bool said_takes_time; /* the scheduler then waits or lets a job run; after anything else it writes on at once */
    /*
     * It belongs to what the scheduler writes as a block of several lines at one instant: its start banner, the end of a cycle, the last
     * words of a stop or a crash. Each block with its prefixes is longer than the 500 characters of an excerpt.
     */
    bool is_block;
};

/* next: EVENT_KINDS for a record that is no event. */
struct sequence_step sequence_step(int said, enum event_kind next);

#endif

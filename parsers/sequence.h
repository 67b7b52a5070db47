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

/* Whether the scheduler can say next right after said, which is an event kind or SAID_EXCEPTION_AGAIN. */
bool sequence_follows(int said, enum event_kind next);

/* Whether the scheduler can say next between two runs of a cycle, which is where it stands after a failure. */
bool sequence_is_between_runs(enum event_kind next);

/*
 * Whether the event belongs to what the scheduler writes as a block of several lines at one instant: its start banner, the end of a
 * cycle, the last words of a crash or a stop. Each block with its prefixes is longer than the 500 characters of an excerpt.
 */
bool sequence_is_block(enum event_kind kind);

/* Whether the scheduler then waits or lets a job run. After anything else it writes on at once. */
bool sequence_takes_time(int said);

bool sequence_is_run_end(enum event_kind kind);

#endif

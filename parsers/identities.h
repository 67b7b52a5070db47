/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_IDENTITIES_H
#define PARSERS_IDENTITIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/archive.h"
#include "base/budgets.h"
#include "event.h"
#include "texts.h"

/*
 * The names that a log gives to its runs, cycles and layers. A line that bears such a name need not say more: what an earlier line of the
 * same name said is remembered here. Names are remembered from the first line that tells what they are to the one that ends them; of more
 * than the budget allows, the oldest are forgotten.
 *
 * Names need not be unique: Prefect's task runs have three hexadecimal digits. Two runs of one name are told apart by their tables; a line
 * that names no table belongs to the one that spoke last.
 */
struct named_run {
    char *name, *table; /* owned */
    bool timed_out;     /* its newest attempt was too slow */
};

struct named_cycle {
    char *name; /* owned */
    bool is_layer;
};

struct identities {
    struct named_run runs[RUNS_NAMED_MAX];       /* in the order in which they spoke last */
    struct named_cycle cycles[CYCLES_NAMED_MAX]; /* in the order in which they began */
    size_t run_count, cycle_count;
};

/*
 * Puts into the event what is known by its name: the table of its run; that a run which failed for good did so because it was too slow;
 * that what seems to be a cycle's end is a layer's. The table is borrowed until the next identities_note. False if the line says nothing,
 * because nobody knows what the name stands for: the log begins behind its first line, or it belongs to another flow.
 */
bool identities_complete(const struct identities *identities, struct event *event);

/* Whether an earlier line told what the event's name stands for, and what else is known. */
struct names_known identities_known(const struct identities *identities, const struct event *event);

/* Takes note of an event that identities_complete has completed. */
void identities_note(struct identities *identities, const struct event *event);

void identities_free(struct identities *identities);
void identities_archive(struct identities *identities, struct archive *archive);

#endif

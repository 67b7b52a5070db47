/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_RAN_H
#define PARSERS_RAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/budgets.h"
#include "base/slice.h"

/* The tables whose run in this cycle is over, as hashes. Of more than ENDED_TABLES_MAX the last ones are remembered. */
struct ran {
    int64_t hashes[ENDED_TABLES_MAX]; /* a ring */
    size_t count;                     /* of all that were added */
};

/* To tell tables apart within a cycle: it is asked at the end of every run, so it takes eight bytes of the name at a time. */
int64_t ran_hash(struct slice table);

void ran_add(struct ran *ran, struct slice table);
bool ran_has(const struct ran *ran, struct slice table);
void ran_archive(struct ran *ran, struct archive *archive);

#endif

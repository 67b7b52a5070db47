/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_GATHER_H
#define COMMANDS_REPORT_GATHER_H

#include "report.h"

/* The parts of gathering, in the order in which gather.c calls them: each reads what the ones before it have filled in. */
void gather_cycles(struct report *report, struct query *query);
/* Needs that many cycles at least to say what is usual. */
void gather_baseline(struct report *report, struct query *query, size_t least_cycles);
void gather_tables(struct report *report, struct query *query);
void gather_timeline(struct report *report, struct query *query);
/* Fills in the events that people are shown. */
void fold_story(struct report *report);
void gather_observed(struct report *report, struct query *query);
void gather_totals(struct report *report);

/* The interval that the cycles before that instant kept; the given one where they do not tell. */
int64_t gather_interval_before(struct query *query, int64_t at_ms, int64_t interval_ms);
/* The interval that the cycles around cycle number `index` kept; the report's where they do not tell. */
int64_t gather_interval_around(const struct report *report, size_t index);

/* Adds to a sum of counts or durations, which is HISTORY_NUMBER_MAX at the most. */
void gather_add(int64_t *sum, int64_t value);
int gather_compare_ms(const void *left, const void *right); /* of int64_t, for qsort */

#endif

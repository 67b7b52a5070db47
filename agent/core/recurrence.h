/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_RECURRENCE_H
#define CORE_RECURRENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "kinds.h"

/*
 * How often trouble of a kind has begun for a table lately, whether or not an incident was open for other tables. The newest beginnings of the
 * newest pairs of kind and table are kept.
 */
enum { BEGINNINGS_KEPT = 16, RECURRENCES_KEPT = 256 };

struct recurrence {
    int64_t kind, table;            /* table: its index, -1 for none */
    int64_t at_ms[BEGINNINGS_KEPT]; /* oldest first */
    size_t count;
};

struct recurrences {
    struct recurrence *at; /* in no order */
    size_t count;
    bool are_changed; /* since they were saved */
};

/* Trouble begins now for the table with this index, -1: for none. */
void recurrences_note(struct recurrences *recurrences, enum incident_kind kind, int64_t table, int64_t now_ms);
/* The newest beginning was none of its own. */
void recurrences_take_back(struct recurrences *recurrences, enum incident_kind kind, int64_t table);
/* How often it has begun within the last 24 hours. */
int64_t recurrences_today(const struct recurrences *recurrences, enum incident_kind kind, int64_t table,
                          int64_t now_ms);
/* How far two beginnings of the last day that follow one another lie apart, the most that is no more than most_ms; 0 if none do. */
int64_t recurrences_apart(const struct recurrences *recurrences, enum incident_kind kind, int64_t table,
                          int64_t most_ms);
/*
 * On how many days of the last four weeks it began at about this time of day, the day of the newest beginning included; 0 if there is none.
 * weekly: all of them are the same day of the week.
 */
int64_t recurrences_days(const struct recurrences *recurrences, enum incident_kind kind, int64_t table, bool *weekly);
/* The table with this index was dropped, and another one will have it. */
void recurrences_forget(struct recurrences *recurrences, int64_t table);
void recurrences_archive(struct recurrences *recurrences, struct archive *archive);

#endif

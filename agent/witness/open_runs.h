/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_OPEN_RUNS_H
#define WITNESS_OPEN_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/*
 * Inside the room: runs whose start was heard and whose end was not. The scheduler runs one table after the other, other pipelines several
 * at once. Where there are more than there is room for, the oldest is forgotten.
 */
enum { OPEN_RUNS = 64 };

struct open_run {
    char *table;
    char *target; /* what the log says that it is written to; NULL: nothing */
    int64_t started_ms;
};

/* Zero-initialise it. */
struct open_runs {
    struct open_run at[OPEN_RUNS];
    size_t count;
};

void open_runs_start(struct open_runs *runs, const struct event *start);
/* Takes the table's run out; the caller then owns its strings. False if none is open. */
bool open_runs_take(struct open_runs *runs, struct slice table, struct open_run *run);
void open_runs_free(struct open_runs *runs);

#endif

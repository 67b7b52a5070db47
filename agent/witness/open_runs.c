/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "open_runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

/* "Starting offload: bronze_trades → cold.bronze_trades": what stands behind the last arrow. NULL if there is none. */
static char *target_of(const struct event *event)
{
    static const char arrow[] = "→ ";
    struct slice line = event->line;
    for (size_t at = line.len; at-- > 0;)
        if (line.len - at > strlen(arrow) && memcmp(line.at + at, arrow, strlen(arrow)) == 0)
            return must_copy(line.at + at + strlen(arrow), line.len - at - strlen(arrow));
    return NULL;
}

static size_t run_of(const struct open_runs *runs, struct slice table)
{
    size_t index = 0;
    while (index < runs->count && !slice_equals(table, runs->at[index].table))
        index++;
    return index;
}

static struct open_run run_remove(struct open_runs *runs, size_t index)
{
    struct open_run run = runs->at[index];
    memmove(runs->at + index, runs->at + index + 1, (--runs->count - index) * sizeof *runs->at);
    return run;
}

static void run_free(struct open_run run)
{
    free(run.table);
    free(run.target);
}

void open_runs_start(struct open_runs *runs, const struct event *start)
{
    size_t index = run_of(runs, start->table);
    if (index < runs->count)
        run_free(run_remove(runs, index));
    else if (runs->count == OPEN_RUNS)
        run_free(run_remove(runs, 0));
    runs->at[runs->count++] = (struct open_run){
        .table = must_copy(start->table.at, start->table.len),
        .target = target_of(start),
        .started_ms = start->time_ms,
    };
}

bool open_runs_take(struct open_runs *runs, struct slice table, struct open_run *run)
{
    size_t index = run_of(runs, table);
    if (index == runs->count)
        return false;
    *run = run_remove(runs, index);
    return true;
}

void open_runs_free(struct open_runs *runs)
{
    while (runs->count > 0)
        run_free(run_remove(runs, 0));
}

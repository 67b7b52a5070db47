/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger.h"

#include <stdlib.h>

#include "base/strbuf.h"

/* --- what is there --------------------------------------------------------------------------------------------------- */

struct open_run *ledger_run(struct ledger *ledger, struct slice name, int64_t table)
{
    for (size_t i = ledger->run_count; i > 0; i--)
        if (ledger->runs[i - 1].table == table && slice_equals(name, ledger->runs[i - 1].name))
            return &ledger->runs[i - 1];
    return NULL;
}

struct open_cycle *ledger_cycle(struct ledger *ledger, struct slice name)
{
    for (size_t i = ledger->cycle_count; i > 0; i--)
        if (slice_equals(name, ledger->cycles[i - 1].name))
            return &ledger->cycles[i - 1];
    return NULL;
}

struct open_cycle *ledger_cycle_of(struct ledger *ledger, int64_t cycle_id)
{
    for (size_t i = 0; i < ledger->cycle_count; i++)
        if (ledger->cycles[i].cycle.id == cycle_id)
            return &ledger->cycles[i];
    return NULL;
}

struct open_layer *ledger_layer(struct ledger *ledger, struct slice name)
{
    for (size_t i = ledger->layer_count; i > 0; i--)
        if (slice_equals(name, ledger->layers[i - 1].name))
            return &ledger->layers[i - 1];
    return NULL;
}

bool ledger_has_layer(const struct ledger *ledger, int64_t cycle_id)
{
    for (size_t i = 0; i < ledger->layer_count; i++)
        if (ledger->layers[i].cycle_id == cycle_id)
            return true;
    return false;
}

struct turn *ledger_turn(const struct open_cycle *cycle, int64_t table)
{
    for (size_t i = 0; i < cycle->turn_count; i++)
        if (cycle->turns[i].table == table)
            return &cycle->turns[i];
    return NULL;
}

const struct open_run *ledger_running(const struct ledger *ledger, int64_t table)
{
    for (size_t i = 0; i < ledger->run_count; i++)
        if (ledger->runs[i].table == table && ledger->runs[i].state <= OPEN_ATTEMPT_FAILED)
            return &ledger->runs[i];
    return NULL;
}

bool ledger_holds_table(const struct ledger *ledger, int64_t table)
{
    for (size_t i = 0; i < ledger->run_count; i++)
        if (ledger->runs[i].table == table)
            return true;
    for (size_t i = 0; i < ledger->cycle_count; i++)
        if (ledger_turn(&ledger->cycles[i], table))
            return true;
    return false;
}

/* --- what comes and goes --------------------------------------------------------------------------------------------- */

struct open_run *ledger_add_run(struct ledger *ledger, struct slice name)
{
    struct open_run *run = &ledger->runs[ledger->run_count++];
    *run = (struct open_run){ .name = must_copy(name.at, name.len) };
    return run;
}

struct open_cycle *ledger_add_cycle(struct ledger *ledger, struct slice name)
{
    struct open_cycle *cycle = &ledger->cycles[ledger->cycle_count++];
    *cycle = (struct open_cycle){ .name = must_copy(name.at, name.len) };
    return cycle;
}

void ledger_add_layer(struct ledger *ledger, struct slice name, int64_t cycle_id)
{
    if (ledger->layer_count == CYCLES_NAMED_MAX)
        ledger_remove_layer(ledger, &ledger->layers[0]);
    ledger->layers[ledger->layer_count++] =
        (struct open_layer){ .name = must_copy(name.at, name.len), .cycle_id = cycle_id };
}

struct turn *ledger_add_turn(struct open_cycle *cycle, int64_t table)
{
    struct turn *turn = ledger_turn(cycle, table);
    if (turn)
        return turn;
    cycle->turns = list_room(cycle->turns, cycle->turn_count, sizeof cycle->turns[0]);
    turn = &cycle->turns[cycle->turn_count++];
    *turn = (struct turn){ .table = table };
    return turn;
}

static void run_drop(struct open_run *run)
{
    free(run->name);
    free(run->error);
}

static void cycle_drop(struct open_cycle *cycle)
{
    free(cycle->name);
    free(cycle->turns);
}

void ledger_remove_run(struct ledger *ledger, struct open_run *run)
{
    size_t behind = (size_t)(&ledger->runs[ledger->run_count] - run) - 1;
    run_drop(run);
    memmove(run, run + 1, behind * sizeof *run);
    ledger->run_count--;
}

void ledger_remove_layer(struct ledger *ledger, struct open_layer *layer)
{
    size_t behind = (size_t)(&ledger->layers[ledger->layer_count] - layer) - 1;
    free(layer->name);
    memmove(layer, layer + 1, behind * sizeof *layer);
    ledger->layer_count--;
}

void ledger_remove_cycle(struct ledger *ledger, struct open_cycle *cycle)
{
    size_t behind = (size_t)(&ledger->cycles[ledger->cycle_count] - cycle) - 1;
    for (size_t i = ledger->layer_count; i > 0; i--)
        if (ledger->layers[i - 1].cycle_id == cycle->cycle.id)
            ledger_remove_layer(ledger, &ledger->layers[i - 1]);
    cycle_drop(cycle);
    memmove(cycle, cycle + 1, behind * sizeof *cycle);
    ledger->cycle_count--;
}

void ledger_free(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->run_count; i++)
        run_drop(&ledger->runs[i]);
    for (size_t i = 0; i < ledger->cycle_count; i++)
        cycle_drop(&ledger->cycles[i]);
    for (size_t i = 0; i < ledger->layer_count; i++)
        free(ledger->layers[i].name);
    ledger->run_count = ledger->cycle_count = ledger->layer_count = 0;
}

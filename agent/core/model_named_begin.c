/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model_named.h"

/* How runs that have names begin, and in which of the cycles that are open. */

static bool may_run(const struct open_cycle *cycle, int64_t table)
{
    const struct turn *turn = ledger_turn(cycle, table);
    return !turn || turn->failed;
}

/*
 * No line says which cycle a run belongs to. A cycle runs a table once, or again after its failure. Where several cycles are open that may run it,
 * it is the one that was the last to finish something before: a run begins right behind the run before it, or behind its layer.
 */
static struct open_cycle *cycle_for(struct model *model, int64_t table)
{
    struct ledger *ledger = &model->ledger;
    struct open_cycle *best = NULL;
    for (size_t i = 0; i < ledger->cycle_count; i++) {
        struct open_cycle *cycle = &ledger->cycles[i];
        if (may_run(cycle, table) && (!best || cycle->free_ms > best->free_ms))
            best = cycle;
    }
    return best || ledger->cycle_count == 0 ? best : &ledger->cycles[ledger->cycle_count - 1];
}

/* The cycle runs a table again that failed in it, so that only the new run counts. */
static void take_back_failure(struct model *model, struct turn *turn)
{
    model->cycle.failed -= turn->counted == COUNTED_FAILED && model->cycle.failed > 0;
    model->cycle.timed_out -= turn->counted == COUNTED_TIMED_OUT && model->cycle.timed_out > 0;
    turn->counted = COUNTED_NOT;
}

/* And what the detectors were not told of that failure yet is none. */
static void forget_untold(struct model *model, int64_t cycle_id, int64_t table)
{
    struct ledger *ledger = &model->ledger;
    for (size_t i = ledger->run_count; i > 0; i--) {
        struct open_run *run = &ledger->runs[i - 1];
        if (!run->untold || run->table != table || run->run.cycle_id != cycle_id)
            continue;
        run->untold = false;
        run->due_ms = 0;
        if (run->is_over)
            named_finish_run(model, run);
    }
}

static struct open_run *begin(struct model *model, struct table *table)
{
    const struct event *event = model->moment->event;
    struct ledger *ledger = &model->ledger;
    if (ledger->run_count == RUNS_OPEN_MAX)
        named_break_run(model, &ledger->runs[0], (struct slice){ NULL, 0 });
    struct open_cycle *cycle = cycle_for(model, (int64_t)table->index);
    struct turn *turn = cycle ? ledger_add_turn(cycle, (int64_t)table->index) : NULL;
    if (cycle)
        forget_untold(model, cycle->cycle.id, (int64_t)table->index);
    struct open_run *run = ledger_add_run(ledger, event->run);
    if (cycle) {
        named_enter_cycle(model, cycle);
        take_back_failure(model, turn);
    }
    model_begin_run(model, table, model->moment->event_ms - event->duration_ms);
    run->table = (int64_t)table->index;
    run->is_told_again = turn && turn->told;
    run->start_unseen = event->kind != EVENT_RUN_STARTED;
    run->state = OPEN_RUNNING;
    named_leave_run(model, run);
    model_tell_run(model);
    if (!model_cycle_running(model))
        model_tell_fact(model, &(struct fact){ .kind = FACT_LONE_RUN_STARTED });
    return run;
}

/* Whether the event can be the first that is seen of a run. */
static bool may_begin(enum event_kind kind)
{
    switch (kind) {
    case EVENT_RUN_STARTED:
    case EVENT_RUN_COMPLETED:
    case EVENT_RUN_FAILED:
    case EVENT_RUN_TIMEOUT:
    case EVENT_ATTEMPT_FAILED:
    case EVENT_ATTEMPT_TIMEOUT: return true;
    default: return false;
    }
}

struct open_run *named_run_of_event(struct model *model)
{
    const struct event *event = model->moment->event;
    struct table *table = tables_find(model->tables, event->table);
    struct open_run *run = table ? ledger_run(&model->ledger, event->run, (int64_t)table->index) : NULL;
    if (run || !may_begin(event->kind))
        return run;
    if (!table)
        table = tables_named(model->tables, event->table, model->moment->now_ms);
    return table ? begin(model, table) : NULL;
}

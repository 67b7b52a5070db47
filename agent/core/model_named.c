/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model_named.h"

#include <limits.h>

/*
 * Cycles and layers that have names: several may be open at once, since a cycle may last longer than the interval, and after an outage all that
 * were missed begin together. A cycle ends when the log says so. One that says nothing for as long as a run can take, while others begin, has
 * died without a word.
 */

/* --- between two events ---------------------------------------------------------------------------------------------- */

/* What was looked at before an event, for the case that nothing is open behind it. */
struct view {
    struct cycle cycle;
    int64_t slept_ms, paused_ms;
};

static struct view view_of(const struct model *model)
{
    return (struct view){ model->cycle, model->slept_ms, model->paused_ms };
}

/* The oldest cycle that is open is looked at, and its oldest run. */
static void look_at_oldest(struct model *model, struct view before)
{
    struct ledger *ledger = &model->ledger;
    if (ledger->cycle_count > 0) {
        named_enter_cycle(model, &ledger->cycles[0]);
    } else if (model->cycle.id == 0) {
        model->cycle = before.cycle;
        model->slept_ms = before.slept_ms;
        model->paused_ms = before.paused_ms;
    }
    model->run_open = false;
    for (size_t i = 0; i < ledger->run_count && !model->run_open; i++)
        if (ledger->runs[i].state <= OPEN_ATTEMPT_FAILED && ledger->runs[i].run.cycle_id == model->cycle.id)
            named_enter_run(model, &ledger->runs[i]);
}

/* --- cycles end ------------------------------------------------------------------------------------------------------ */

/*
 * A run that goes on when its cycle has ended belongs to another one that is open: which cycle is whose run's no line says. If the cycle ended
 * well, that is certain, even where the other one seems to have run the table already, because the two were mistaken for one another.
 */
static struct open_cycle *other_owner(struct model *model, const struct open_run *run, bool is_certain)
{
    struct open_cycle *other = NULL;
    for (size_t i = 0; i < model->ledger.cycle_count; i++) {
        struct open_cycle *cycle = &model->ledger.cycles[i];
        if (cycle->cycle.id == run->run.cycle_id)
            continue;
        if (!ledger_turn(cycle, run->table))
            return cycle;
        other = is_certain ? cycle : other;
    }
    return other;
}

static void move_run(struct model *model, struct open_run *run, struct open_cycle *cycle)
{
    ledger_add_turn(cycle, run->table);
    run->run.cycle_id = cycle->cycle.id;
    named_enter_run(model, run);
    named_leave_run(model, run);
    model_tell_run(model);
}

/* text: why the cycle ended early, nothing if it did not. */
static void end_runs(struct model *model, int64_t cycle_id, struct slice text)
{
    struct ledger *ledger = &model->ledger;
    for (size_t i = ledger->run_count; i > 0; i--) {
        struct open_run *run = &ledger->runs[i - 1];
        if (run->run.cycle_id != cycle_id)
            continue;
        struct open_cycle *other = run->state <= OPEN_ATTEMPT_FAILED ? other_owner(model, run, text.len == 0) : NULL;
        if (other)
            move_run(model, run, other);
        else if (run->state == OPEN_RUNNING)
            named_break_run(model, run, text);
        else
            named_finish_run(model, run);
    }
}

/* The tables that the cycle would have run, had it not ended early: all that are known. */
static void fail_unreached(struct model *model, const struct open_cycle *cycle, struct slice text)
{
    for (size_t i = 0; i < model->tables->count; i++) {
        struct table *table = &model->tables->at[i];
        if (table->retired || ledger_turn(cycle, (int64_t)i))
            continue;
        if (cycle->cycle.id >= table->last_cycle_id)
            table_note_turn(table, cycle->cycle.id);
        model_fail_table(model, table, text);
    }
}

static void count_unrun(struct model *model, const struct open_cycle *cycle)
{
    for (size_t i = 0; i < model->tables->count; i++) {
        struct table *table = &model->tables->at[i];
        if (table->retired || table->last_cycle_id >= cycle->cycle.id || ledger_turn(cycle, (int64_t)i))
            continue;
        table->cycles_without++;
        tables_touch(model->tables, table, TOUCHED_LIVE);
    }
}

static void over(struct model *model, struct open_cycle *cycle, enum cycle_outcome outcome, enum fact_kind fact)
{
    named_enter_cycle(model, cycle);
    model_end_cycle(model, outcome);
    ledger_remove_cycle(&model->ledger, cycle);
    model_tell_fact(model, &(struct fact){ .kind = fact });
}

static void on_cycle_completed_named(struct model *model, struct open_cycle *cycle, struct slice text)
{
    end_runs(model, cycle->cycle.id, text);
    named_enter_cycle(model, cycle);
    enum cycle_outcome outcome = model_outcome(&model->cycle);
    if (text.len > 0) {
        outcome = model->cycle.succeeded > 0 ? CYCLE_PARTIAL : CYCLE_FAILED;
        fail_unreached(model, cycle, text);
    } else {
        count_unrun(model, cycle);
    }
    over(model, cycle, outcome, FACT_CYCLE_COMPLETED);
}

/* It takes its runs with it, and fails the tables that it did not reach. */
static void on_cycle_crashed(struct model *model, struct open_cycle *cycle, struct slice text)
{
    struct ledger *ledger = &model->ledger;
    struct slice why = text.len > 0 ? text : slice_of("the cycle's process died");
    for (size_t i = ledger->run_count; i > 0; i--)
        if (ledger->runs[i - 1].run.cycle_id == cycle->cycle.id)
            named_break_run(model, &ledger->runs[i - 1], why);
    named_enter_cycle(model, cycle);
    fail_unreached(model, cycle, why);
    over(model, cycle, CYCLE_ABORTED, FACT_CYCLE_ABORTED);
}

static void named_break_cycle(struct model *model, struct open_cycle *cycle)
{
    struct ledger *ledger = &model->ledger;
    for (size_t i = ledger->run_count; i > 0; i--)
        if (ledger->runs[i - 1].run.cycle_id == cycle->cycle.id)
            named_break_run(model, &ledger->runs[i - 1], (struct slice){ NULL, 0 });
    over(model, cycle, CYCLE_ABORTED, FACT_CYCLE_ABORTED);
}

void model_finish_named(struct model *model)
{
    struct view before = view_of(model);
    if (model->ledger.run_count == 0 || model->ledger.cycle_count > 0)
        return;
    end_runs(model, model->cycle.id, (struct slice){ NULL, 0 });
    look_at_oldest(model, before);
}

void model_abort_named(struct model *model)
{
    struct ledger *ledger = &model->ledger;
    struct view before = view_of(model);
    if (ledger_is_empty(ledger))
        return;
    while (ledger->cycle_count > 0)
        named_break_cycle(model, &ledger->cycles[0]);
    while (ledger->run_count > 0)
        named_break_run(model, &ledger->runs[0], (struct slice){ NULL, 0 });
    look_at_oldest(model, before);
}

/* --- cycles begin ---------------------------------------------------------------------------------------------------- */

static void break_silent_cycles(struct model *model)
{
    const struct settings *settings = model->schedule->settings;
    int64_t patience_ms = settings->schedule.table_timeout_ms + settings->schedule.hang_grace_ms;
    struct ledger *ledger = &model->ledger;
    for (size_t i = ledger->cycle_count; i > 0; i--)
        if (model->moment->now_ms - ledger->cycles[i - 1].said_ms > patience_ms)
            named_break_cycle(model, &ledger->cycles[i - 1]);
    if (ledger->cycle_count == CYCLES_OPEN_MAX)
        named_break_cycle(model, &ledger->cycles[0]);
}

static void on_named_started(struct model *model, struct slice name)
{
    struct open_cycle *cycle = ledger_cycle(&model->ledger, name);
    if (cycle) {
        cycle->said_ms = model->moment->now_ms;
        return;
    }
    break_silent_cycles(model);
    model_begin_cycle(model);
    cycle = ledger_add_cycle(&model->ledger, name);
    cycle->said_ms = cycle->free_ms = model->moment->now_ms;
    named_leave_cycle(model, cycle);
    model_tell_cycle(model);
    model_tell_fact(model, &(struct fact){ .kind = FACT_CYCLE_STARTED });
}

/* --- layers ---------------------------------------------------------------------------------------------------------- */

/* Layers follow one another in a cycle. No line says whose a layer is: it is the oldest cycle's that has none. */
static struct open_cycle *cycle_for_layer(struct model *model)
{
    struct ledger *ledger = &model->ledger;
    for (size_t i = 0; i < ledger->cycle_count; i++)
        if (!ledger_has_layer(ledger, ledger->cycles[i].cycle.id))
            return &ledger->cycles[i];
    return ledger->cycle_count > 0 ? &ledger->cycles[ledger->cycle_count - 1] : NULL;
}

static void on_layer_started(struct model *model, struct slice name)
{
    struct open_layer *layer = ledger_layer(&model->ledger, name);
    struct open_cycle *cycle = layer ? ledger_cycle_of(&model->ledger, layer->cycle_id) : cycle_for_layer(model);
    if (!cycle)
        return;
    if (!layer)
        ledger_add_layer(&model->ledger, name, cycle->cycle.id);
    if (cycle->paused_ms)
        cycle->slept_ms = time_sum(cycle->slept_ms, model->moment->now_ms - cycle->paused_ms);
    cycle->paused_ms = 0;
    cycle->said_ms = cycle->free_ms = model->moment->now_ms;
}

/*
 * The layer failed. What of it is not told yet is told now, unless the layer is run again: then it is told when the layer or the cycle is over
 * and the table was not begun again. A table that failed in an earlier cycle as well has failed all the same: to wait for one more attempt
 * would tell nobody anything.
 */
static void settle_failures(struct model *model, int64_t cycle_id, bool is_run_again)
{
    struct ledger *ledger = &model->ledger;
    for (size_t i = ledger->run_count; i > 0; i--) {
        struct open_run *run = &ledger->runs[i - 1];
        if (!run->untold || run->run.cycle_id != cycle_id)
            continue;
        run->due_ms = 0;
        if (is_run_again && !model->tables->at[run->table].last_failed)
            continue;
        named_tell_failure(model, run);
        if (run->is_over)
            named_finish_run(model, run);
    }
}

/* The wait for the retry is the pipeline's own: it does not make the cycle a slow one. */
static void on_layer_retry(struct model *model, struct slice name)
{
    struct open_layer *layer = ledger_layer(&model->ledger, name);
    struct open_cycle *cycle = layer ? ledger_cycle_of(&model->ledger, layer->cycle_id) : NULL;
    if (!cycle)
        return;
    settle_failures(model, cycle->cycle.id, true);
    cycle->paused_ms = model->moment->now_ms;
    cycle->said_ms = model->moment->now_ms;
}

static void on_layer_completed(struct model *model, struct slice name)
{
    struct open_layer *layer = ledger_layer(&model->ledger, name);
    struct open_cycle *cycle = layer ? ledger_cycle_of(&model->ledger, layer->cycle_id) : NULL;
    if (cycle) {
        settle_failures(model, cycle->cycle.id, false);
        cycle->said_ms = model->moment->now_ms;
    }
    if (layer)
        ledger_remove_layer(&model->ledger, layer);
}

/* --- events ---------------------------------------------------------------------------------------------------------- */

static void take_cycle(struct model *model, struct open_cycle *cycle)
{
    const struct event *event = model->moment->event;
    cycle->said_ms = model->moment->now_ms;
    switch (event->kind) {
    case EVENT_CYCLE_COMPLETED: on_cycle_completed_named(model, cycle, event->text); break;
    case EVENT_CYCLE_CRASHED: on_cycle_crashed(model, cycle, event->text); break;
    case EVENT_CYCLE_TABLES:
        cycle->cycle.tables = event->number >= 0 && event->number <= INT_MAX ? (int)event->number : 0;
        break;
    default: break;
    }
}

static void take(struct model *model)
{
    const struct event *event = model->moment->event;
    struct open_cycle *cycle = event->run.len > 0 ? NULL : ledger_cycle(&model->ledger, event->cycle);
    if (event->run.len > 0)
        named_take_run(model);
    else if (event->kind == EVENT_CYCLE_STARTED)
        on_named_started(model, event->cycle);
    else if (event->kind == EVENT_LAYER_STARTED)
        on_layer_started(model, event->cycle);
    else if (event->kind == EVENT_LAYER_RETRY)
        on_layer_retry(model, event->cycle);
    else if (event->kind == EVENT_LAYER_COMPLETED)
        on_layer_completed(model, event->cycle);
    else if (cycle)
        take_cycle(model, cycle);
}

void model_take_named(struct model *model)
{
    struct view before = view_of(model);
    take(model);
    look_at_oldest(model, before);
}

/* --- deadlines and questions ----------------------------------------------------------------------------------------- */

int64_t model_due(const struct model *model)
{
    int64_t best_ms = INT64_MAX;
    for (size_t i = 0; i < model->ledger.run_count; i++) {
        int64_t due_ms = model->ledger.runs[i].due_ms;
        if (due_ms && due_ms < best_ms)
            best_ms = due_ms;
    }
    return best_ms;
}

void model_expire(struct model *model)
{
    struct ledger *ledger = &model->ledger;
    struct view before = view_of(model);
    for (size_t i = ledger->run_count; i > 0; i--) {
        struct open_run *run = &ledger->runs[i - 1];
        if (!run->due_ms || run->due_ms > model->moment->now_ms)
            continue;
        if (run->untold)
            named_tell_failure(model, run);
        else
            named_hand_on_success(model, run);
        if (run->is_over)
            named_finish_run(model, run);
    }
    look_at_oldest(model, before);
}

void model_retell_named(const struct model *model)
{
    for (size_t i = 0; i < model->ledger.cycle_count; i++)
        model->sink.cycle(model->sink.ctx, &model->ledger.cycles[i].cycle);
    for (size_t i = 0; i < model->ledger.run_count; i++) {
        struct run run = model->ledger.runs[i].run;
        run.table = model->tables->at[model->ledger.runs[i].table].name;
        run.error = model->ledger.runs[i].error;
        model->sink.run(model->sink.ctx, &run);
    }
}

bool model_cycle_is_open(const struct model *model, int64_t cycle_id)
{
    for (size_t i = 0; i < model->ledger.cycle_count; i++)
        if (model->ledger.cycles[i].cycle.id == cycle_id)
            return true;
    return model_cycle_running(model) && model->cycle.id == cycle_id;
}

bool model_holds_table(const struct model *model, const struct table *table)
{
    int64_t index = (int64_t)table->index;
    return model->run_table == index || ledger_holds_table(&model->ledger, index);
}

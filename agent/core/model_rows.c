/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"
#include "units.h"

/* The rows of the history: how a run and a cycle begin and end, and what a table is told of it. */

int64_t model_elapsed_ms(const struct model *model)
{
    int64_t until_ms = model->paused_ms ? model->paused_ms : model->moment->now_ms;
    return until_ms - model->cycle.started_ms - model->slept_ms;
}

int64_t model_running_since(const struct model *model, const struct table *table)
{
    if (model->run_open && model->run_table == (int64_t)table->index)
        return model->run.started_ms;
    const struct open_run *run = ledger_running(&model->ledger, (int64_t)table->index);
    return run ? run->run.started_ms : 0;
}

bool model_is_running(const struct model *model, const struct table *table)
{
    bool is_looked_at = model->run_open && model->run_table == (int64_t)table->index;
    return is_looked_at || ledger_running(&model->ledger, (int64_t)table->index);
}

void model_tell_cycle(const struct model *model)
{
    if (model->cycle.id)
        model->sink.cycle(model->sink.ctx, &model->cycle);
}

void model_tell_run(const struct model *model)
{
    if (model->run.id)
        model->sink.run(model->sink.ctx, &model->run);
}

void model_tell_fact(const struct model *model, const struct fact *fact)
{
    model->sink.fact(model->sink.fact_ctx, fact);
}

enum cycle_outcome model_outcome(const struct cycle *cycle)
{
    int bad = cycle->failed + cycle->timed_out;
    return bad == 0 ? CYCLE_SUCCESS : cycle->succeeded ? CYCLE_PARTIAL : CYCLE_FAILED;
}

void model_begin_run(struct model *model, struct table *table, int64_t started_ms)
{
    model->run = (struct run){
        .id = ++model->last_run_id,
        .cycle_id = model_cycle_running(model) ? model->cycle.id : 0,
        .table = table->name,
        .started_ms = started_ms,
        .rows = -1,
        .exit_code = -1,
    };
    model->run_table = (int64_t)table->index;
    model->run_open = true;
    strbuf_clear(&model->run_error);
    if (table->retired)
        table_comes_back(table, model->moment->now_ms);
    if (model->run.cycle_id == 0 ||
        model->run.cycle_id >= table->last_cycle_id) /* of an older cycle that is still open */
        table_note_turn(table, model->run.cycle_id);
    tables_touch(model->tables, table, TOUCHED_LIVE);
}

/*
 * When the line that is being read was written. The clock may have ticked past that by the time that writing and reading take, on a busy
 * host seconds, and the rows of the history shall not depend on how busy the writer and the reader were. A line that is a minute behind
 * the clock is no late one, but shows a clock that was set back (see the engine), or comes from before a sleep. Cycles follow one another
 * all the same: none begins before the last one's end.
 */
int64_t model_written_ms(const struct model *model)
{
    const struct event *event = model->moment->event;
    int64_t now_ms = model->moment->now_ms, event_ms = model->moment->event_ms;
    bool is_late = event && event->offset >= 0 && event_ms <= now_ms && now_ms - event_ms <= MINUTE_MS;
    return is_late ? event_ms : now_ms;
}

static int64_t no_earlier(int64_t at_ms, int64_t than_ms)
{
    return at_ms > than_ms ? at_ms : than_ms;
}

void model_end_run(struct model *model, enum run_outcome outcome, int64_t ended_ms)
{
    struct table *table = model_run_table(model);
    model->run.ended_ms = no_earlier(ended_ms, model->run.started_ms);
    model->run.duration_ms = model->run.ended_ms - model->run.started_ms;
    model->run.outcome = outcome;
    model->run_open = false;
    if (table) {
        table->success_run_id = outcome == RUN_SUCCESS ? model->run.id : 0;
        table->success_cycle_id = model->run.cycle_id;
        table->spent_ms = model->run.duration_ms;
        table->moved = model->run.rows;
        table->counted = ROWS_NOT_KNOWN;
        tables_touch(model->tables, table, TOUCHED_LIVE);
    }
    model_tell_run(model);
}

void model_end_cycle(struct model *model, enum cycle_outcome outcome)
{
    struct cycle *cycle = &model->cycle;
    cycle->ended_ms = no_earlier(model_written_ms(model), cycle->started_ms);
    cycle->duration_ms = cycle->ended_ms - cycle->started_ms;
    cycle->outcome = outcome;
    model_tell_cycle(model);
}

void model_begin_cycle(struct model *model)
{
    int64_t started_ms = model_written_ms(model);
    if (!model_cycle_running(model)) /* another one may be open, where cycles have names */
        started_ms = no_earlier(started_ms, model->cycle.ended_ms);
    model->is_stopping = false;
    model->cycle = (struct cycle){ .id = ++model->last_cycle_id, .started_ms = started_ms };
    model->slept_ms = model->paused_ms = 0;
    model->tables->cycle_id = model->cycle.id;
}

void model_note_success(struct model *model, struct table *table)
{
    table_forget_failures(table);
    tables_note_success(model->tables, table);
    model_tell_fact(model, &(struct fact){ .kind = FACT_RUN_SUCCEEDED, .table = table, .rows = model->run.rows });
    table->last_success_ms = model->run.ended_ms;
    table->slept_ms = 0;
}

void model_fail_table(struct model *model, struct table *table, struct slice text)
{
    table_forget_failures(table);
    table_set_error(table, text);
    table_note_failure(table, false);
    model_tell_fact(model, &(struct fact){ .kind = FACT_RUN_FAILED, .table = table });
}

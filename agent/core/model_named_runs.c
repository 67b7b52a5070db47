/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model_named.h"

#include <stdlib.h>

#include "clip.h"
#include "units.h"

/*
 * Runs that have names.
 *
 * An attempt that failed is evidence, and no failure until the log says that there is no other one, or that the run or its cycle is over.
 * The run's row then bears the beginning of its first attempt and what its last one said. A success waits for its rows, so that the detectors
 * are told of both at once: until the rows come, until the run is over, or for OUTCOME_WAITS_MS. Rows that come later still join the row.
 */
enum { OUTCOME_WAITS_MS = 10 * SECOND_MS };

static struct table *table_of_run(const struct model *model, const struct open_run *run)
{
    return &model->tables->at[run->table];
}

void named_enter_cycle(struct model *model, struct open_cycle *cycle)
{
    model->cycle = cycle->cycle;
    model->slept_ms = cycle->slept_ms;
    model->paused_ms = cycle->paused_ms;
}

void named_leave_cycle(struct model *model, struct open_cycle *cycle)
{
    cycle->cycle = model->cycle;
    cycle->slept_ms = model->slept_ms;
    cycle->paused_ms = model->paused_ms;
}

void named_enter_run(struct model *model, struct open_run *run)
{
    struct open_cycle *cycle = ledger_cycle_of(&model->ledger, run->run.cycle_id);
    if (cycle)
        named_enter_cycle(model, cycle);
    else if (run->run.cycle_id == 0 || run->run.cycle_id != model->cycle.id)
        model->cycle = (struct cycle){ 0 };
    model->run = run->run;
    model->run.table = table_of_run(model, run)->name;
    model->run_table = run->table;
    model->run_open = run->state <= OPEN_ATTEMPT_FAILED;
    strbuf_clear(&model->run_error);
    strbuf_puts(&model->run_error, run->error ? run->error : "");
    model->run.error = model->run_error.len ? strbuf_text(&model->run_error) : NULL;
}

void named_leave_run(struct model *model, struct open_run *run)
{
    struct open_cycle *cycle = ledger_cycle_of(&model->ledger, model->run.cycle_id);
    if (cycle)
        named_leave_cycle(model, cycle);
    run->run = model->run;
    free(run->error);
    run->error = model->run_error.len ? must_copy(model->run_error.at, model->run_error.len) : NULL;
}

static void set_error(struct model *model, struct slice text)
{
    strbuf_clear(&model->run_error);
    add_without_nul(&model->run_error, clip(text, RUN_ERROR_MAX_BYTES));
    model->run.error = model->run_error.len ? strbuf_text(&model->run_error) : NULL;
}

/* --- outcomes -------------------------------------------------------------------------------------------------------- */

void named_hand_on_success(struct model *model, struct open_run *run)
{
    struct table *table = table_of_run(model, run);
    struct open_cycle *cycle = ledger_cycle_of(&model->ledger, run->run.cycle_id);
    named_enter_run(model, run);
    if (model_cycle_running(model)) {
        model->cycle.succeeded++;
        model->cycle.rows = time_sum(model->cycle.rows, model->run.rows > 0 ? model->run.rows : 0);
    }
    if (cycle)
        ledger_add_turn(cycle, run->table)->failed = false;
    set_error(model, (struct slice){ "", 0 });
    model->run.exit_code = -1;
    model_end_run(model, RUN_SUCCESS, model->run.ended_ms);
    run->state = OPEN_SETTLED;
    run->due_ms = 0;
    named_leave_run(model, run);
    model_note_success(model, table);
}

static void note_failed(struct open_cycle *cycle, int64_t table, enum counted_as counted)
{
    struct turn *turn = ledger_add_turn(cycle, table);
    turn->failed = true;
    turn->counted = counted;
}

/* In one cycle a table fails once, however often it is tried there. */
static void tell_failure(struct model *model, struct open_run *run, bool timed_out)
{
    struct table *table = table_of_run(model, run);
    struct open_cycle *cycle = ledger_cycle_of(&model->ledger, run->run.cycle_id);
    if (cycle)
        ledger_add_turn(cycle, run->table)->told = true;
    run->untold = false;
    run->due_ms = 0;
    if (timed_out)
        table_forget_failures(table);
    table_set_error(table, slice_of(strbuf_text(&model->run_error)));
    table->exit_code = model->run.exit_code;
    table_note_failure(table, timed_out);
    model_tell_fact(model,
                    &(struct fact){ .kind = run->is_told_again ? FACT_RUN_EVIDENCE : FACT_RUN_FAILED, .table = table });
}

void named_tell_failure(struct model *model, struct open_run *run)
{
    named_enter_run(model, run);
    tell_failure(model, run, run->run.outcome == RUN_TIMEOUT);
}

/* text: why, if the run itself did not say it. While a layer is open it may be run again, which its next line tells. */
static void hand_on_failure(struct model *model, struct open_run *run, bool timed_out, struct slice text)
{
    struct open_cycle *cycle = ledger_cycle_of(&model->ledger, run->run.cycle_id);
    named_enter_run(model, run);
    if (model_cycle_running(model)) {
        model->cycle.failed += !timed_out;
        model->cycle.timed_out += timed_out;
    }
    if (cycle)
        note_failed(cycle, run->table, timed_out ? COUNTED_TIMED_OUT : COUNTED_FAILED);
    if (!timed_out && text.len > 0 && (run->state == OPEN_RUNNING || !model->run.error)) {
        set_error(model, text); /* its newest attempt said nothing itself */
        model->run.exit_code = -1;
    }
    model_end_run(model, timed_out ? RUN_TIMEOUT : RUN_FAILED, model_written_ms(model));
    run->state = OPEN_SETTLED;
    named_leave_run(model, run);
    run->untold = cycle && ledger_has_layer(&model->ledger, cycle->cycle.id);
    run->due_ms = run->untold ? time_sum(model->moment->now_ms, OUTCOME_WAITS_MS) : 0;
    if (!run->untold)
        tell_failure(model, run, timed_out);
}

void named_finish_run(struct model *model, struct open_run *run)
{
    if (run->state == OPEN_SUCCEEDED)
        named_hand_on_success(model, run);
    else if (run->state == OPEN_ATTEMPT_FAILED)
        hand_on_failure(model, run, run->timed_out, (struct slice){ NULL, 0 });
    if (run->untold)
        named_tell_failure(model, run);
    ledger_remove_run(&model->ledger, run);
}

void named_break_run(struct model *model, struct open_run *run, struct slice text)
{
    struct open_cycle *cycle = ledger_cycle_of(&model->ledger, run->run.cycle_id);
    if (run->state == OPEN_SUCCEEDED)
        named_hand_on_success(model, run);
    if (run->untold)
        named_tell_failure(model, run);
    if (run->state <= OPEN_ATTEMPT_FAILED) {
        named_enter_run(model, run);
        if (!model->run.error)
            set_error(model, text);
        model->cycle.failed += text.len > 0 && model_cycle_running(model);
        if (cycle)
            note_failed(cycle, run->table, text.len > 0 ? COUNTED_FAILED : COUNTED_NOT);
        model_end_run(model, RUN_ABORTED, model_written_ms(model));
        run->state = OPEN_SETTLED;
        named_leave_run(model, run);
        if (text.len > 0)
            tell_failure(model, run, false);
    }
    ledger_remove_run(&model->ledger, run);
}

/* --- what the log says of a run -------------------------------------------------------------------------------------- */

static void on_attempt_started(struct model *model, struct open_run *run)
{
    if (run->state == OPEN_SUCCEEDED)
        named_hand_on_success(model, run);
    if (run->state != OPEN_SETTLED)
        run->state = OPEN_RUNNING;
}

/* What the attempt before it said counts no longer. */
static void on_attempt_failed(struct model *model, struct open_run *run, bool timed_out)
{
    if (run->state > OPEN_ATTEMPT_FAILED)
        return;
    run->state = OPEN_ATTEMPT_FAILED;
    run->timed_out = timed_out;
    named_enter_run(model, run);
    set_error(model, (struct slice){ "", 0 });
    model->run.exit_code = -1;
    named_leave_run(model, run);
    model_tell_run(model);
}

static void on_succeeded(struct model *model, struct open_run *run, int64_t rows)
{
    if (run->state == OPEN_SETTLED)
        return;
    if (rows >= 0)
        run->run.rows = rows;
    run->run.ended_ms = model_written_ms(model);
    run->state = OPEN_SUCCEEDED;
    run->due_ms = time_sum(model->moment->now_ms, OUTCOME_WAITS_MS);
    if (run->run.rows >= 0)
        named_hand_on_success(model, run);
}

/* Rows that come when the success was handed on without them. */
static void join_rows(struct model *model, struct open_run *run, int64_t rows)
{
    struct table *table = table_of_run(model, run);
    named_enter_run(model, run);
    model->run.rows = rows;
    if (model_cycle_running(model))
        model->cycle.rows = time_sum(model->cycle.rows, rows);
    if (table->success_run_id == run->run.id && table->moved < 0) {
        table->moved = rows;
        tables_touch(model->tables, table, TOUCHED_LIVE);
    }
    named_leave_run(model, run);
    model_tell_run(model);
    model_tell_cycle(model);
}

static void on_rows(struct model *model, struct open_run *run, int64_t rows)
{
    if (rows < 0 || run->run.rows >= 0)
        return;
    if (run->state == OPEN_SETTLED) {
        if (run->run.outcome == RUN_SUCCESS)
            join_rows(model, run, rows);
        return;
    }
    run->run.rows = rows;
    if (run->state == OPEN_SUCCEEDED)
        named_hand_on_success(model, run);
}

/* How long it took by its own clock tells when it began, if that was not seen. */
static void on_duration(struct model *model, struct open_run *run, int64_t duration_ms)
{
    int64_t until_ms = run->run.ended_ms ? run->run.ended_ms : model->moment->event_ms;
    if (!run->start_unseen || duration_ms <= 0)
        return;
    run->start_unseen = false;
    run->run.started_ms = time_sum(until_ms, -duration_ms);
    if (run->run.ended_ms)
        run->run.duration_ms = duration_ms;
    named_enter_run(model, run);
    named_leave_run(model, run);
    model_tell_run(model);
}

/* More about the newest attempt, or about the failure that was handed on. */
static void on_said(struct model *model, struct open_run *run)
{
    const struct event *event = model->moment->event;
    struct table *table = table_of_run(model, run);
    if (run->state == OPEN_SUCCEEDED || run->run.outcome == RUN_SUCCESS)
        return;
    named_enter_run(model, run);
    if (event->kind == EVENT_RUN_EXIT_CODE) {
        model->run.exit_code = event->number;
    } else if (model->run_error.len + event->text.len < RUN_ERROR_MAX_BYTES) {
        strbuf_puts(&model->run_error, model->run_error.len ? "\n" : "");
        add_without_nul(&model->run_error, event->text);
        model->run.error = model->run_error.len ? strbuf_text(&model->run_error) : NULL;
    }
    named_leave_run(model, run);
    model_tell_run(model);
    if (run->state != OPEN_SETTLED || run->untold)
        return;
    table->exit_code = model->run.exit_code;
    if (model->run.error)
        table_set_error(table, strbuf_slice(&model->run_error));
    model_tell_fact(model, &(struct fact){ .kind = FACT_RUN_EVIDENCE, .table = table });
}

static void on_ended(struct model *model, struct open_run *run, struct slice text)
{
    if (text.len > 0 && run->state != OPEN_SETTLED)
        hand_on_failure(model, run, run->state == OPEN_ATTEMPT_FAILED && run->timed_out, text);
    else if (run->state <= OPEN_ATTEMPT_FAILED)
        on_succeeded(model, run, -1);
    run->is_over = true;
    if (!run->untold)
        named_finish_run(model, run);
}

/*
 * While all that is left of the cycle waits for the next attempt, the wait is the pipeline's own: it does not make the cycle a slow one. An
 * attempt that timed out was slow, and its wait counts with it.
 */
static void pause_for_retry(struct model *model, struct open_cycle *cycle)
{
    bool waits = false;
    for (size_t i = 0; i < model->ledger.run_count; i++) {
        const struct open_run *run = &model->ledger.runs[i];
        if (run->run.cycle_id != cycle->cycle.id)
            continue;
        if (run->state == OPEN_RUNNING || (run->state == OPEN_ATTEMPT_FAILED && run->timed_out))
            return;
        waits = waits || run->state == OPEN_ATTEMPT_FAILED;
    }
    if (waits && !cycle->paused_ms)
        cycle->paused_ms = model->moment->now_ms;
}

static void resume_after_retry(struct model *model, struct open_cycle *cycle)
{
    if (cycle->paused_ms)
        cycle->slept_ms = time_sum(cycle->slept_ms, model->moment->now_ms - cycle->paused_ms);
    cycle->paused_ms = 0;
}

void named_take_run(struct model *model)
{
    const struct event *event = model->moment->event;
    struct open_run *run = named_run_of_event(model);
    if (!run)
        return;
    struct open_cycle *cycle = ledger_cycle_of(&model->ledger, run->run.cycle_id);
    if (cycle)
        cycle->said_ms = model->moment->now_ms;
    if (cycle && event->kind == EVENT_RUN_ENDED)
        cycle->free_ms = model->moment->now_ms;
    if (cycle && event->kind == EVENT_RUN_STARTED)
        resume_after_retry(model, cycle);
    int64_t cycle_id = run->run.cycle_id;
    switch (event->kind) {
    case EVENT_RUN_STARTED: on_attempt_started(model, run); break;
    case EVENT_ATTEMPT_FAILED: on_attempt_failed(model, run, false); break;
    case EVENT_ATTEMPT_TIMEOUT: on_attempt_failed(model, run, true); break;
    case EVENT_RUN_COMPLETED: on_succeeded(model, run, event->number); break;
    case EVENT_RUN_FAILED:
    case EVENT_RUN_TIMEOUT:
        if (run->state != OPEN_SETTLED)
            hand_on_failure(model, run, event->kind == EVENT_RUN_TIMEOUT, event->text);
        break;
    case EVENT_RUN_ROWS: on_rows(model, run, event->number); break;
    case EVENT_RUN_DURATION: on_duration(model, run, event->duration_ms); break;
    case EVENT_RUN_EXIT_CODE:
    case EVENT_RUN_STDERR: on_said(model, run); break;
    case EVENT_RUN_ENDED: on_ended(model, run, event->text); break;
    case EVENT_RUN_CRASHED: named_break_run(model, run, event->text); break;
    default: break; /* a retry: its beginning says more */
    }
    cycle = ledger_cycle_of(&model->ledger, cycle_id);
    if (cycle && (event->kind == EVENT_RUN_RETRY || event->kind == EVENT_RUN_ENDED))
        pause_for_retry(model, cycle);
}

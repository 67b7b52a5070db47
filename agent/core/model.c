/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <limits.h>
#include <stdlib.h>

#include "clip.h"
#include "units.h"

void model_retell(const struct model *model)
{
    model_tell_cycle(model);
    model_tell_run(model);
    model_retell_named(model);
}

static void simple_fact(const struct model *model, enum fact_kind kind)
{
    model_tell_fact(model, &(struct fact){ .kind = kind });
}

/* A cycle runs its tables in the same order as the one before, so the table is as a rule the newest run's, or the one behind it. */
static struct table *guess_table(const struct model *model, struct slice name)
{
    size_t guess = model->run_table >= 0 ? (size_t)model->run_table : 0;
    for (int i = 0; i < 2 && model->tables->count > 0 && name.len > 0; i++, guess++) {
        struct table *table = &model->tables->at[guess < model->tables->count ? guess : 0];
        if (slice_equals(name, table->name))
            return table;
    }
    return NULL;
}

static struct table *table_named(struct model *model)
{
    struct slice name = model->moment->event->table;
    struct table *table = guess_table(model, name);
    return table ? table : tables_named(model->tables, name, model->moment->now_ms);
}

/* --- runs and cycles begin and end --------------------------------------------------------------------------- */

static void abort_run(struct model *model)
{
    if (model->run_open)
        model_end_run(model, RUN_ABORTED, model_written_ms(model));
}

static void abort_cycle(struct model *model)
{
    if (!ledger_is_empty(&model->ledger))
        model_abort_named(model);
    abort_run(model);
    if (!model_cycle_running(model))
        return;
    model_end_cycle(model, CYCLE_ABORTED);
    simple_fact(model, FACT_CYCLE_ABORTED);
}

/* The run that a table's outcome belongs to: the one in progress, or else one whose beginning was not seen. */
static struct table *run_ending(struct model *model, const struct event *event)
{
    struct table *table = table_named(model);
    if (!table)
        return NULL;
    if (model->run_open && model_run_table(model) != table)
        abort_run(model);
    if (!model->run_open)
        model_begin_run(model, table, model->moment->event_ms - event->duration_ms);
    return table;
}

/* --- what the log says --------------------------------------------------------------------------------------- */

static void on_cycle_started(struct model *model)
{
    abort_cycle(model);
    model_begin_cycle(model);
    if (summary_cycle_started(&model->summary))
        model_judge_summary(model);
    model_tell_cycle(model);
    simple_fact(model, FACT_CYCLE_STARTED);
}

static void on_run_started(struct model *model)
{
    abort_run(model);
    struct table *table = table_named(model);
    if (!table)
        return;
    model_begin_run(model, table, model->moment->event_ms);
    model_tell_run(model);
    if (!model_cycle_running(model))
        simple_fact(model, FACT_LONE_RUN_STARTED);
}

static void on_run_completed(struct model *model, const struct event *event)
{
    struct table *table = run_ending(model, event);
    if (!table)
        return;
    model->run.rows = event->number;
    if (model_cycle_running(model)) {
        model->cycle.succeeded++;
        model->cycle.rows = time_sum(model->cycle.rows, event->number > 0 ? event->number : 0);
    }
    model_end_run(model, RUN_SUCCESS, model_written_ms(model));
    model_note_success(model, table);
}

static void on_run_failed(struct model *model, const struct event *event, enum run_outcome outcome)
{
    struct table *table = run_ending(model, event);
    if (!table)
        return;
    if (model_cycle_running(model)) {
        model->cycle.failed += outcome == RUN_FAILED;
        model->cycle.timed_out += outcome == RUN_TIMEOUT;
    }
    model_end_run(model, outcome, model_written_ms(model));
    if (outcome == RUN_TIMEOUT)
        table_forget_failures(table);
    table_note_failure(table, outcome == RUN_TIMEOUT);
    model_tell_fact(model, &(struct fact){ .kind = FACT_RUN_FAILED, .table = table });
}

/* More about the failure that was just reported. */
static void on_evidence(struct model *model, const struct event *event)
{
    struct table *table = model_run_table(model);
    if (!table || model->run_open || tables_find(model->tables, event->table) != table)
        return;
    if (event->kind == EVENT_RUN_EXIT_CODE) {
        model->run.exit_code = table->exit_code = event->number;
    } else if (model->run_error.len + event->text.len < RUN_ERROR_MAX_BYTES) {
        if (model->run_error.len)
            strbuf_puts(&model->run_error, "\n");
        add_without_nul(&model->run_error, event->text);
        if (model->run_error.len) {
            table_set_error(table, strbuf_slice(&model->run_error));
            model->run.error = strbuf_text(&model->run_error);
        }
    }
    model_tell_run(model);
    model_tell_fact(model, &(struct fact){ .kind = FACT_RUN_EVIDENCE, .table = table });
}

/* A cycle that was told to stop did not reach the tables that it did not run. */
static void count_absences(struct model *model)
{
    const struct cycle *cycle = &model->cycle;
    if (model->is_stopping && cycle->succeeded + cycle->failed + cycle->timed_out < cycle->tables)
        return;
    for (size_t i = 0; i < model->tables->count; i++) {
        struct table *table = &model->tables->at[i];
        if (table->last_cycle_id == model->cycle.id || table->retired)
            continue;
        table->cycles_without++;
        tables_touch(model->tables, table, TOUCHED_LIVE);
    }
}

static void on_cycle_completed(struct model *model)
{
    if (model->ledger.run_count > 0)
        model_finish_named(model);
    abort_run(model);
    if (!model_cycle_running(model))
        return;
    count_absences(model);
    model_end_cycle(model, model_outcome(&model->cycle));
    simple_fact(model, FACT_CYCLE_COMPLETED);
    if (summary_cycle_completed(&model->summary, &model->cycle, model->moment->now_ms))
        model_judge_summary(model);
}

static void on_summary(struct model *model, const struct event *event)
{
    if (summary_take(&model->summary, event, &model->cycle, model->moment->now_ms))
        model_judge_summary(model);
}

void model_lose_lines(struct model *model)
{
    model->summary.lines_lost = true;
    model->summary.due = false;
}

/* An exception fails the running table and every table that the cycle had not reached. */
static void on_exception(struct model *model, const struct event *event)
{
    bool in_cycle = model_cycle_running(model);
    int64_t running = model->run_open ? model->run_table : -1;
    if (model->run_open) {
        strbuf_clear(&model->run_error);
        add_without_nul(&model->run_error, clip(event->text, RUN_ERROR_MAX_BYTES));
        model->run.error = model->run_error.len ? strbuf_text(&model->run_error) : NULL;
        model_end_run(model, RUN_ABORTED, model_written_ms(model));
    }
    for (size_t i = 0; in_cycle && i < model->tables->count; i++) {
        struct table *table = &model->tables->at[i];
        if (table->retired || (table->last_cycle_id == model->cycle.id && (int64_t)i != running))
            continue;
        model_fail_table(model, table, event->text);
    }
    abort_cycle(model);
}

static void on_process_event(struct model *model, enum fact_kind kind)
{
    abort_cycle(model);
    model->past_cycle_id = model->last_cycle_id;
    model->started_tables = 0;
    simple_fact(model, kind);
}

static void on_start(struct model *model, enum fact_kind kind, int64_t seen_before_ms)
{
    abort_cycle(model);
    model->past_cycle_id = model->last_cycle_id;
    model->started_tables = 0;
    model->is_stopping = false;
    model_tell_fact(model, &(struct fact){ .kind = kind, .at_ms = seen_before_ms });
}

/* The wait for a retry is left out of a cycle as well, so it begins so much later: else the sleep would be left out twice. */
static void leave_sleep_out(const struct model *model, int64_t duration_ms, int64_t *slept_ms, int64_t *paused_ms)
{
    *slept_ms = time_sum(*slept_ms, duration_ms);
    if (*paused_ms)
        *paused_ms = time_sum(*paused_ms, duration_ms);
    if (*paused_ms > model->moment->now_ms)
        *paused_ms = model->moment->now_ms;
}

static void on_slept(struct model *model, const struct event *event)
{
    if (event->duration_ms < 0)
        return; /* a set-back, which moves the engine's time by nothing */
    leave_sleep_out(model, event->duration_ms, &model->slept_ms, &model->paused_ms);
    if (model->sign_ms)
        model->sign_ms = time_sum(model->sign_ms, event->duration_ms);
    if (model->sign_ms > model->moment->now_ms)
        model->sign_ms = model->moment->now_ms;
    for (size_t i = 0; i < model->ledger.cycle_count; i++)
        leave_sleep_out(model, event->duration_ms, &model->ledger.cycles[i].slept_ms,
                        &model->ledger.cycles[i].paused_ms);
    tables_touch_all(model->tables, TOUCHED_LIVE);
    for (size_t i = 0; i < model->tables->count; i++)
        model->tables->at[i].slept_ms = time_sum(model->tables->at[i].slept_ms, event->duration_ms);
    model_tell_fact(model, &(struct fact){ .kind = FACT_HOST_SLEPT, .duration_ms = event->duration_ms });
}

static void tell_promise(const struct model *model, int64_t at_ms)
{
    model_tell_fact(model, &(struct fact){ .kind = FACT_PROMISE, .at_ms = at_ms });
}

/*
 * The seconds that the scheduler will really wait. Where they differ from the promise by more than rounding, local time jumps in between:
 * the scheduler reckons the promise in local time and sleeps in real seconds, and the sleep is what will happen.
 */
static void on_waiting(struct model *model, const struct event *event)
{
    int64_t at_ms = model->moment->event_ms + event->duration_ms;
    int64_t difference_ms = at_ms - model->schedule->promise_ms;
    if (difference_ms > 2 * SECOND_MS || difference_ms < -2 * SECOND_MS)
        tell_promise(model, at_ms);
}

void model_set_back(struct model *model)
{
    simple_fact(model, FACT_SET_BACK);
}

void model_event(struct model *model)
{
    const struct event *event = model->moment->event;
    int64_t seen_before_ms = model->sign_ms;
    if (event_is_from_log(event->kind) && !event_is_of_maintenance(event->kind))
        model->sign_ms = model->moment->now_ms;
    if (event_has_name(event)) {
        model_take_named(model);
        return;
    }

    switch (event->kind) {
    case EVENT_SCHEDULER_STARTED: on_start(model, FACT_SCHEDULER_STARTED, seen_before_ms); break;
    case EVENT_WORKER_STARTED: on_start(model, FACT_WORKER_STARTED, seen_before_ms); break;
    case EVENT_SIGNAL_RECEIVED:
    case EVENT_SHUTDOWN_REQUESTED:
        model->is_stopping = true;
        simple_fact(model, FACT_SCHEDULER_STOPPING);
        break;
    case EVENT_SCHEDULER_STOPPED: on_process_event(model, FACT_SCHEDULER_STOPPED); break;
    case EVENT_SCHEDULER_CRASHED: on_process_event(model, FACT_SCHEDULER_CRASHED); break;
    case EVENT_WRITER_GONE: on_process_event(model, FACT_WRITER_GONE); break;
    case EVENT_HOST_RESUMED: on_slept(model, event); break;
    case EVENT_MAINTENANCE_FAILED:
    case EVENT_WRITER_BACK:
    case EVENT_PROBE_NOTED:
    case EVENT_PROBE_DOWN:
    case EVENT_LOG_REFUSED:
    case EVENT_LOG_READABLE:
    case EVENT_UNIT_STATE:
    case EVENT_HOST_NOTED:
    case EVENT_FAILURE_TOLD:
    case EVENT_LOG_MISSING:
    case EVENT_LOG_DELETED:
    case EVENT_LINES_UNKNOWN:
    case EVENT_LINES_KNOWN:
    case EVENT_WEBHOOK_STUCK:
    case EVENT_WEBHOOK_WELL: simple_fact(model, FACT_EVENT); break;
    case EVENT_TABLE_WITNESSED: model_take_answer(model); break;
    case EVENT_SCHEDULE:
        model_tell_fact(model, &(struct fact){ .kind = FACT_SCHEDULE, .duration_ms = event->duration_ms });
        break;
    case EVENT_SCHEDULER_TABLES: model->started_tables = event->number; break;
    case EVENT_CYCLE_STARTED: on_cycle_started(model); break;
    case EVENT_CYCLE_TABLES:
        if (model_cycle_running(model))
            model->cycle.tables = event->number <= INT_MAX ? (int)event->number : 0;
        break;
    case EVENT_RUN_STARTED: on_run_started(model); break;
    case EVENT_RUN_COMPLETED: on_run_completed(model, event); break;
    case EVENT_RUN_FAILED: on_run_failed(model, event, RUN_FAILED); break;
    case EVENT_RUN_TIMEOUT: on_run_failed(model, event, RUN_TIMEOUT); break;
    case EVENT_RUN_EXIT_CODE:
    case EVENT_RUN_STDERR: on_evidence(model, event); break;
    case EVENT_CYCLE_COMPLETED: on_cycle_completed(model); break;
    case EVENT_CYCLE_EXCEPTION: on_exception(model, event); break;
    case EVENT_NEXT_RUN: tell_promise(model, moment_engine_ms(model->moment, event->at_ms)); break;
    case EVENT_WAITING: on_waiting(model, event); break;
    case EVENT_CYCLE_SUMMARY: on_summary(model, event); break;
    case EVENT_CYCLE_DURATION:
    case EVENT_CYCLE_ROWS:
    case EVENT_MAINTENANCE_COMPLETED:
    case EVENT_KINDS: /* said by other lines as well, or signs of life only */
    case EVENT_ATTEMPT_FAILED:
    case EVENT_ATTEMPT_TIMEOUT:
    case EVENT_RUN_RETRY:
    case EVENT_RUN_ROWS:
    case EVENT_RUN_DURATION:
    case EVENT_RUN_ENDED:
    case EVENT_RUN_CRASHED:
    case EVENT_CYCLE_CRASHED:
    case EVENT_LAYER_STARTED:
    case EVENT_LAYER_RETRY:
    case EVENT_LAYER_COMPLETED:
    case EVENT_TEXT_FOLLOWS: break; /* nothing without a name: see model_take_named */
    }
}

void model_free(struct model *model)
{
    strbuf_free(&model->run_error);
    ledger_free(&model->ledger);
}

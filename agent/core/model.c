/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <stdlib.h>

/*
 * The cycle model: what the log says one line at a time, as cycles and runs, and the facts that detectors judge. A
 * cycle lasts from STARTED to COMPLETED; an exception, a stop, a death or the next STARTED aborts it.
 */

enum { ERROR_BYTES_MOST = 4096 };

bool model_cycle_running(const struct engine *engine)
{
    return engine->model.cycle.id != 0 && engine->model.cycle.outcome == CYCLE_RUNNING;
}

static void tell_cycle(const struct engine *engine)
{
    if (engine->sink.cycle && engine->model.cycle.id)
        engine->sink.cycle(engine->sink.ctx, &engine->model.cycle);
}

static void tell_run(const struct engine *engine)
{
    if (engine->sink.run && engine->model.run.id)
        engine->sink.run(engine->sink.ctx, &engine->model.run);
}

static struct table *run_table(struct engine *engine)
{
    return engine->model.run_table >= 0 ? &engine->tables[engine->model.run_table] : NULL;
}

static void simple_fact(struct engine *engine, enum fact_kind kind)
{
    engine_fact(engine, &(struct fact){ .kind = kind });
}

static void run_begin(struct engine *engine, struct table *table, int64_t started_ms)
{
    struct model *model = &engine->model;
    model->run = (struct run){
        .id = ++model->last_run_id,
        .cycle_id = model_cycle_running(engine) ? model->cycle.id : 0,
        .table = table->name,
        .started_ms = started_ms,
        .rows = -1,
        .exit_code = -1,
    };
    model->run_table = (int64_t)table_index(engine, table);
    model->run_open = true;
    strbuf_clear(&model->run_error);
    table->last_cycle_id = model->run.cycle_id;
    table->cycles_without = 0;
    table->retired = false;
}

/*
 * When the line being read was written. The clock may have ticked past it by the moment that reading takes, and rows shall not
 * tell how busy the reader was.
 */
static int64_t written_ms(const struct engine *engine)
{
    const struct event *event = engine->event;
    bool just_now = event && event->offset >= 0 && event->time_ms <= engine->clock_ms &&
                    engine->clock_ms - event->time_ms < SECOND_MS;
    return just_now ? event->time_ms : engine->clock_ms;
}

static int64_t no_earlier(int64_t at_ms, int64_t than_ms)
{
    return at_ms > than_ms ? at_ms : than_ms;
}

static void run_end(struct engine *engine, enum run_outcome outcome)
{
    struct model *model = &engine->model;
    model->run.ended_ms = no_earlier(written_ms(engine), model->run.started_ms);
    model->run.duration_ms = model->run.ended_ms - model->run.started_ms;
    model->run.outcome = outcome;
    model->run_open = false;
    engine->tables[model->run_table].spent_ms = model->run.duration_ms;
    engine->tables[model->run_table].moved = model->run.rows;
    tell_run(engine);
}

static void abort_run(struct engine *engine)
{
    if (engine->model.run_open)
        run_end(engine, RUN_ABORTED);
}

static void cycle_end(struct engine *engine, enum cycle_outcome outcome)
{
    struct cycle *cycle = &engine->model.cycle;
    cycle->ended_ms = no_earlier(written_ms(engine), cycle->started_ms);
    cycle->duration_ms = cycle->ended_ms - cycle->started_ms;
    cycle->outcome = outcome;
    tell_cycle(engine);
}

static void abort_cycle(struct engine *engine)
{
    abort_run(engine);
    if (!model_cycle_running(engine))
        return;
    cycle_end(engine, CYCLE_ABORTED);
    simple_fact(engine, FACT_CYCLE_ABORTED);
}

/* The run that a table's outcome belongs to: the one in progress, else one whose beginning was not seen. */
static struct table *run_ending(struct engine *engine, const struct event *event)
{
    struct table *table = table_named(engine, event->table);
    if (!table)
        return NULL;
    if (engine->model.run_open && run_table(engine) != table)
        abort_run(engine);
    if (!engine->model.run_open)
        run_begin(engine, table, event->time_ms - event->duration_ms);
    return table;
}

static void on_cycle_started(struct engine *engine)
{
    struct model *model = &engine->model;
    abort_cycle(engine);
    model->cycle = (struct cycle){ .id = ++model->last_cycle_id, .started_ms = written_ms(engine) };
    model->suspended_ms = 0;
    tell_cycle(engine);
    simple_fact(engine, FACT_CYCLE_STARTED);
}

static void on_run_started(struct engine *engine, const struct event *event)
{
    abort_run(engine);
    struct table *table = table_named(engine, event->table);
    if (!table)
        return;
    run_begin(engine, table, event->time_ms);
    tell_run(engine);
    if (!model_cycle_running(engine))
        engine->floor_ms = engine->clock_ms; /* a table that is new, or back, may lag from now on */
}

static void on_run_completed(struct engine *engine, const struct event *event)
{
    struct table *table = run_ending(engine, event);
    if (!table)
        return;
    struct model *model = &engine->model;
    model->run.rows = event->number;
    if (model_cycle_running(engine)) {
        model->cycle.succeeded++;
        model->cycle.rows += event->number > 0 ? event->number : 0;
    }
    run_end(engine, RUN_SUCCESS);
    table->last_failed = false;
    engine_fact(engine, &(struct fact){ .kind = FACT_RUN_SUCCEEDED,
                                        .table = table,
                                        .rows = event->number,
                                        .duration_ms = model->run.duration_ms });
    table->last_success_ms = model->run.ended_ms;
    table->suspended_ms = 0;
}

/* What the table's failure said so far, for the cause: text may be NULL. */
static void remember_failure(struct engine *engine, struct table *table, struct slice text, bool timed_out)
{
    free(table->error);
    free(table->failure_line);
    table->error = text.len ? must_copy(text.at, text.len) : NULL;
    table->failure_line = engine->event ? must_copy(engine->event->line.at, engine->event->line.len) : NULL;
    table->exit_code = -1;
    table->timed_out = timed_out;
    table->last_failed = true;
}

static void on_run_failed(struct engine *engine, const struct event *event, enum run_outcome outcome)
{
    struct table *table = run_ending(engine, event);
    if (!table)
        return;
    if (model_cycle_running(engine)) {
        engine->model.cycle.failed += outcome == RUN_FAILED;
        engine->model.cycle.timed_out += outcome == RUN_TIMEOUT;
    }
    run_end(engine, outcome);
    /* Its own words come on the next lines; what the failure before it in the streak said is the best guess until then. */
    if (outcome == RUN_TIMEOUT || table->failures.streak == 0) {
        remember_failure(engine, table, (struct slice){ "", 0 }, outcome == RUN_TIMEOUT);
    } else {
        free(table->failure_line);
        table->failure_line = must_copy(event->line.at, event->line.len);
        table->timed_out = false;
        table->last_failed = true;
    }
    engine_fact(engine, &(struct fact){ .kind = FACT_RUN_FAILED, .table = table });
}

static void keep_error(struct engine *engine, struct table *table)
{
    free(table->error);
    table->error = must_copy(engine->model.run_error.at, engine->model.run_error.len);
    engine->model.run.error = strbuf_text(&engine->model.run_error);
}

/* The excerpt goes on as a C string: a NUL in it must not hide what stands behind it. */
static void add_error(struct strbuf *error, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        strbuf_add(error, text.at[i] ? text.at + i : "?", 1);
}

/* More about the failure that was just reported. */
static void on_evidence(struct engine *engine, const struct event *event)
{
    struct model *model = &engine->model;
    struct table *table = run_table(engine);
    if (!table || model->run_open || !slice_equals(event->table, table->name))
        return;
    if (event->kind == EVENT_RUN_EXIT_CODE) {
        model->run.exit_code = table->exit_code = event->number;
    } else if (model->run_error.len + event->text.len < ERROR_BYTES_MOST) {
        if (model->run_error.len)
            strbuf_puts(&model->run_error, "\n");
        add_error(&model->run_error, event->text);
        if (model->run_error.len)
            keep_error(engine, table);
    }
    tell_run(engine);
    engine_fact(engine, &(struct fact){ .kind = FACT_RUN_EVIDENCE, .table = table });
}

static void count_absences(struct engine *engine)
{
    for (size_t i = 0; i < engine->table_count; i++)
        if (engine->tables[i].last_cycle_id != engine->model.cycle.id)
            engine->tables[i].cycles_without++;
}

static void on_cycle_completed(struct engine *engine)
{
    abort_run(engine);
    if (!model_cycle_running(engine))
        return;
    const struct cycle *cycle = &engine->model.cycle;
    int bad = cycle->failed + cycle->timed_out;
    count_absences(engine);
    cycle_end(engine, bad == 0 ? CYCLE_SUCCESS : cycle->succeeded ? CYCLE_PARTIAL : CYCLE_FAILED);
    simple_fact(engine, FACT_CYCLE_COMPLETED);
}

/* An exception fails the running table and every table that the cycle had not reached. */
static void on_exception(struct engine *engine, const struct event *event)
{
    struct model *model = &engine->model;
    bool in_cycle = model_cycle_running(engine), was_open = model->run_open;
    if (model->run_open) {
        strbuf_clear(&model->run_error);
        add_error(&model->run_error, event->text);
        model->run.error = model->run_error.len ? strbuf_text(&model->run_error) : NULL;
        run_end(engine, RUN_ABORTED);
    }
    int64_t running = was_open ? model->run_table : -1;
    for (size_t i = 0; in_cycle && i < engine->table_count; i++) {
        struct table *table = &engine->tables[i];
        if (table->retired || (table->last_cycle_id == model->cycle.id && (int64_t)i != running))
            continue;
        remember_failure(engine, table, event->text, false);
        engine_fact(engine, &(struct fact){ .kind = FACT_RUN_FAILED, .table = table });
    }
    abort_cycle(engine);
}

static void on_process_event(struct engine *engine, enum fact_kind kind)
{
    abort_cycle(engine);
    simple_fact(engine, kind);
}

static void on_resumed(struct engine *engine, const struct event *event)
{
    engine->model.suspended_ms += event->duration_ms;
    engine->model.sign_ms += event->duration_ms;
    if (engine->model.sign_ms > engine->clock_ms)
        engine->model.sign_ms = engine->clock_ms;
    for (size_t i = 0; i < engine->table_count; i++)
        if (event->duration_ms < 0)
            table_set_back(&engine->tables[i], event->duration_ms);
        else
            engine->tables[i].suspended_ms += event->duration_ms;
    engine_fact(engine, &(struct fact){ .kind = FACT_HOST_RESUMED, .duration_ms = event->duration_ms });
}

static void on_schedule(struct engine *engine, const struct event *event)
{
    engine->scheduler.interval_ms = event->duration_ms;
    engine->floor_ms = engine->clock_ms; /* a shorter interval has earlier deadlines */
}

static void on_promise(struct engine *engine, int64_t at_ms)
{
    engine_fact(engine, &(struct fact){ .kind = FACT_PROMISE, .at_ms = at_ms });
}

/*
 * The seconds that it will really wait. Where they differ from the promise by more than rounding, local time jumps in
 * between (the scheduler reckons in local time and sleeps in real seconds), and the wait is what will happen.
 */
static void on_waiting(struct engine *engine, const struct event *event)
{
    int64_t at_ms = event->time_ms + event->duration_ms;
    int64_t difference = at_ms - engine->scheduler.promise_ms;
    if (difference > 2 * SECOND_MS || difference < -2 * SECOND_MS)
        on_promise(engine, at_ms);
}

void model_event(struct engine *engine, const struct event *event)
{
    if (event_is_from_log(event->kind))
        engine->model.sign_ms = engine->clock_ms;

    switch (event->kind) {
    case EVENT_SCHEDULER_STARTED: on_process_event(engine, FACT_SCHEDULER_STARTED); break;
    case EVENT_SCHEDULER_STOPPED: on_process_event(engine, FACT_SCHEDULER_STOPPED); break;
    case EVENT_SCHEDULER_CRASHED: on_process_event(engine, FACT_SCHEDULER_CRASHED); break;
    case EVENT_WRITER_GONE: on_process_event(engine, FACT_WRITER_GONE); break;
    case EVENT_WRITER_BACK: simple_fact(engine, FACT_WRITER_BACK); break;
    case EVENT_HOST_RESUMED: on_resumed(engine, event); break;
    case EVENT_PROBE_NOTED: witness_note(engine, event); break;
    case EVENT_PROBE_DOWN:
        witness_note(engine, event);
        simple_fact(engine, FACT_PROBE_DOWN);
        break;
    case EVENT_LOG_REFUSED: simple_fact(engine, FACT_LOG_REFUSED); break;
    case EVENT_LOG_READABLE: simple_fact(engine, FACT_LOG_READABLE); break;
    case EVENT_WEBHOOK_STUCK: simple_fact(engine, FACT_WEBHOOK_STUCK); break;
    case EVENT_WEBHOOK_WELL: simple_fact(engine, FACT_WEBHOOK_WELL); break;
    case EVENT_SCHEDULE: on_schedule(engine, event); break;
    case EVENT_CYCLE_STARTED: on_cycle_started(engine); break;
    case EVENT_CYCLE_TABLES:
        if (model_cycle_running(engine))
            engine->model.cycle.tables = (int)event->number;
        break;
    case EVENT_RUN_STARTED: on_run_started(engine, event); break;
    case EVENT_RUN_COMPLETED: on_run_completed(engine, event); break;
    case EVENT_RUN_FAILED: on_run_failed(engine, event, RUN_FAILED); break;
    case EVENT_RUN_TIMEOUT: on_run_failed(engine, event, RUN_TIMEOUT); break;
    case EVENT_RUN_EXIT_CODE:
    case EVENT_RUN_STDERR: on_evidence(engine, event); break;
    case EVENT_CYCLE_COMPLETED: on_cycle_completed(engine); break;
    case EVENT_CYCLE_EXCEPTION: on_exception(engine, event); break;
    case EVENT_NEXT_RUN: on_promise(engine, event->at_ms); break;
    case EVENT_WAITING: on_waiting(engine, event); break;
    case EVENT_CYCLE_DURATION:
    case EVENT_CYCLE_SUMMARY:
    case EVENT_CYCLE_ROWS:
    case EVENT_SIGNAL_RECEIVED:
    case EVENT_SHUTDOWN_REQUESTED:
    case EVENT_KINDS: break; /* said in other words already, or signs of life only */
    }
}

void model_retell(const struct engine *engine)
{
    tell_cycle(engine);
    tell_run(engine);
}

void model_archive(struct engine *engine, struct archive *archive)
{
    struct model *model = &engine->model;
    struct cycle *cycle = &model->cycle;
    struct run *run = &model->run;
    int cycle_outcome = (int)cycle->outcome, run_outcome = (int)run->outcome;
    char *error = archive_loading(archive) ? NULL : must_copy(strbuf_text(&model->run_error), model->run_error.len);

    archive_i64(archive, "cycle.id", &cycle->id);
    archive_i64(archive, "cycle.started", &cycle->started_ms);
    archive_i64(archive, "cycle.ended", &cycle->ended_ms);
    archive_i64(archive, "cycle.duration", &cycle->duration_ms);
    archive_enum(archive, "cycle.outcome", &cycle_outcome, CYCLE_OUTCOMES);
    archive_int(archive, "cycle.tables", &cycle->tables);
    archive_int(archive, "cycle.succeeded", &cycle->succeeded);
    archive_int(archive, "cycle.failed", &cycle->failed);
    archive_int(archive, "cycle.timed_out", &cycle->timed_out);
    archive_i64(archive, "cycle.rows", &cycle->rows);
    archive_i64(archive, "run.id", &run->id);
    archive_i64(archive, "run.cycle", &run->cycle_id);
    archive_i64(archive, "run.started", &run->started_ms);
    archive_i64(archive, "run.ended", &run->ended_ms);
    archive_i64(archive, "run.duration", &run->duration_ms);
    archive_enum(archive, "run.outcome", &run_outcome, RUN_OUTCOMES);
    archive_i64(archive, "run.rows", &run->rows);
    archive_i64(archive, "run.exit_code", &run->exit_code);
    archive_text(archive, "run.error", &error);
    archive_i64(archive, "run.table", &model->run_table);
    archive_bool(archive, "run.open", &model->run_open);
    archive_i64(archive, "last_cycle", &model->last_cycle_id);
    archive_i64(archive, "last_run", &model->last_run_id);
    archive_i64(archive, "sign", &model->sign_ms);
    archive_i64(archive, "slept", &model->suspended_ms);

    if (archive_loading(archive)) {
        cycle->outcome = (enum cycle_outcome)cycle_outcome;
        run->outcome = (enum run_outcome)run_outcome;
        if (model->run_table < 0 || model->run_table >= (int64_t)engine->table_count)
            model->run_table = -1;
        model->run_open = model->run_open && model->run_table >= 0;
        run->table = model->run_table >= 0 ? engine->tables[model->run_table].name : "";
        strbuf_clear(&model->run_error);
        strbuf_puts(&model->run_error, error ? error : "");
        run->error = model->run_error.len ? strbuf_text(&model->run_error) : NULL;
    }
    free(error);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "metrics_private.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"

/* How many of an earlier run's latest table runs are read at the start: some dozen cycles. */
enum { RECENT_RUNS = 600 };

/* A cycle usually takes ten seconds, is slow from 300 and too slow from 600. */
const int64_t metrics_buckets_s[METRICS_BUCKETS] = { 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800 };

struct metrics *metrics_new(void)
{
    struct metrics *metrics = must_alloc(sizeof *metrics);
    metrics->last_duration_ms = -1;
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < metrics->table_count; i++)
        free(metrics->tables[i].name);
    free(metrics->tables);
    free(metrics->incidents);
    metrics_free_witnesses(metrics);
    free(metrics);
}

/* --- counting ---------------------------------------------------------------------------------------------- */

static struct table_metrics *metrics_table_named(struct metrics *metrics, const char *name)
{
    for (size_t i = 0; i < metrics->table_count; i++)
        if (strcmp(metrics->tables[i].name, name) == 0)
            return &metrics->tables[i];
    metrics->tables = list_room(metrics->tables, metrics->table_count, sizeof *metrics->tables);
    struct table_metrics *table = &metrics->tables[metrics->table_count++];
    *table = (struct table_metrics){ .name = must_copy(name, strlen(name)) };
    return table;
}

static void note_success(struct table_metrics *table, int64_t at_ms, int64_t rows)
{
    if (at_ms > table->success_ms)
        table->success_ms = at_ms;
    if (rows > 0 && at_ms > table->rows_ms)
        table->rows_ms = at_ms;
}

static void count_duration(struct metrics *metrics, int64_t duration_ms)
{
    size_t bucket = 0;
    while (bucket < METRICS_BUCKETS && duration_ms > metrics_buckets_s[bucket] * 1000)
        bucket++;
    metrics->durations[bucket]++;
    metrics->duration_sum_ms += duration_ms;
    metrics->last_duration_ms = duration_ms;
}

static void metrics_on_cycle(void *ctx, const struct cycle *cycle)
{
    struct metrics *metrics = ctx;
    if (cycle->id >= metrics->cycle_id)
        metrics->running_since_ms = cycle->outcome == CYCLE_RUNNING ? cycle->started_ms : 0;
    if (cycle->outcome != CYCLE_RUNNING && cycle->id > metrics->cycle_id) {
        metrics->cycle_id = cycle->id;
        metrics->last_outcome = cycle->outcome;
        metrics->cycles[cycle->outcome]++;
        /* An aborted cycle ended early, so its duration says nothing about how long cycles take. */
        if (cycle->outcome != CYCLE_ABORTED)
            count_duration(metrics, cycle->duration_ms);
    }
    if (metrics->next.cycle)
        metrics->next.cycle(metrics->next.ctx, cycle);
}

static void metrics_on_run(void *ctx, const struct run *run)
{
    struct metrics *metrics = ctx;
    if (run->outcome != RUN_RUNNING && run->id > metrics->run_id) {
        struct table_metrics *table = metrics_table_named(metrics, run->table);
        metrics->run_id = run->id;
        table->runs[run->outcome]++;
        if (run->outcome == RUN_SUCCESS) {
            note_success(table, run->ended_ms, run->rows);
            table->rows += run->rows > 0 ? run->rows : 0;
            table->success_duration_ms += run->duration_ms;
        }
    }
    if (metrics->next.run)
        metrics->next.run(metrics->next.ctx, run);
}

static void metrics_on_answer(void *ctx, const struct run_answer *answer)
{
    struct metrics *metrics = ctx;
    struct table_metrics *table = metrics_table_named(metrics, answer->table);
    if (answer->rows_from != ROWS_FROM_LOG && answer->rows > 0) {
        table->rows += answer->rows;
        table->rows_ms = table->success_ms;
    }
    if (answer->watermark_ms)
        table->watermark_ms = answer->watermark_ms;
    if (metrics->next.answer)
        metrics->next.answer(metrics->next.ctx, answer);
}

static void metrics_put_incident(struct metrics *metrics, struct open_incident incident, bool open)
{
    size_t i = 0;
    while (i < metrics->incident_count && metrics->incidents[i].id != incident.id)
        i++;
    if (!open) {
        if (i < metrics->incident_count)
            metrics->incidents[i] = metrics->incidents[--metrics->incident_count];
        return;
    }
    if (i == metrics->incident_count)
        metrics->incidents = must_grow(metrics->incidents, ++metrics->incident_count, sizeof *metrics->incidents);
    metrics->incidents[i] = incident;
}

static void metrics_on_incident(void *ctx, const struct incident *incident)
{
    struct metrics *metrics = ctx;
    metrics_put_incident(
        metrics,
        (struct open_incident){ incident->id, incident->alert, incident->severity, incident->acknowledged_ms != 0 },
        incident->open);
    if (metrics->next.incident)
        metrics->next.incident(metrics->next.ctx, incident);
}

static void metrics_on_timeline(void *ctx, const struct timeline_entry *entry)
{
    struct metrics *metrics = ctx;
    if (metrics->next.timeline)
        metrics->next.timeline(metrics->next.ctx, entry);
}

struct engine_sink metrics_sink(struct metrics *metrics, const struct engine_sink *next)
{
    metrics->next = *next;
    return (struct engine_sink){
        .ctx = metrics,
        .cycle = metrics_on_cycle,
        .run = metrics_on_run,
        .answer = metrics_on_answer,
        .incident = metrics_on_incident,
        .timeline = metrics_on_timeline,
        .notify_ctx = next->notify_ctx,
        .notify = next->notify,
    };
}

/* --- taking up --------------------------------------------------------------------------------------------- */

static const char sql_open_incidents[] =
    "SELECT id, alert, severity, EXISTS (SELECT 1 FROM acknowledgement WHERE incident_id = incident.id"
    " AND coalesce(undone_at, 0) = 0) FROM incident WHERE state = 'open'";
static const char sql_recent_runs[] =
    "SELECT id, table_name, ended_at, rows, outcome, watermark_at FROM run WHERE ended_at > 0 AND "
    "id > (SELECT max(id) FROM run) - ?1 ORDER BY id";

static void metrics_take_up_incident(struct metrics *metrics, sqlite3_stmt *row)
{
    struct open_incident incident = { .id = reader_number(row, 0), .severity = SEVERITY_WARNING };
    const char *alert = reader_text(row, 1);
    const char *severity = reader_text(row, 2);
    if (strcmp(severity, severity_name(SEVERITY_CRITICAL)) == 0)
        incident.severity = SEVERITY_CRITICAL;
    incident.alert = alert_from_name(alert);
    incident.acknowledged = reader_number(row, 3) != 0;
    if (incident.alert != ALERTS)
        metrics_put_incident(metrics, incident, true);
}

static void metrics_take_up_run(struct metrics *metrics, sqlite3_stmt *row)
{
    const char *name = reader_text(row, 1);
    const char *outcome = reader_text(row, 4);
    if (reader_number(row, 0) > metrics->run_id)
        metrics->run_id = reader_number(row, 0);
    if (!*name || strcmp(outcome, run_outcome_name(RUN_SUCCESS)) != 0)
        return;
    struct table_metrics *table = metrics_table_named(metrics, name);
    note_success(table, reader_number(row, 2), reader_number(row, 3));
    if (reader_number(row, 5) > 0)
        table->watermark_ms = reader_number(row, 5); /* the rows come in the order of their ids */
}

static int metrics_take_up_rows(struct metrics *metrics, sqlite3 *db, const char *sql,
                                void (*take_up)(struct metrics *metrics, sqlite3_stmt *row))
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK && sqlite3_bind_parameter_count(statement) > 0)
        sqlite3_bind_int(statement, 1, RECENT_RUNS);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
            take_up(metrics, statement);
    }
    sqlite3_finalize(statement);
    return code;
}

bool metrics_take_up(struct metrics *metrics, const char *history_db, struct strbuf *error)
{
    sqlite3 *db = reader_open(history_db, error);
    if (!db)
        return false;
    int code = metrics_take_up_rows(metrics, db, sql_open_incidents, metrics_take_up_incident);
    if (code == SQLITE_DONE)
        code = metrics_take_up_rows(metrics, db, sql_recent_runs, metrics_take_up_run);
    if (code != SQLITE_DONE)
        strbuf_printf(error, "%s: cannot read the history: %s", history_db, sqlite3_errmsg(db));
    sqlite3_close(db);
    return code == SQLITE_DONE;
}

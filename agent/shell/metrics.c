/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell/metrics.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "shell/reader.h"
#include "shell/text.h"

enum {
    CYCLE_OUTCOMES = CYCLE_ABORTED + 1,
    RUN_OUTCOMES = RUN_ABORTED + 1,
    SEVERITIES = SEVERITY_CRITICAL + 1,
    RECENT_RUNS = 600        /* what is read of an earlier life: some dozen cycles, found by their ids */
};

/* Upper ends, in seconds: a cycle usually takes ten, is slow from 300 and too slow from 600. */
static const int64_t buckets_s[] = { 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800 };
enum { BUCKETS = sizeof buckets_s / sizeof buckets_s[0] };

struct table_metrics {
    char *name;
    int64_t runs[RUN_OUTCOMES];
    int64_t success_ms;      /* its last success, 0: none known */
    int64_t rows_ms;         /* its last success with rows, likewise */
};

struct open_incident {
    int64_t id;
    enum alert alert;
    enum severity severity;
};

struct metrics {
    struct engine_sink next;
    int64_t cycle_id, run_id;   /* the last ones counted: a row is told again when more of it is known */
    int64_t cycles[CYCLE_OUTCOMES];
    int64_t durations[BUCKETS + 1];
    int64_t duration_sum_ms;
    int64_t last_duration_ms;   /* -1: none yet */
    struct table_metrics *tables;
    size_t table_count;
    struct open_incident *incidents;
    size_t incident_count;
};

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
    free(metrics);
}

/* --- counting ---------------------------------------------------------------------------------------------- */

static struct table_metrics *table_named(struct metrics *metrics, const char *name)
{
    for (size_t i = 0; i < metrics->table_count; i++) {
        if (strcmp(metrics->tables[i].name, name) == 0)
            return &metrics->tables[i];
    }
    metrics->tables = must_grow(metrics->tables, metrics->table_count + 1, sizeof *metrics->tables);
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
    while (bucket < BUCKETS && duration_ms > buckets_s[bucket] * 1000)
        bucket++;
    metrics->durations[bucket]++;
    metrics->duration_sum_ms += duration_ms;
    metrics->last_duration_ms = duration_ms;
}

static void on_cycle(void *ctx, const struct cycle *cycle)
{
    struct metrics *metrics = ctx;
    if (cycle->outcome != CYCLE_RUNNING && cycle->id > metrics->cycle_id) {
        metrics->cycle_id = cycle->id;
        metrics->cycles[cycle->outcome]++;
        /* One that was aborted says when it ended, not how long cycles take. */
        if (cycle->outcome != CYCLE_ABORTED)
            count_duration(metrics, cycle->duration_ms);
    }
    if (metrics->next.cycle)
        metrics->next.cycle(metrics->next.ctx, cycle);
}

static void on_run(void *ctx, const struct run *run)
{
    struct metrics *metrics = ctx;
    if (run->outcome != RUN_RUNNING && run->id > metrics->run_id) {
        struct table_metrics *table = table_named(metrics, run->table);
        metrics->run_id = run->id;
        table->runs[run->outcome]++;
        if (run->outcome == RUN_SUCCESS)
            note_success(table, run->ended_ms, run->rows);
    }
    if (metrics->next.run)
        metrics->next.run(metrics->next.ctx, run);
}

static void put_incident(struct metrics *metrics, struct open_incident incident, bool open)
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

static void on_incident(void *ctx, const struct incident *incident)
{
    struct metrics *metrics = ctx;
    put_incident(metrics, (struct open_incident){ incident->id, incident->alert, incident->severity }, incident->open);
    if (metrics->next.incident)
        metrics->next.incident(metrics->next.ctx, incident);
}

static void on_timeline(void *ctx, const struct timeline_entry *entry)
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
        .cycle = on_cycle,
        .run = on_run,
        .incident = on_incident,
        .timeline = on_timeline,
        .notify_ctx = next->notify_ctx,
        .notify = next->notify,
    };
}

/* --- taking up --------------------------------------------------------------------------------------------- */

static const char sql_open_incidents[] = "SELECT id, alert, severity FROM incident WHERE state = 'open'";
static const char sql_recent_runs[] =
    "SELECT id, table_name, ended_at, rows, outcome FROM run WHERE ended_at > 0 AND id > (SELECT max(id) FROM run) - ?1";

static bool find_alert(const char *name, enum alert *alert)
{
    for (int i = 0; i < ALERTS; i++) {
        *alert = (enum alert)i;
        if (strcmp(alert_name(*alert), name) == 0)
            return true;
    }
    return false;
}

static void take_up_incident(struct metrics *metrics, sqlite3_stmt *row)
{
    struct open_incident incident = { .id = sqlite3_column_int64(row, 0), .severity = SEVERITY_WARNING };
    const char *alert = (const char *)sqlite3_column_text(row, 1);
    const char *severity = (const char *)sqlite3_column_text(row, 2);
    if (severity && strcmp(severity, severity_name(SEVERITY_CRITICAL)) == 0)
        incident.severity = SEVERITY_CRITICAL;
    if (alert && find_alert(alert, &incident.alert))
        put_incident(metrics, incident, true);
}

static void take_up_run(struct metrics *metrics, sqlite3_stmt *row)
{
    const char *name = (const char *)sqlite3_column_text(row, 1);
    const char *outcome = (const char *)sqlite3_column_text(row, 4);
    if (sqlite3_column_int64(row, 0) > metrics->run_id)
        metrics->run_id = sqlite3_column_int64(row, 0);
    if (name && outcome && strcmp(outcome, run_outcome_name(RUN_SUCCESS)) == 0)
        note_success(table_named(metrics, name), sqlite3_column_int64(row, 2), sqlite3_column_int64(row, 3));
}

static int take_up_rows(struct metrics *metrics, sqlite3 *db, const char *sql,
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
    int code = take_up_rows(metrics, db, sql_open_incidents, take_up_incident);
    if (code == SQLITE_DONE)
        code = take_up_rows(metrics, db, sql_recent_runs, take_up_run);
    if (code != SQLITE_DONE)
        strbuf_printf(error, "%s: cannot read the history: %s", history_db, sqlite3_errmsg(db));
    sqlite3_close(db);
    return code == SQLITE_DONE;
}

/* --- rendering --------------------------------------------------------------------------------------------- */

#define PREFIX "iceberg_offload_agent_"

void metrics_heading(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_printf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

void metrics_label(struct strbuf *out, const char *text)
{
    struct strbuf valid = { 0 };
    text_add_valid(&valid, text, strlen(text));
    for (const char *at = strbuf_text(&valid); *at; at++) {
        if (*at == '\n')
            strbuf_puts(out, "\\n");
        else if (*at == '"' || *at == '\\')
            strbuf_printf(out, "\\%c", *at);
        else
            strbuf_add(out, at, 1);
    }
    strbuf_free(&valid);
}

static void put_seconds(struct strbuf *out, int64_t ms)
{
    strbuf_printf(out, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
}

static void render_cycles(const struct metrics *metrics, struct strbuf *out)
{
    int64_t count = 0;

    metrics_heading(out, "cycles_total", "counter", "Offload cycles that ended, by outcome.");
    for (int i = CYCLE_SUCCESS; i < CYCLE_OUTCOMES; i++)
        strbuf_printf(out, PREFIX "cycles_total{outcome=\"%s\"} %" PRId64 "\n", cycle_outcome_name((enum cycle_outcome)i),
                      metrics->cycles[i]);
    if (metrics->last_duration_ms >= 0) {
        metrics_heading(out, "last_cycle_duration_seconds", "gauge", "How long the last complete cycle took.");
        strbuf_puts(out, PREFIX "last_cycle_duration_seconds ");
        put_seconds(out, metrics->last_duration_ms);
        strbuf_puts(out, "\n");
    }
    metrics_heading(out, "cycle_duration_seconds", "histogram", "How long complete cycles took.");
    for (size_t i = 0; i < BUCKETS; i++) {
        count += metrics->durations[i];
        strbuf_printf(out, PREFIX "cycle_duration_seconds_bucket{le=\"%" PRId64 "\"} %" PRId64 "\n", buckets_s[i], count);
    }
    count += metrics->durations[BUCKETS];
    strbuf_printf(out, PREFIX "cycle_duration_seconds_bucket{le=\"+Inf\"} %" PRId64 "\n" PREFIX "cycle_duration_seconds_sum ",
                  count);
    put_seconds(out, metrics->duration_sum_ms);
    strbuf_printf(out, "\n" PREFIX "cycle_duration_seconds_count %" PRId64 "\n", count);
}

static void put_table(struct strbuf *out, const char *name, const struct table_metrics *table)
{
    strbuf_printf(out, PREFIX "%s{table=\"", name);
    metrics_label(out, table->name);
}

static void put_time(struct strbuf *out, const char *name, const struct table_metrics *table, int64_t at_ms)
{
    if (at_ms == 0)
        return;
    put_table(out, name, table);
    strbuf_puts(out, "\"} ");
    put_seconds(out, at_ms);
    strbuf_puts(out, "\n");
}

static void render_tables(const struct metrics *metrics, struct strbuf *out)
{
    if (metrics->table_count == 0)
        return;
    metrics_heading(out, "runs_total", "counter", "Runs of a table that ended, by outcome.");
    for (size_t i = 0; i < metrics->table_count; i++) {
        for (int outcome = RUN_SUCCESS; outcome < RUN_OUTCOMES; outcome++) {
            put_table(out, "runs_total", &metrics->tables[i]);
            strbuf_printf(out, "\",outcome=\"%s\"} %" PRId64 "\n", run_outcome_name((enum run_outcome)outcome),
                          metrics->tables[i].runs[outcome]);
        }
    }
    metrics_heading(out, "last_success_timestamp_seconds", "gauge", "When a table's last successful run ended.");
    for (size_t i = 0; i < metrics->table_count; i++)
        put_time(out, "last_success_timestamp_seconds", &metrics->tables[i], metrics->tables[i].success_ms);
    metrics_heading(out, "last_rows_timestamp_seconds", "gauge", "When a table's last run that moved rows ended.");
    for (size_t i = 0; i < metrics->table_count; i++)
        put_time(out, "last_rows_timestamp_seconds", &metrics->tables[i], metrics->tables[i].rows_ms);
}

static void render_incidents(const struct metrics *metrics, struct strbuf *out)
{
    int64_t open[ALERTS][SEVERITIES] = { 0 };

    for (size_t i = 0; i < metrics->incident_count; i++)
        open[metrics->incidents[i].alert][metrics->incidents[i].severity]++;
    metrics_heading(out, "open_incidents", "gauge", "Incidents that are open, by alert and worst severity.");
    for (int alert = 0; alert < ALERTS; alert++) {
        for (int severity = SEVERITY_WARNING; severity < SEVERITIES; severity++)
            strbuf_printf(out, PREFIX "open_incidents{alert=\"%s\",severity=\"%s\"} %" PRId64 "\n",
                          alert_name((enum alert)alert), severity_name((enum severity)severity), open[alert][severity]);
    }
}

void metrics_render(const struct metrics *metrics, struct strbuf *out)
{
    render_cycles(metrics, out);
    render_tables(metrics, out);
    render_incidents(metrics, out);
}

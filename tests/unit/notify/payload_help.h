/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAYLOAD_HELP_H
#define PAYLOAD_HELP_H

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/zone.h"
#include "payload.h"

/* What the tests of the formats share: a message, its body, and questions about the body's JSON. */

static const struct payload_origin origin = { "host-1", "/tmp/scheduler.log", "1.0", NULL };
static const int64_t OPENED_MS = INT64_C(1772000000000);
static const int64_t NOW_MS = INT64_C(1772000300000);

/* A renderer and the last body, read with SQLite's own JSON. */
struct bench {
    struct masker *masker;
    sqlite3 *reader;
    struct strbuf body, found;
};

static inline int setup(void **state)
{
    struct bench *bench = must_alloc(sizeof *bench);

    bench->masker = masker_open();
    bench->reader = json_reader_open();
    *state = bench;
    return bench->masker != NULL && bench->reader != NULL && zone_set("UTC") ? 0 : -1;
}

static inline int teardown(void **state)
{
    struct bench *bench = *state;

    masker_close(bench->masker);
    sqlite3_close(bench->reader);
    strbuf_free(&bench->body);
    strbuf_free(&bench->found);
    free(bench);
    return 0;
}

static inline struct message message_of(enum alert alert, enum severity severity, enum notification_status status,
                                        int64_t sequence)
{
    static char table[] = "bronze_trades_kraken", other[] = "bronze_trades_binance";
    static char summary[] = "2 failures in a row", cause[] = "ClickHouse refuses connections", scenario[] = "1/2";
    static char command[] = "docker logs clickhouse", evidence[] = "jdbc:clickhouse://u:hunter2@ch:8123 refused";
    static char runbook[] = "iceberg-offload-failure.md", title[] = "ClickHouse connectivity failure";
    static char *tables[] = { other, table };

    return (struct message){
        .incident_id = 3,
        .sequence = sequence,
        .status = status,
        .severity = severity,
        .alert = alert,
        .time_ms = OPENED_MS + sequence * 60000,
        .onset_ms = OPENED_MS - 1000,
        .opened_ms = OPENED_MS,
        .resolved_ms = status == NOTIFY_RESOLVED ? OPENED_MS + sequence * 60000 : 0,
        .prometheus_ms = OPENED_MS + 120000,
        .table = table,
        .tables = tables,
        .table_count = 2,
        .summary = summary,
        .cause = cause,
        .runbook = runbook,
        .scenario = scenario,
        .title = title,
        .first_command = command,
        .evidence = evidence,
    };
}

/* A webhook of the format with all that it needs. */
static inline struct webhook_config webhook_of(enum payload_format format)
{
    static char from[] = "agent@example.com", to[] = "oncall@example.com", topic[] = "topic", chat[] = "-100123";
    static char template_text[] =
        "{\"a\": \"${first_line} ${evidence} ${cause}\", \"b\": [\"${first_command}\", \"${runbook}\"],"
        " \"c\": [\"${dashboard_url} ${incident_url} ${alertmanager_url} ${table}\"]}";
    static char *recipients[] = { to };

    return (struct webhook_config){ .format = format,
                                    .evidence = true,
                                    .from = from,
                                    .to = { recipients, 1 },
                                    .topic = topic,
                                    .chat = chat,
                                    .template_text = template_text };
}

static inline void render(struct bench *bench, enum payload_format format, const struct message *messages, size_t count,
                          bool shortest)
{
    const struct message **list = must_alloc((count + 1) * sizeof *list);

    for (size_t i = 0; i < count; i++)
        list[i] = &messages[i];
    strbuf_clear(&bench->body);
    const struct webhook_config webhook = webhook_of(format);
    payload_render(bench->masker, &webhook, &origin, list, count, shortest ? PAYLOAD_SHORTEST : PAYLOAD_FULL, NOW_MS,
                   &bench->body);
    free(list);
}

/* One row of a query about the body, ?1. Fails on a body that is not JSON. */
static inline sqlite3_stmt *ask(struct bench *bench, const char *sql, const char *path)
{
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_prepare_v2(bench->reader, sql, -1, &statement, NULL), SQLITE_OK);
    sqlite3_bind_text(statement, 1, strbuf_text(&bench->body), -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    return statement;
}

/* The value at a path, "(none)" if there is none. */
static const char *at(struct bench *bench, const char *path)
{
    sqlite3_stmt *statement = ask(bench, "SELECT json_extract(?1, ?2)", path);
    const char *text = (const char *)sqlite3_column_text(statement, 0);

    strbuf_clear(&bench->found);
    strbuf_puts(&bench->found, text != NULL ? text : "(none)");
    sqlite3_finalize(statement);
    return bench->found.at;
}

static inline int64_t number(struct bench *bench, const char *sql)
{
    sqlite3_stmt *statement = ask(bench, sql, NULL);
    int64_t value = sqlite3_column_int64(statement, 0);

    sqlite3_finalize(statement);
    return value;
}

static inline void says(struct bench *bench, const char *path, const char *expected)
{
    assert_string_equal(at(bench, path), expected);
}

#define RENDERING(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif

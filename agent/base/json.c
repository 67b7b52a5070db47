/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "base/text.h"
#include "timestamp.h"

enum json_statement { JSON_TEXT, JSON_MESSAGE, JSON_STATEMENTS };

static const char *const statement_texts[JSON_STATEMENTS] = {
    [JSON_TEXT] = "SELECT json_quote(?1)",
    [JSON_MESSAGE] = "SELECT json_object('time', ?1, 'status', ?2, 'severity', ?3, 'alert', ?4, 'table', ?5,"
                     " 'tables', json(?6), 'incident', ?7, 'summary', ?8, 'runbook', ?9, 'prometheus_time', ?10)",
};

struct kept {
    const char *sql;
    sqlite3_stmt *statement;
};

struct json_maker {
    sqlite3 *db;
    sqlite3_stmt *statements[JSON_STATEMENTS];
    struct kept *kept;       /* others' */
    size_t kept_count;
    struct strbuf clean;     /* scratch: text with invalid bytes replaced */
    struct strbuf array;     /* scratch */
};

struct json_maker *json_maker_open(struct strbuf *error)
{
    struct json_maker *maker = must_alloc(sizeof *maker);
    int code = sqlite3_open_v2(":memory:", &maker->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    for (int i = 0; code == SQLITE_OK && i < JSON_STATEMENTS; i++)
        code = sqlite3_prepare_v3(maker->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &maker->statements[i], NULL);
    if (code != SQLITE_OK) {
        strbuf_printf(error, "SQLite's JSON functions: %s", maker->db ? sqlite3_errmsg(maker->db) : sqlite3_errstr(code));
        json_maker_free(maker);
        maker = NULL;
    }
    return maker;
}

void json_maker_free(struct json_maker *maker)
{
    if (!maker)
        return;
    for (int i = 0; i < JSON_STATEMENTS; i++)
        sqlite3_finalize(maker->statements[i]);
    for (size_t i = 0; i < maker->kept_count; i++)
        sqlite3_finalize(maker->kept[i].statement);
    free(maker->kept);
    sqlite3_close(maker->db);
    strbuf_free(&maker->clean);
    strbuf_free(&maker->array);
    free(maker);
}

struct sqlite3 *json_maker_db(struct json_maker *maker)
{
    return maker->db;
}

/* To prepare one takes longer than to run it. */
static sqlite3_stmt *keep(struct json_maker *maker, const char *sql)
{
    for (size_t i = 0; i < maker->kept_count; i++)
        if (maker->kept[i].sql == sql)
            return maker->kept[i].statement;
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v3(maker->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    maker->kept = must_grow(maker->kept, maker->kept_count + 1, sizeof *maker->kept);
    maker->kept[maker->kept_count++] = (struct kept){ sql, statement };
    return statement;
}

/* The copy is SQLite's: the scratch buffer serves the next text. */
static void bind_clean(struct json_maker *maker, sqlite3_stmt *statement, int index, const char *text)
{
    if (!text) {
        sqlite3_bind_null(statement, index);
        return;
    }
    strbuf_clear(&maker->clean);
    text_add_valid(&maker->clean, text, strlen(text));
    sqlite3_bind_text(statement, index, strbuf_text(&maker->clean), (int)maker->clean.len, SQLITE_TRANSIENT);
}

static void bind_time(sqlite3_stmt *statement, int index, int64_t time_ms)
{
    char text[40];
    clock_format_rfc3339(time_ms, text);
    sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
}

/* These statements read no table: only want of memory can fail them, and that ends the process, as everywhere. */
static void add_result(sqlite3_stmt *statement, struct strbuf *out)
{
    const char *text = sqlite3_step(statement) == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (!text) {
        fputs("agent: out of memory in SQLite's JSON functions\n", stderr);
        abort();
    }
    strbuf_puts(out, text);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

void json_select(struct json_maker *maker, const char *sql, const char *const *texts, size_t count, struct strbuf *out)
{
    sqlite3_stmt *statement = keep(maker, sql);
    for (size_t i = 0; i < count; i++)
        bind_clean(maker, statement, (int)i + 1, texts[i]);
    add_result(statement, out);
}

void json_text(struct json_maker *maker, const char *text, struct strbuf *out)
{
    bind_clean(maker, maker->statements[JSON_TEXT], 1, text);
    add_result(maker->statements[JSON_TEXT], out);
}

void json_texts(struct json_maker *maker, const char *const *texts, size_t count, struct strbuf *out)
{
    strbuf_puts(out, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_puts(out, ",");
        json_text(maker, texts[i], out);
    }
    strbuf_puts(out, "]");
}

void message_json(struct json_maker *maker, const struct message *message, struct strbuf *out)
{
    sqlite3_stmt *statement = maker->statements[JSON_MESSAGE];
    strbuf_clear(&maker->array);
    json_texts(maker, (const char *const *)message->tables, message->table_count, &maker->array);

    bind_time(statement, 1, message->time_ms);
    sqlite3_bind_text(statement, 2, notification_status_name(message->status), -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, severity_name(message->severity), -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, alert_name(message->alert), -1, SQLITE_STATIC);
    bind_clean(maker, statement, 5, message->table);
    sqlite3_bind_text(statement, 6, maker->array.at, (int)maker->array.len, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 7, message->incident_id);
    bind_clean(maker, statement, 8, message->summary);
    sqlite3_bind_text(statement, 9, alert_runbook(message->alert), -1, SQLITE_STATIC);
    if (message->prometheus_ms != 0 && message->prometheus_ms <= message->time_ms)
        bind_time(statement, 10, message->prometheus_ms);
    add_result(statement, out);
}

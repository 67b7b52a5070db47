/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/rows.h"

#include "shell/schema.h"

enum { BUSY_TIMEOUT_MS = 5000 };

bool rows_failed(const struct rows *rows)
{
    return rows->error.len > 0;
}

static void rows_fail(struct rows *rows)
{
    if (!rows_failed(rows))
        strbuf_printf(&rows->error, "history: %s", sqlite3_errmsg(rows->db));
    rows_end(rows);
}

void rows_ask(struct rows *rows, const char *sql, const int64_t *values, size_t count)
{
    rows_end(rows);
    if (rows_failed(rows))
        return;
    if (sqlite3_prepare_v2(rows->db, sql, -1, &rows->statement, NULL) != SQLITE_OK) {
        rows_fail(rows);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (sqlite3_bind_int64(rows->statement, (int)i + 1, values[i]) != SQLITE_OK) {
            rows_fail(rows);
            return;
        }
}

bool rows_next(struct rows *rows)
{
    if (!rows->statement)
        return false;
    int code = sqlite3_step(rows->statement);
    if (code == SQLITE_ROW)
        return true;
    if (code == SQLITE_DONE)
        rows_end(rows);
    else
        rows_fail(rows);
    return false;
}

void rows_end(struct rows *rows)
{
    sqlite3_finalize(rows->statement);
    rows->statement = NULL;
}

int64_t rows_int(const struct rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

char *rows_text(const struct rows *rows, int column)
{
    const char *text = (const char *)sqlite3_column_text(rows->statement, column);
    return text ? must_copy(text, (size_t)sqlite3_column_bytes(rows->statement, column)) : NULL;
}

int64_t rows_value(struct rows *rows, const char *sql, const int64_t *values, size_t count)
{
    int64_t value = 0;
    rows_ask(rows, sql, values, count);
    if (rows_next(rows))
        value = rows_int(rows, 0);
    rows_end(rows);
    return value;
}

sqlite3 *rows_open_for_writing(const char *path, struct strbuf *error)
{
    struct rows rows = { 0 };
    int code = sqlite3_open_v2(path, &rows.db, SQLITE_OPEN_READWRITE, NULL);
    if (code != SQLITE_OK) {
        strbuf_printf(error, "%s: %s", path, rows.db ? sqlite3_errmsg(rows.db) : sqlite3_errstr(code));
        goto cleanup;
    }
    sqlite3_busy_timeout(rows.db, BUSY_TIMEOUT_MS);
    int64_t version = rows_value(&rows, "PRAGMA user_version", NULL, 0);
    if (rows_failed(&rows))
        strbuf_printf(error, "%s: %s", path, strbuf_text(&rows.error));
    else if (version != SCHEMA_VERSION)
        strbuf_printf(error, "%s: schema version %lld, this agent knows %d", path, (long long)version, SCHEMA_VERSION);
cleanup:
    strbuf_free(&rows.error);
    if (error->len > 0) {
        sqlite3_close(rows.db);
        return NULL;
    }
    return rows.db;
}

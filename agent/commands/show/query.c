/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query.h"

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

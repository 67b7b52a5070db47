/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query.h"

bool query_failed(const struct query *query)
{
    return query->error.len > 0;
}

static void query_fail(struct query *query)
{
    if (!query_failed(query))
        strbuf_printf(&query->error, "history: %s", sqlite3_errmsg(query->db));
    query_end(query);
}

void query_ask(struct query *query, const char *sql, const int64_t *values, size_t count)
{
    query_end(query);
    if (query_failed(query))
        return;
    if (sqlite3_prepare_v2(query->db, sql, -1, &query->statement, NULL) != SQLITE_OK) {
        query_fail(query);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (sqlite3_bind_int64(query->statement, (int)i + 1, values[i]) != SQLITE_OK) {
            query_fail(query);
            return;
        }
}

bool query_next(struct query *query)
{
    if (!query->statement)
        return false;
    int code = sqlite3_step(query->statement);
    if (code == SQLITE_ROW)
        return true;
    if (code == SQLITE_DONE)
        query_end(query);
    else
        query_fail(query);
    return false;
}

void query_end(struct query *query)
{
    sqlite3_finalize(query->statement);
    query->statement = NULL;
}

int64_t query_int(const struct query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

char *query_text(const struct query *query, int column)
{
    const char *text = (const char *)sqlite3_column_text(query->statement, column);
    return text ? must_copy(text, (size_t)sqlite3_column_bytes(query->statement, column)) : NULL;
}

int64_t query_value(struct query *query, const char *sql, const int64_t *values, size_t count)
{
    int64_t value = 0;
    query_ask(query, sql, values, count);
    if (query_next(query))
        value = query_int(query, 0);
    query_end(query);
    return value;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "query.h"

#include <string.h>

#include "base/budgets.h"
#include "base/utf8.h"

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

void query_bind(struct query *query, int index, const char *text)
{
    if (query->statement && !query_failed(query) &&
        sqlite3_bind_text(query->statement, index, text, -1, SQLITE_TRANSIENT) != SQLITE_OK)
        query_fail(query);
}

bool query_next(struct query *query)
{
    if (!query->statement || query_failed(query))
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

static int64_t bound(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

int64_t query_bound_count(int64_t count)
{
    return bound(count, 0, HISTORY_COUNT_MAX);
}

int64_t query_bound_time(int64_t ms)
{
    return bound(ms, 0, HISTORY_NUMBER_MAX);
}

int64_t query_int(const struct query *query, int column)
{
    return bound(sqlite3_column_int64(query->statement, column), HISTORY_NUMBER_MIN, HISTORY_NUMBER_MAX);
}

int64_t query_count(const struct query *query, int column)
{
    return query_bound_count(query_int(query, column));
}

int64_t query_time(const struct query *query, int column)
{
    return query_bound_time(query_int(query, column));
}

const char *query_word(const struct query *query, int column)
{
    const char *text = (const char *)sqlite3_column_text(query->statement, column);
    return text ? text : "";
}

char *query_text_or_empty(struct query *query, int column)
{
    const char *text = query_word(query, column);
    size_t len = strnlen(text, HISTORY_TEXT_MAX_BYTES);
    if (text[len] != '\0')
        len = utf8_floor(text, len);
    query->taken_bytes += len;
    if (query->taken_bytes <= HISTORY_SHOWN_MAX_BYTES)
        return must_copy(text, len);
    if (!query_failed(query))
        strbuf_printf(&query->error, "history: its texts are longer than the %d MB that are shown",
                      HISTORY_SHOWN_MAX_BYTES >> 20);
    return must_copy("", 0);
}

char *query_text(struct query *query, int column)
{
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL ? NULL : query_text_or_empty(query, column);
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

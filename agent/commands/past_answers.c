/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "past_answers.h"

#include <stdlib.h>
#include <string.h>

#include "agent/commands/show/query.h"
#include "history.h"
#include "reader.h"

struct past_answers {
    struct query query;
    bool is_there; /* the query stands at an answer that was not fed yet */
};

enum { TABLE, ROWS, ROWS_FROM, WATERMARK_AT, AHEAD_MS, WITNESS, ANSWERED_AT };

/* A history into which nothing was ever stored is to be filled. */
static bool holds_anything(sqlite3 *db)
{
    struct query query = { .db = db };
    bool held = query_value(&query,
                            "SELECT EXISTS (SELECT 1 FROM state WHERE key IN ('" STATE_ENGINE
                            "', '" STATE_EARLIER_ENGINE "', '" STATE_OLD_ENGINE "'))"
                            " OR EXISTS (SELECT 1 FROM cycle)",
                            NULL, 0) > 0;
    strbuf_free(&query.error);
    return held;
}

struct past_answers *past_answers_open(const char *path)
{
    struct strbuf ignored = { 0 };
    sqlite3 *db = reader_open(path, &ignored);
    struct past_answers *past = NULL;
    if (db && holds_anything(db)) {
        past = must_alloc(sizeof *past);
        past->query.db = db;
        query_ask(&past->query,
                  "SELECT table_name, witnessed_rows, rows_from, watermark_at, ahead_ms, witness, answered_at FROM run"
                  " WHERE answered_at > 0 ORDER BY answered_at, id",
                  NULL, 0);
        past->is_there = query_next(&past->query);
    } else {
        sqlite3_close(db);
    }
    strbuf_free(&ignored);
    return past;
}

static bool is_null(const struct past_answers *past, int column)
{
    return sqlite3_column_type(past->query.statement, column) == SQLITE_NULL;
}

static int64_t rows_of(const struct past_answers *past)
{
    if (is_null(past, ROWS))
        return ROWS_NOT_KNOWN;
    return query_int(&past->query, ROWS) < 0 ? ROWS_WITHOUT_NUMBER : query_int(&past->query, ROWS);
}

/* Where the log's number stood, the history does not tell which of the witnesses counted. */
static enum rows_from counted_by(const struct past_answers *past)
{
    enum rows_from from = rows_from_named(query_word(&past->query, ROWS_FROM));
    return from == ROWS_FROM_LOG ? ROWS_FROM_ICEBERG : from;
}

/* The texts are copied: a word lasts only until the next one is asked for. */
static void feed_one(struct past_answers *past, struct engine *engine)
{
    struct strbuf table = { 0 }, witness = { 0 };
    strbuf_puts(&table, query_word(&past->query, TABLE));
    strbuf_puts(&witness, query_word(&past->query, WITNESS));
    engine_feed(engine, &(struct event){
                            .kind = EVENT_TABLE_WITNESSED,
                            .time_ms = query_time(&past->query, ANSWERED_AT),
                            .offset = -1,
                            .table = strbuf_slice(&table),
                            .number = rows_of(past),
                            .rows_from = counted_by(past),
                            .at_ms = query_time(&past->query, WATERMARK_AT),
                            .duration_ms = is_null(past, AHEAD_MS) ? -1 : query_count(&past->query, AHEAD_MS),
                            .text = strbuf_slice(&witness),
                        });
    strbuf_free(&table);
    strbuf_free(&witness);
}

void past_answers_feed(struct past_answers *past, struct engine *engine, int64_t before_ms)
{
    while (past && past->is_there && query_time(&past->query, ANSWERED_AT) < before_ms) {
        feed_one(past, engine);
        past->is_there = query_next(&past->query);
    }
}

bool past_answers_good(const struct past_answers *past, struct strbuf *error)
{
    if (!past || !query_failed(&past->query))
        return true;
    strbuf_puts(error, strbuf_text(&past->query.error));
    return false;
}

void past_answers_close(struct past_answers *past)
{
    if (!past)
        return;
    query_end(&past->query);
    strbuf_free(&past->query.error);
    sqlite3_close(past->query.db);
    free(past);
}

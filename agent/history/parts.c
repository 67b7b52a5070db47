/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history_private.h"
#include "reader.h"

/* The engine's state by part: a row for each table, for its baselines, and for each incident. */

static const enum sql put_sql[ENGINE_PARTS] = { SQL_PUT_TABLE, SQL_PUT_WINDOWS, SQL_PUT_INCIDENT_STATE };
static const enum sql drop_sql[ENGINE_PARTS] = { SQL_DROP_TABLE, SQL_DROP_WINDOWS, SQL_DROP_INCIDENT_STATE };
static const enum sql get_sql[ENGINE_PARTS] = { SQL_GET_TABLE_STATES, SQL_GET_WINDOWS, SQL_GET_INCIDENT_STATES };

void history_put_parts(struct history *history, struct engine *engine)
{
    history->engine = engine;
}

void history_renew_parts(struct history *history)
{
    history->parts_anew = true;
}

bool history_parts_dirty(const struct history *history)
{
    return history->engine && (history->parts_anew || engine_parts_changed(history->engine));
}

static int put_part_row(void *ctx, enum engine_part part, int64_t number, const struct strbuf *text)
{
    struct history *history = ctx;
    sqlite3_stmt *statement = history->statements[put_sql[part]];
    history_fill_block(text, &history->scratch);
    sqlite3_bind_int64(statement, 1, number);
    sqlite3_bind_text(statement, 2, strbuf_text(&history->scratch), (int)history->scratch.len, SQLITE_STATIC);
    return history_run_statement(history, put_sql[part]);
}

static int drop_part_row(void *ctx, enum engine_part part, int64_t number)
{
    struct history *history = ctx;
    sqlite3_bind_int64(history->statements[drop_sql[part]], 1, number);
    return history_run_statement(history, drop_sql[part]);
}

/* A new database gets all of them. Parts of an earlier life in it would not fit. */
int history_commit_parts(struct history *history)
{
    const struct engine_part_sink sink = { history, put_part_row, drop_part_row };
    int code = SQLITE_OK;
    if (!history->engine)
        return code;
    if (history->parts_anew)
        code = history_note_result(history, sqlite3_exec(history->db, sql_clear_parts, NULL, NULL, NULL));
    if (code == SQLITE_OK)
        code = engine_save_parts(history->engine, history->parts_anew ? ENGINE_WHOLE : ENGINE_CHANGED, &sink);
    return code;
}

void history_parts_committed(struct history *history)
{
    if (!history->engine)
        return;
    engine_saved(history->engine);
    history->engine = NULL;
    history->parts_anew = false;
}

void history_get_parts(struct history *history, enum engine_part part,
                       void (*take)(void *ctx, enum engine_part part, int64_t number, struct slice text), void *ctx)
{
    if (!history->db)
        return;
    sqlite3_stmt *statement = history_read_begin(history, get_sql[part]);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        take(ctx, part, reader_number(statement, 0), history_state_text(reader_text(statement, 1)));
    history_read_end(history, statement, code);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

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
    history_stored_text(text, &history->scratch);
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

/* --- reading -------------------------------------------------------------------------------------------------- */

/* The rows of a kind that are damaged. */
struct damaged {
    int64_t *numbers; /* owned */
    size_t count;
};

/* Such an incident is closed in the history, because the engine does not know it and will never end it. Returns a SQLite result code. */
static int close_lost(struct history *history, int64_t id)
{
    sqlite3_bind_int64(history->statements[SQL_NOTE_LOST], 1, id);
    sqlite3_bind_int64(history->statements[SQL_CLOSE_LOST], 1, id);
    int code = history_run_statement(history, SQL_NOTE_LOST);
    return code == SQLITE_OK ? history_run_statement(history, SQL_CLOSE_LOST) : code;
}

/* If the history cannot be written now, the rows are found again at the next start. */
static void drop_damaged(struct history *history, enum engine_part part, const struct damaged *damaged)
{
    int code = history_run_statement(history, SQL_BEGIN);
    for (size_t i = 0; i < damaged->count && code == SQLITE_OK; i++) {
        code = drop_part_row(history, part, damaged->numbers[i]);
        if (code == SQLITE_OK && part == ENGINE_INCIDENT)
            code = close_lost(history, damaged->numbers[i]);
    }
    if (code == SQLITE_OK)
        code = history_run_statement(history, SQL_COMMIT);
    if (!sqlite3_get_autocommit(history->db))
        history_run_statement(history, SQL_ROLLBACK);
    if (code == SQLITE_OK)
        history_read_sequences(history);
}

static void parts_note_damage(struct history *history, enum engine_part part, const struct damaged *damaged)
{
    static const char *const names[ENGINE_PARTS] = { "table_state", "table_windows", "incident_state" };
    static const char *const consequences[ENGINE_PARTS] = {
        "these tables are learnt anew",
        "the baselines of these tables are learnt anew",
        "these incidents are closed in the history, and opened anew if they are not over",
    };
    strbuf_printf(&history->damage, "%s%s: %zu row%s of %s cannot be used, because the file was damaged: %s",
                  history->damage.len > 0 ? "; " : "", history->path, damaged->count, damaged->count == 1 ? "" : "s",
                  names[part], consequences[part]);
}

void history_get_parts(struct history *history, enum engine_part part,
                       void (*take)(void *ctx, enum engine_part part, int64_t number, struct slice text), void *ctx)
{
    struct damaged damaged = { 0 };
    struct slice text;
    if (!history->db)
        return;
    sqlite3_stmt *statement = history_read_begin(history, get_sql[part]);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        int64_t number = reader_number(statement, 0);
        if (history_read_text(history_column(statement, 1), &text)) {
            take(ctx, part, number, text);
            continue;
        }
        damaged.numbers = list_room(damaged.numbers, damaged.count, sizeof *damaged.numbers);
        damaged.numbers[damaged.count++] = number;
    }
    history_read_end(history, statement, code);
    if (damaged.count > 0) {
        parts_note_damage(history, part, &damaged);
        drop_damaged(history, part, &damaged);
    }
    free(damaged.numbers);
}

bool history_take_damage(struct history *history, struct strbuf *words)
{
    bool any = history->damage.len > 0;
    strbuf_puts(words, strbuf_text(&history->damage));
    strbuf_clear(&history->damage);
    return any;
}

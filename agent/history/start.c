/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>

#include "base/budgets.h"
#include "history_private.h"
#include "reader.h"

/*
 * A start must not die again and again of what an earlier run stored: a state that crashes its loader, hangs it, or needs more memory
 * than there is. The process cannot tell that itself, because it is gone by then. So the history counts:
 *
 *   1. a start adds one to the count, and commits that before it loads anything;
 *   2. its first commit sets the count to zero, in the same transaction as what was loaded and read;
 *      (a commit that fails for want of space sets it to zero too, if it can: the state is not to blame for that);
 *   3. a start that finds STARTS_MAX in the count moves the state to other keys, and begins without it.
 */
static const char starts_key[] = "starts";

/* The count may have been written by anybody: what is no number is zero, and the largest number is as good as STARTS_MAX. */
static int64_t count_starts(struct history *history)
{
    struct strbuf text = { 0 };
    int64_t starts = history_get_state(history, starts_key, &text) ? strtoll(strbuf_text(&text), NULL, 10) : 0;
    strbuf_free(&text);
    return starts < 0 ? 0 : starts > STARTS_MAX ? STARTS_MAX : starts;
}

static void put_count(struct history *history, int64_t starts)
{
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%" PRId64, starts);
    history_put_state(history, starts_key, strbuf_slice(&text));
    strbuf_free(&text);
}

/*
 * The engine keeps its defaults for what a text lacks. This one lacks all but the ids that were given last, so that what happens from
 * now on does not overwrite rows of the history.
 */
static int put_last_ids(struct history *history)
{
    static const struct {
        const char *name, *query;
    } ids[] = {
        { "last_cycle", "SELECT max(id) FROM cycle" },
        { "last_run", "SELECT max(id) FROM run" },
        { "last_incident", "SELECT max(id) FROM incident" },
    };
    struct strbuf text = { 0 };
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < sizeof ids / sizeof *ids; i++) {
        int64_t last = 0;
        code = sql_read_number(history->db, ids[i].query, &last);
        strbuf_printf(&text, "%s %" PRId64 "\n", ids[i].name, last);
    }
    history_put_state(history, STATE_ENGINE, strbuf_slice(&text));
    strbuf_free(&text);
    return code;
}

/* Incidents that are open are closed in the history, because the engine does not know them any more and will never end them. */
static void set_state_aside(struct history *history, const char *why, struct strbuf *notice)
{
    int code = sqlite3_exec(history->db, sql_set_state_aside, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = history_read_sequences(history);
    if (code == SQLITE_OK)
        code = put_last_ids(history);
    if (!sqlite3_get_autocommit(history->db))
        history_run_statement(history, SQL_ROLLBACK);
    strbuf_printf(notice, "%s%s: ", notice->len > 0 ? "; " : "", history->path);
    if (code == SQLITE_OK)
        strbuf_printf(
            notice,
            "%s: the stored state is set aside (aside.* in the table state), and the agent goes on from the log "
            "without it",
            why);
    else
        strbuf_printf(notice, "the stored state cannot be set aside: %s", sqlite3_errmsg(history->db));
}

/* The name of a text of the stored state that is not as it was stored, in *key. False if there is none. */
static bool find_damage(struct history *history, struct strbuf *key)
{
    sqlite3_stmt *statement = NULL;
    struct slice text;
    int code = sqlite3_prepare_v2(history->db, sql_list_texts, -1, &statement, NULL);
    while (code == SQLITE_OK && key->len == 0 && sqlite3_step(statement) == SQLITE_ROW)
        if (!history_read_text(history_column(statement, 1), &text))
            strbuf_puts(key, reader_text(statement, 0));
    sqlite3_finalize(statement);
    return key->len > 0;
}

static void look_for_damage(struct history *history, struct strbuf *notice)
{
    struct strbuf key = { 0 }, why = { 0 };
    if (find_damage(history, &key)) {
        strbuf_printf(&why, "the file was damaged, and %s in the table state cannot be used", strbuf_text(&key));
        set_state_aside(history, strbuf_text(&why), notice);
    }
    strbuf_free(&why);
    strbuf_free(&key);
}

void history_begin_start(struct history *history, struct strbuf *notice)
{
    struct strbuf ignored = { 0 }, why = { 0 };
    if (!history_on_disk(history))
        return;
    int64_t starts = count_starts(history);
    if (starts == STARTS_MAX) {
        strbuf_printf(&why, "%d starts in a row ended before their first commit", STARTS_MAX);
        set_state_aside(history, strbuf_text(&why), notice);
        strbuf_free(&why);
        starts = 0;
    } else {
        look_for_damage(history, notice);
    }
    put_count(history, starts + 1);
    history->counted = history_commit(history, &ignored) == HISTORY_OK;
    put_count(history, 0);
    strbuf_free(&ignored);
}

void history_end_start(struct history *history, enum history_status first_commit)
{
    if (history->counted && (first_commit == HISTORY_FULL || first_commit == HISTORY_BUSY))
        history_note_result(history, sqlite3_exec(history->db, sql_clear_starts, NULL, NULL, NULL));
    history->counted = false;
}

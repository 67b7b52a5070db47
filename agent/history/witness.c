/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/cut.h"
#include "base/json.h"
#include "base/text.h"
#include "history_private.h"

/*
 * What each witness said last: one row each. A witness may be asked every minute and say the same for years, so an answer that is no news
 * makes no commit: it waits for the next one that is made anyway.
 */

enum { WORDS_AGAIN_MS = 60 * 1000 }; /* other words in the same state make a commit once in so long */
static const char not_asked[] = "not asked yet";

static struct history_witness *witness_find(struct history *history, const char *name)
{
    for (size_t i = 0; i < history->witness_count; i++)
        if (strcmp(history->witnesses[i].name, name) == 0)
            return &history->witnesses[i];
    return NULL;
}

/* NULL if there are WITNESSES_MAX others already. */
static struct history_witness *witness_add(struct history *history, const char *name)
{
    if (history->witness_count >= WITNESSES_MAX)
        return NULL;
    history->witnesses = list_room(history->witnesses, history->witness_count, sizeof *history->witnesses);
    struct history_witness *witness = &history->witnesses[history->witness_count++];
    *witness = (struct history_witness){ .name = must_copy(name, strlen(name)) };
    return witness;
}

static void witness_free(struct history_witness *witness)
{
    free(witness->name);
    strbuf_free(&witness->state);
    strbuf_free(&witness->words);
}

void history_free_witnesses(struct history *history)
{
    for (size_t i = 0; i < history->witness_count; i++)
        witness_free(&history->witnesses[i]);
    free(history->witnesses);
}

static void set_text(struct strbuf *text, const char *value)
{
    struct strbuf valid = { 0 };
    text_add_valid(&valid, value, strlen(value));
    strbuf_clear(text);
    cut_chars(strbuf_text(&valid), WITNESS_WORDS_MAX, text);
    strbuf_free(&valid);
}

static const char *witness_column(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

/* What an earlier run kept; false if it kept nothing. */
static bool witness_read(struct history *history, struct history_witness *witness)
{
    sqlite3_stmt *row = history->db ? history->statements[SQL_GET_WITNESS] : NULL;
    if (!row)
        return false;
    sqlite3_bind_text(row, 1, witness->name, -1, SQLITE_STATIC);
    bool found = sqlite3_step(row) == SQLITE_ROW;
    if (found) {
        set_text(&witness->state, witness_column(row, 0));
        set_text(&witness->words, witness_column(row, 1));
        witness->said_ms = sqlite3_column_int64(row, 2);
        witness->since_ms = sqlite3_column_int64(row, 3);
    }
    sqlite3_reset(row);
    return found;
}

static void witness_begin(struct history *history, const char *name)
{
    struct history_witness *witness = witness_find(history, name) ? NULL : witness_add(history, name);
    if (!witness || witness_read(history, witness))
        return;
    set_text(&witness->state, "silent");
    set_text(&witness->words, not_asked);
    witness->is_new = witness->is_news = true;
}

static bool is_named(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

bool history_keeps_witness(struct history *history, const char *name)
{
    struct history_witness kept = { .name = must_copy(name, strlen(name)) };
    bool found = witness_find(history, name) || witness_read(history, &kept);
    witness_free(&kept);
    return found;
}

void history_expect_witnesses(struct history *history, const char *const *names, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < history->witness_count; i++)
        if (is_named(names, count, history->witnesses[i].name))
            history->witnesses[kept++] = history->witnesses[i];
        else
            witness_free(&history->witnesses[i]);
    history->witness_count = kept;
    for (size_t i = 0; i < count; i++)
        witness_begin(history, names[i]);
    history->witnesses_cut = true;
}

/* A clock that was set back makes nothing wait. */
static bool is_time_again(const struct history_witness *witness, int64_t now_ms)
{
    return now_ms < witness->committed_ms || now_ms - witness->committed_ms >= WORDS_AGAIN_MS;
}

void history_put_witness(struct history *history, const char *name, const char *state, const char *words, int64_t at_ms)
{
    struct strbuf cut = { 0 };
    struct history_witness *witness = witness_find(history, name);
    if (!witness)
        witness = witness_add(history, name);
    if (!witness)
        return;
    set_text(&cut, words);
    bool turned = strcmp(strbuf_text(&witness->state), state) != 0 || witness->said_ms == 0;
    bool other_words = strcmp(strbuf_text(&witness->words), strbuf_text(&cut)) != 0;
    if (turned) {
        set_text(&witness->state, state);
        witness->since_ms = at_ms;
    }
    strbuf_free(&witness->words);
    witness->words = cut;
    witness->said_ms = at_ms;
    witness->is_new = true;
    witness->is_news = witness->is_news || turned || (other_words && is_time_again(witness, at_ms));
}

/* --- committing ----------------------------------------------------------------------------------------------- */

bool history_witnesses_dirty(const struct history *history)
{
    for (size_t i = 0; i < history->witness_count; i++)
        if (history->witnesses[i].is_news)
            return true;
    return history->witnesses_cut;
}

void history_witnesses_anew(struct history *history)
{
    for (size_t i = 0; i < history->witness_count; i++)
        history->witnesses[i].is_new = history->witnesses[i].is_news = true;
}

static int cut_witnesses(struct history *history)
{
    sqlite3_stmt *statement = history->statements[SQL_CUT_WITNESSES];
    strbuf_clear(&history->scratch);
    struct json_writer json = { .out = &history->scratch };
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < history->witness_count; i++)
        json_put_text(&json, NULL, history->witnesses[i].name);
    json_close(&json, ']');
    sqlite3_bind_text(statement, 1, strbuf_text(&history->scratch), -1, SQLITE_STATIC);
    return history_run_statement(history, SQL_CUT_WITNESSES);
}

static void bind_time(sqlite3_stmt *statement, int index, int64_t at_ms)
{
    if (at_ms)
        sqlite3_bind_int64(statement, index, at_ms);
    else
        sqlite3_bind_null(statement, index);
}

int history_commit_witnesses(struct history *history)
{
    sqlite3_stmt *statement = history->statements[SQL_PUT_WITNESS];
    int code = history->witnesses_cut ? cut_witnesses(history) : SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < history->witness_count; i++) {
        const struct history_witness *witness = &history->witnesses[i];
        if (!witness->is_new)
            continue;
        sqlite3_bind_text(statement, 1, witness->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, strbuf_text(&witness->state), -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 3, strbuf_text(&witness->words), -1, SQLITE_STATIC);
        bind_time(statement, 4, witness->said_ms);
        bind_time(statement, 5, witness->since_ms);
        code = history_run_statement(history, SQL_PUT_WITNESS);
    }
    return code;
}

void history_witnesses_committed(struct history *history)
{
    for (size_t i = 0; i < history->witness_count; i++) {
        struct history_witness *witness = &history->witnesses[i];
        if (witness->is_new)
            witness->committed_ms = witness->said_ms;
        witness->is_new = witness->is_news = false;
    }
    history->witnesses_cut = false;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct kept {
    const char *sql;
    sqlite3_stmt *statement;
};

struct json_maker {
    sqlite3 *db;
    sqlite3_stmt *quote;
    struct kept *kept;
    size_t kept_count;
    struct strbuf clean; /* scratch: text with invalid bytes replaced */
};

struct json_maker *json_maker_open(struct strbuf *error)
{
    struct json_maker *maker = must_alloc(sizeof *maker);
    int code = sqlite3_open_v2(":memory:", &maker->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code =
            sqlite3_prepare_v3(maker->db, "SELECT json_quote(?1)", -1, SQLITE_PREPARE_PERSISTENT, &maker->quote, NULL);
    if (code != SQLITE_OK) {
        strbuf_printf(error, "SQLite's JSON functions: %s",
                      maker->db ? sqlite3_errmsg(maker->db) : sqlite3_errstr(code));
        json_maker_free(maker);
        maker = NULL;
    }
    return maker;
}

void json_maker_free(struct json_maker *maker)
{
    if (!maker)
        return;
    sqlite3_finalize(maker->quote);
    for (size_t i = 0; i < maker->kept_count; i++)
        sqlite3_finalize(maker->kept[i].statement);
    free(maker->kept);
    sqlite3_close(maker->db);
    strbuf_free(&maker->clean);
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
    bind_clean(maker, maker->quote, 1, text);
    add_result(maker->quote, out);
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

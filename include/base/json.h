/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>

#include "base/strbuf.h"

struct sqlite3;
struct sqlite3_stmt;

/*
 * JSON is made by SQLite's JSON functions, on a private in-memory database with its statements prepared once. All text may be
 * any bytes: what is not UTF-8 is replaced. Not thread-safe: one maker, one thread.
 */
struct json_maker;
struct json_maker *json_maker_open(struct strbuf *error);
void json_maker_free(struct json_maker *maker);

/* Appends a JSON string, or null for NULL. */
void json_text(struct json_maker *maker, const char *text, struct strbuf *out);

/* Appends an array of strings. */
void json_texts(struct json_maker *maker, const char *const *texts, size_t count, struct strbuf *out);

/*
 * Runs a SELECT of SQLite's JSON functions with these texts as ?1, ?2 ... (NULL: null) and appends what it gives. The statement
 * is kept, under the address of sql: a string literal.
 */
void json_select(struct json_maker *maker, const char *sql, const char *const *texts, size_t count, struct strbuf *out);

/* The private database, for statements of one's own: finalize them before json_maker_free. */
struct sqlite3 *json_maker_db(struct json_maker *maker);

#endif

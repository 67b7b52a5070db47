/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_QUERY_H
#define COMMANDS_SHOW_QUERY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Reads rows with few lines of code. The first error stays in query->error and makes every later call do nothing, so a caller need
 * ask for it only once, at its end.
 */
struct query {
    sqlite3 *db;
    sqlite3_stmt *statement;
    struct strbuf error; /* "" as long as all went well */
    size_t taken_bytes;  /* by query_text so far */
};

/* Begins a query; integers are bound in order to ?1, ?2, ... */
void query_ask(struct query *query, const char *sql, const int64_t *values, size_t count);
/* Binds a text to ?index of the query that has just begun. The text is copied. */
void query_bind(struct query *query, int index, const char *text);
/* The next row; false at the end, after which another query may begin. */
bool query_next(struct query *query);
/* Ends a query before its last row. */
void query_end(struct query *query);
bool query_failed(const struct query *query);

/*
 * The columns of the row. Anybody may have written it, so a value that the agent never writes becomes one that it could have written:
 * numbers are bounded, so that nothing computed from a few of them overflows, a text has at most HISTORY_TEXT_MAX_BYTES, and all texts
 * of a query together HISTORY_SHOWN_MAX_BYTES. The caller owns a text, but a word belongs to the query until its next row.
 */
int64_t query_int(const struct query *query, int column);      /* NULL and text are 0 */
int64_t query_count(const struct query *query, int column);    /* a count or a duration: from 0 to HISTORY_COUNT_MAX */
int64_t query_time(const struct query *query, int column);     /* Unix time in milliseconds; 0 if it is none */
char *query_text(struct query *query, int column);             /* NULL is NULL */
char *query_text_or_empty(struct query *query, int column);    /* NULL is "" */
const char *query_word(const struct query *query, int column); /* NULL is "" */

/* The same bounds for numbers that were stored in another way. */
int64_t query_bound_count(int64_t count);
int64_t query_bound_time(int64_t ms);

/* The single integer that a query gives, 0 if it gives none. */
int64_t query_value(struct query *query, const char *sql, const int64_t *values, size_t count);

#endif

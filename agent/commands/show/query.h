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
};

/* Begins a query; integers are bound in order to ?1, ?2, ... */
void query_ask(struct query *query, const char *sql, const int64_t *values, size_t count);
/* The next row; false at the end, after which another query may begin. */
bool query_next(struct query *query);
/* Ends a query before its last row. */
void query_end(struct query *query);
bool query_failed(const struct query *query);

/*
 * What a column holds. A history may come from anybody, so a value that the agent never writes becomes one that it could have written:
 * nothing that is computed from these overflows. NULL, and text in place of a number, is 0.
 */
int64_t query_int(const struct query *query, int column);   /* within HISTORY_NUMBER_MOST of 0 */
int64_t query_count(const struct query *query, int column); /* a count or a duration: 0 at least */
int64_t query_time(const struct query *query,
                   int column); /* Unix time in milliseconds, 0 or HISTORY_TIME_MOST_MS at most */
char *query_text(const struct query *query, int column); /* owned; cut at HISTORY_TEXT_MOST_BYTES; NULL is NULL */
char *query_word(const struct query *query, int column); /* the same; NULL is "" */

/* The same for numbers that come from elsewhere in the history. */
int64_t query_bound_count(int64_t count);
int64_t query_bound_time(int64_t ms);

/* The single integer that a query gives, 0 if it gives none. */
int64_t query_value(struct query *query, const char *sql, const int64_t *values, size_t count);

#endif

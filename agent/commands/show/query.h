/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_QUERY_H
#define COMMANDS_SHOW_QUERY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Reading rows with little ceremony. The first error stays in rows->error and every later step is a no-op, so that a
 * gatherer asks once at its end.
 */
struct rows {
    sqlite3 *db;
    sqlite3_stmt *statement;
    struct strbuf error; /* "" as long as all went well */
};

/* Begins a query; integers are bound in order to ?1, ?2, ... */
void rows_ask(struct rows *rows, const char *sql, const int64_t *values, size_t count);
/* The next row; false at the end, after which another query may begin. */
bool rows_next(struct rows *rows);
/* Ends a query before its last row. */
void rows_end(struct rows *rows);
bool rows_failed(const struct rows *rows);

int64_t rows_int(const struct rows *rows, int column); /* NULL is 0 */
char *rows_text(const struct rows *rows, int column);  /* owned; NULL is NULL */

/* The single integer that a query gives, 0 if it gives none. */
int64_t rows_value(struct rows *rows, const char *sql, const int64_t *values, size_t count);

#endif

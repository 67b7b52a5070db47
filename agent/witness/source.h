/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_SOURCE_H
#define WITNESS_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/*
 * Inside the room: asks ClickHouse over HTTP for the newest row of a source table. The question is a GET, for which ClickHouse allows
 * nothing but reading (https://clickhouse.com/docs/interfaces/http).
 */
struct source_settings {
    char *url; /* owned, likewise below */
    char *query;
    char *user;          /* NULL: none */
    char *password_file; /* NULL: none; read for each question */
    int64_t timeout_ms;
};

/*
 * The time of the newest row of the table, Unix ms; 0: it has none. False, with the reason in *why, if that cannot be told. It waits for the
 * answer, so it belongs into a thread; it returns early when *stopped becomes true.
 */
bool source_ask(const struct source_settings *settings, const char *table, const atomic_bool *stopped,
                int64_t *newest_ms, struct strbuf *why);

/* The query with {source} replaced by the table's name, in backquotes where ClickHouse needs them. */
void source_query(const char *query, const char *table, struct strbuf *out);
/* Reads ClickHouse's answer: one number, milliseconds since 1970. False if it is something else. */
bool source_read_answer(struct slice answer, int64_t *newest_ms);

/* source_error.c: the code in ClickHouse's message of an error; 0 if there is none. */
int64_t source_error_code(struct slice body);
/* Says in one bounded line what an answer that is an error means. */
void source_describe_error(long status, struct slice body, struct strbuf *out);

/* The error's code where a user may only read, and therefore may not even limit the time of a query. */
enum { SOURCE_READONLY = 164 };

#endif

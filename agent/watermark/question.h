/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WATERMARK_QUESTION_H
#define WATERMARK_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * What agent-watermark is asked, as it stands on its standard input: names and values, each ended by a NUL. So neither the password nor
 * anything else of it is seen on a command line or in an environment. All texts are borrowed from what was read.
 */
struct question {
    const char *dsn; /* NULL: none; likewise below */
    const char *service;
    const char *passfile;
    const char *password;
    const char *query;
    int64_t timeout_ms;
    const char **tables; /* owned by the question */
    size_t table_count;
};

/* False if the text is no whole question. The caller frees question->tables. */
bool question_read(struct slice text, struct question *question);

/*
 * Asks, and prints the answer to standard output, a JSON object a line: one for each row that is about one of the tables, and a last one that
 * is either {"done":...} or {"error":...}. Returns true if it was answered.
 */
bool question_ask(const struct question *question);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "question.h"

#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"

enum { TIMEOUT_MOST_MS = 24 * 60 * 60 * 1000 };

/* The text up to the next NUL, which *rest then begins behind; NULL if there is none. */
static const char *next_word(struct slice *rest)
{
    const char *word = rest->at, *end = rest->len ? memchr(rest->at, '\0', rest->len) : NULL;
    if (!end)
        return NULL;
    rest->len -= (size_t)(end + 1 - rest->at);
    rest->at = end + 1;
    return word;
}

static void take_word(struct question *question, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } places[] = { { "dsn", &question->dsn },
                   { "service", &question->service },
                   { "passfile", &question->passfile },
                   { "password", &question->password },
                   { "query", &question->query } };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strcmp(name, places[i].name) == 0)
            *places[i].place = value;
    if (strcmp(name, "timeout_ms") == 0)
        question->timeout_ms = strtoll(value, NULL, 10);
    if (strcmp(name, "table") == 0 && question->table_count < WATERMARK_TABLES_MAX) {
        question->tables = list_room(question->tables, question->table_count, sizeof *question->tables);
        question->tables[question->table_count++] = value;
    }
}

bool question_read(struct slice text, struct question *question)
{
    const char *name, *value;
    while ((name = next_word(&text)) != NULL && (value = next_word(&text)) != NULL)
        take_word(question, name, value);
    return text.len == 0 && question->query && question->table_count > 0 && question->timeout_ms > 0 &&
           question->timeout_ms <= TIMEOUT_MOST_MS;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_JSON_WRITER_H
#define COMMANDS_SHOW_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/strbuf.h"

/*
 * Indented JSON, written from top to bottom; strings are quoted by SQLite, and characters that act rather than show are
 * escaped. A key of NULL is for elements of an array.
 */
struct json_writer {
    struct strbuf *out;
    struct json_maker *maker;
    int depth;
    bool first; /* nothing was written at this depth yet */
};

void json_open(struct json_writer *json, const char *key, char bracket);          /* '{' or '[' */
void json_close(struct json_writer *json, char bracket);                          /* '}' or ']' */
void json_put_text(struct json_writer *json, const char *key, const char *text);  /* NULL is null */
void json_put_made(struct json_writer *json, const char *key, const char *value); /* JSON already */
void json_put_int(struct json_writer *json, const char *key, int64_t value);
void json_put_bool(struct json_writer *json, const char *key, bool value);
void json_put_time(struct json_writer *json, const char *key, int64_t ms); /* RFC 3339; 0 is null */
void json_put_null(struct json_writer *json, const char *key);

#endif

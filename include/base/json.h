/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * The one place that writes JSON. A value is written from top to bottom: open an object or an array, put what is in it, close it.
 * Texts may be any bytes: what is not UTF-8 becomes U+FFFD, and characters that would act on a terminal are written as escapes.
 *
 *     struct json_writer json = { .out = &text };
 *     json_open(&json, NULL, '{');
 *     json_put_text(&json, "name", name);
 *     json_close(&json, '}');
 *
 * Every key is the program's own text and stands as it is. Inside an array the key is NULL.
 */
enum json_layout {
    JSON_COMPACT, /* all in one line, no blanks */
    JSON_INDENTED /* a line for each value; the text ends with a line end */
};

struct json_writer {
    struct strbuf *out;
    enum json_layout layout;
    int depth;
    bool filled; /* the innermost object or array has a value already */
};

void json_open(struct json_writer *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json_writer *json, char bracket);                 /* '}' or ']' */

void json_put_text(struct json_writer *json, const char *key, const char *text); /* NULL: null */
void json_put_slice(struct json_writer *json, const char *key, struct slice text);
void json_put_int(struct json_writer *json, const char *key, int64_t value);
void json_put_bool(struct json_writer *json, const char *key, bool value);
/* RFC 3339 in the process's zone; 0: null. It has years of four digits, so a time outside of them becomes the nearest one. */
void json_put_time(struct json_writer *json, const char *key, int64_t ms);
void json_put_null(struct json_writer *json, const char *key);

/* Puts nothing at all where there is no text: for NULL and for "". */
void json_put_given(struct json_writer *json, const char *key, const char *text);

/* An array of texts. */
void json_put_texts(struct json_writer *json, const char *key, const char *const *texts, size_t count);

/* Puts value, which is JSON already, as it is. */
void json_put_made(struct json_writer *json, const char *key, const char *value);

/* Appends text as it stands between the quotes of a JSON string. */
void json_add_content(struct strbuf *out, const char *text);

/* Returns true for a text that is JSON (RFC 8259). */
bool json_is_valid(const char *text);

/*
 * JSON is read with SQLite's JSON functions. Returns a private database in memory to prepare such statements on, NULL if there is
 * no memory for it. The caller finalizes its statements and closes it with sqlite3_close().
 */
struct sqlite3;
struct sqlite3 *json_reader_open(void);

#endif

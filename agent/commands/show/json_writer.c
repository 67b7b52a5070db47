/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json_writer.h"

#include <inttypes.h>

#include "base/text.h"
#include "base/zone.h"
#include "escape.h"

/* A line for the next value, with its key. */
static void place(struct json_writer *json, const char *key)
{
    if (json->depth > 0) {
        strbuf_puts(json->out, json->first ? "\n" : ",\n");
        strbuf_printf(json->out, "%*s", json->depth * 2, "");
    }
    json->first = false;
    if (key)
        strbuf_printf(json->out, "\"%s\": ", key);
}

void json_open(struct json_writer *json, const char *key, char bracket)
{
    place(json, key);
    strbuf_add(json->out, &bracket, 1);
    json->depth++;
    json->first = true;
}

void json_close(struct json_writer *json, char bracket)
{
    json->depth--;
    if (!json->first)
        strbuf_printf(json->out, "\n%*s", json->depth * 2, "");
    strbuf_add(json->out, &bracket, 1);
    json->first = false;
    if (json->depth == 0)
        strbuf_puts(json->out, "\n");
}

static void json_escape_put(struct strbuf *out, uint32_t point)
{
    if (point > 0xffff)
        strbuf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
    else
        strbuf_printf(out, "\\u%04x", point);
}

/* SQLite leaves marks that reverse or hide text as they are: inside a JSON string an escape means the same. */
static void json_put_escaped(struct strbuf *out, struct slice rest)
{
    while (rest.len > 0) {
        uint32_t point = 0;
        size_t used = utf8_decode(rest, &point);
        used = used ? used : 1;
        if (escape_is_needed(point))
            json_escape_put(out, point);
        else
            strbuf_add(out, rest.at, used);
        rest.at += used;
        rest.len -= used;
    }
}

void json_put_text(struct json_writer *json, const char *key, const char *text)
{
    struct strbuf quoted = { 0 };
    place(json, key);
    json_text(json->maker, text, &quoted);
    json_put_escaped(json->out, strbuf_slice(&quoted));
    strbuf_free(&quoted);
}

void json_put_made(struct json_writer *json, const char *key, const char *value)
{
    struct strbuf valid = { 0 };
    place(json, key);
    text_add_valid(&valid, value, strlen(value));
    json_put_escaped(json->out, strbuf_slice(&valid));
    strbuf_free(&valid);
}

void json_put_int(struct json_writer *json, const char *key, int64_t value)
{
    place(json, key);
    strbuf_printf(json->out, "%" PRId64, value);
}

void json_put_bool(struct json_writer *json, const char *key, bool value)
{
    place(json, key);
    strbuf_puts(json->out, value ? "true" : "false");
}

void json_put_time(struct json_writer *json, const char *key, int64_t ms)
{
    char text[40];
    if (ms)
        zone_format_rfc3339(ms, text);
    place(json, key);
    if (ms)
        strbuf_printf(json->out, "\"%s\"", text);
    else
        strbuf_puts(json->out, "null");
}

void json_put_null(struct json_writer *json, const char *key)
{
    place(json, key);
    strbuf_puts(json->out, "null");
}

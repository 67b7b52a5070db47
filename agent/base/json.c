/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <inttypes.h>

#include "base/text.h"
#include "base/utf8.h"
#include "base/zone.h"

/* What stands before the next value: a comma, a line of its own, its key. */
static void json_begin_value(struct json_writer *json, const char *key)
{
    bool indented = json->layout == JSON_INDENTED;
    if (json->depth > 0 && json->filled)
        strbuf_puts(json->out, ",");
    if (json->depth > 0 && indented)
        strbuf_printf(json->out, "\n%*s", json->depth * 2, "");
    json->filled = true;
    if (key)
        strbuf_printf(json->out, "\"%s\":%s", key, indented ? " " : "");
}

void json_open(struct json_writer *json, const char *key, char bracket)
{
    json_begin_value(json, key);
    strbuf_add(json->out, &bracket, 1);
    json->depth++;
    json->filled = false;
}

void json_close(struct json_writer *json, char bracket)
{
    bool indented = json->layout == JSON_INDENTED;
    json->depth--;
    if (json->filled && indented)
        strbuf_printf(json->out, "\n%*s", json->depth * 2, "");
    strbuf_add(json->out, &bracket, 1);
    json->filled = true;
    if (json->depth == 0 && indented)
        strbuf_puts(json->out, "\n");
}

static void json_put_escape(struct strbuf *out, uint32_t point)
{
    const char *letters = "\bb\ff\nn\rr\tt\"\"\\\\"; /* each character and the letter of its short escape */
    for (; *letters != '\0'; letters += 2) {
        if ((uint32_t)letters[0] == point) {
            strbuf_printf(out, "\\%c", letters[1]);
            return;
        }
    }
    if (point > 0xffff) /* a surrogate pair */
        strbuf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
    else
        strbuf_printf(out, "\\u%04x", point);
}

/* Adds valid UTF-8, each character that needs it as an escape; quotes and backslashes too if it becomes a string's content. */
static void json_put_valid(struct strbuf *out, struct slice rest, const char *escaped)
{
    size_t plain = 0; /* bytes at the front of rest that are waiting to be added as they are */
    while (plain < rest.len) {
        uint32_t point = 0;
        size_t used = utf8_decode((struct slice){ rest.at + plain, rest.len - plain }, &point);
        if (!utf8_needs_escape(point) && (point > 0x7f || !strchr(escaped, (int)point))) {
            plain += used;
            continue;
        }
        strbuf_add(out, rest.at, plain);
        json_put_escape(out, point);
        rest = (struct slice){ rest.at + plain + used, rest.len - plain - used };
        plain = 0;
    }
    strbuf_add(out, rest.at, plain);
}

static void json_add_content_of(struct strbuf *out, struct slice text)
{
    struct strbuf valid = { 0 };
    text_add_valid(&valid, text.at, text.len);
    json_put_valid(out, strbuf_slice(&valid), "\"\\");
    strbuf_free(&valid);
}

void json_add_content(struct strbuf *out, const char *text)
{
    json_add_content_of(out, slice_of(text));
}

void json_put_slice(struct json_writer *json, const char *key, struct slice text)
{
    json_begin_value(json, key);
    strbuf_puts(json->out, "\"");
    json_add_content_of(json->out, text);
    strbuf_puts(json->out, "\"");
}

void json_put_text(struct json_writer *json, const char *key, const char *text)
{
    if (text)
        json_put_slice(json, key, slice_of(text));
    else
        json_put_null(json, key);
}

void json_put_given(struct json_writer *json, const char *key, const char *text)
{
    if (text && text[0] != '\0')
        json_put_text(json, key, text);
}

void json_put_texts(struct json_writer *json, const char *key, const char *const *texts, size_t count)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < count; i++)
        json_put_text(json, NULL, texts[i]);
    json_close(json, ']');
}

void json_put_made(struct json_writer *json, const char *key, const char *value)
{
    struct strbuf valid = { 0 };
    json_begin_value(json, key);
    text_add_valid(&valid, value, strlen(value));
    json_put_valid(json->out, strbuf_slice(&valid), "");
    strbuf_free(&valid);
}

void json_put_int(struct json_writer *json, const char *key, int64_t value)
{
    json_begin_value(json, key);
    strbuf_printf(json->out, "%" PRId64, value);
}

void json_put_bool(struct json_writer *json, const char *key, bool value)
{
    json_begin_value(json, key);
    strbuf_puts(json->out, value ? "true" : "false");
}

void json_put_time(struct json_writer *json, const char *key, int64_t ms)
{
    /* A day less than the years 1000 to 9999, so that no offset leads out of them. */
    static const int64_t least = INT64_C(-30610137600000), most = INT64_C(253402214399999);
    char text[40] = "";
    if (ms != 0)
        zone_format_rfc3339(ms < least ? least : ms > most ? most : ms, text);
    json_put_text(json, key, ms != 0 ? text : NULL);
}

void json_put_null(struct json_writer *json, const char *key)
{
    json_begin_value(json, key);
    strbuf_puts(json->out, "null");
}

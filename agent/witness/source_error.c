/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "source.h"

enum { ERROR_KEPT_BYTES = 160 };

/* ClickHouse's codes (src/Common/ErrorCodes.cpp) that say what is to be done. Its other errors are told in its own words alone. */
static const struct {
    int64_t code;
    const char *words;
} meanings[] = {
    { 46, "it does not know a function of the query" },
    { 47, "there is no such column" },
    { 60, "there is no such table" },
    { 62, "the query is not understood" },
    { 81, "there is no such database" },
    { 159, "the query took too long" },
    { 160, "the query took too long" },
    { SOURCE_READONLY, "the user may not do that" },
    { 192, "it does not take the user and the password" },
    { 193, "it does not take the user and the password" },
    { 194, "it does not take the user and the password" },
    { 201, "the user's quota is used up" },
    { 202, "too many queries run at once" },
    { 241, "its memory is short" },
    { 243, "its disk is full" },
    { 291, "the user may not read the table" },
    { 497, "the user may not read the table" },
    { 516, "it does not take the user and the password" },
};

int64_t source_error_code(struct slice body)
{
    static const char start[] = "Code: ";
    const char *at = body.len ? memmem(body.at, body.len, start, strlen(start)) : NULL;
    int64_t code = 0;
    for (at = at ? at + strlen(start) : NULL;
         at && at < body.at + body.len && *at >= '0' && *at <= '9' && code < 100000; at++)
        code = 10 * code + (*at - '0');
    return code;
}

/*
 * What stands between the frame of a message: "Code: 60, e.displayText() = DB::Exception: TEXT, e.what() = DB::Exception" up to version 20, and
 * "Code: 60. DB::Exception: TEXT. (UNKNOWN_TABLE) (version 25.3.2.39 (official build))" since.
 */
static struct slice error_text(struct slice body)
{
    static const char front[] = "DB::Exception: ";
    static const char *const backs[] = { ", e.what()", " (version ", "\n", "\r" };
    const char *at = body.len ? memmem(body.at, body.len, front, strlen(front)) : NULL;
    struct slice text = body;
    if (at)
        text = (struct slice){ at + strlen(front), (size_t)(body.at + body.len - at) - strlen(front) };
    for (size_t i = 0; i < sizeof backs / sizeof backs[0]; i++) {
        const char *end = text.len ? memmem(text.at, text.len, backs[i], strlen(backs[i])) : NULL;
        text.len = end ? (size_t)(end - text.at) : text.len;
    }
    return text;
}

void source_describe_error(long status, struct slice body, struct strbuf *out)
{
    int64_t code = source_error_code(body);
    struct slice text = error_text(body);
    const char *words = NULL;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        words = meanings[i].code == code ? meanings[i].words : words;
    strbuf_printf(out, "ClickHouse answers HTTP %ld", status);
    if (words)
        strbuf_printf(out, ", %s", words);
    if (code)
        strbuf_printf(out, " (code %" PRId64 ")", code);
    if (text.len > 0) {
        strbuf_puts(out, ": ");
        strbuf_add(out, text.at, text.len <= ERROR_KEPT_BYTES ? text.len : utf8_floor(text.at, ERROR_KEPT_BYTES));
    }
}

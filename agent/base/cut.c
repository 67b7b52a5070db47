/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"

#include <string.h>

#include "base/utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* What a byte counts: the first one of a character counts for all of it. */
static size_t char_cost(char byte)
{
    return !utf8_continues(byte);
}

static size_t unit_cost(char byte)
{
    return utf8_continues(byte) ? 0 : (unsigned char)byte >= 0xf0 ? 2 : 1;
}

/* The number of bytes of the characters from the beginning that cost at most max. */
static size_t cut_bytes_of(const char *text, size_t max, size_t (*cost)(char byte))
{
    size_t at = 0;

    for (size_t spent = 0; text[at] != '\0'; at++) {
        spent += cost(text[at]);
        if (spent > max)
            break;
    }
    return at;
}

static void cut_by(const char *text, size_t max, size_t (*cost)(char byte), struct strbuf *out)
{
    size_t fitting = cut_bytes_of(text, max, cost);

    if (text[fitting] == '\0') {
        strbuf_add(out, text, fitting);
    } else if (max > 0) {
        strbuf_add(out, text, cut_bytes_of(text, max - 1, cost));
        strbuf_puts(out, ELLIPSIS);
    }
}

void cut_chars(const char *text, size_t max_chars, struct strbuf *out)
{
    cut_by(text, max_chars, char_cost, out);
}

void cut_units(const char *text, size_t max_units, struct strbuf *out)
{
    cut_by(text, max_units, unit_cost, out);
}

void cut_copy(const char *text, char *buf, size_t room)
{
    size_t len = strlen(text);

    if (len < room) {
        memcpy(buf, text, len + 1);
        return;
    }
    len = utf8_floor(text, room - sizeof ELLIPSIS);
    memcpy(buf, text, len);
    memcpy(buf + len, ELLIPSIS, sizeof ELLIPSIS);
}

size_t cut_len_without_brackets(const char *text)
{
    size_t len = strlen(text), depth = 0;

    for (size_t at = len; at > 2 && text[len - 1] == ')'; at--) {
        depth += text[at - 1] == ')';
        depth -= text[at - 1] == '(';
        if (depth == 0)
            return text[at - 2] == ' ' ? at - 2 : len;
    }
    return len;
}

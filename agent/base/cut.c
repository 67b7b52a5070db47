/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"

#include <string.h>

#include "base/utf8.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* The number of bytes of the first max_chars characters, or of all if there are fewer. */
static size_t cut_bytes_of(const char *text, size_t max_chars)
{
    size_t at = 0;

    for (size_t chars = 0; text[at] != '\0'; at++)
        if (!utf8_continues(text[at]) && chars++ == max_chars)
            break;
    return at;
}

void cut_chars(const char *text, size_t max_chars, struct strbuf *out)
{
    size_t fitting = cut_bytes_of(text, max_chars);

    if (text[fitting] == '\0') {
        strbuf_add(out, text, fitting);
    } else if (max_chars > 0) {
        strbuf_add(out, text, cut_bytes_of(text, max_chars - 1));
        strbuf_puts(out, ELLIPSIS);
    }
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

void text_add_valid(struct strbuf *out, const char *text, size_t len)
{
    size_t good = 0;
    for (size_t i = 0; i < len;) {
        size_t step = utf8_step((struct slice){ text + i, len - i });
        if (step == 0) {
            strbuf_add(out, text + good, i - good);
            strbuf_puts(out, REPLACEMENT);
            good = ++i;
        } else {
            i += step;
        }
    }
    strbuf_add(out, text + good, len - good);
}

char *text_copy_valid(const char *text)
{
    struct strbuf copy = { 0 };

    if (text) {
        strbuf_puts(&copy, "");
        text_add_valid(&copy, text, strlen(text));
    }
    return copy.at;
}

void text_add_upper(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        char letter = (char)toupper((unsigned char)*text);
        strbuf_add(out, &letter, 1);
    }
}

/* Terminals may obey U+0080 to U+009F like escape sequences. */
static bool is_c1_control(const char *text, size_t step)
{
    return step == 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0;
}

static void add_escape(struct strbuf *out, unsigned char byte)
{
    switch (byte) {
    case '\n': strbuf_puts(out, "\\n"); break;
    case '\r': strbuf_puts(out, "\\r"); break;
    case '\t': strbuf_puts(out, "\\t"); break;
    default: strbuf_printf(out, "\\x%02x", byte);
    }
}

void text_add_visible(struct strbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned char byte = (unsigned char)text[i];
        size_t step = utf8_step((struct slice){ text + i, len - i });
        if (step == 0 || byte < 0x20 || byte == 0x7f) {
            add_escape(out, byte);
            step = 1;
        } else if (is_c1_control(text + i, step)) {
            strbuf_printf(out, "\\u%04x", (unsigned char)text[i + 1]);
        } else {
            strbuf_add(out, text + i, step);
        }
        i += step;
    }
}

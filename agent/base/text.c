/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* A sequence's second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF (Unicode, table 3-7). */
static bool second_fits(unsigned char first, unsigned char second)
{
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

/* Bytes of the well-formed character at text, 0 if there is none. */
static size_t char_len(const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80)
        return 1;
    size_t want = at[0] >= 0xc2 && at[0] <= 0xdf   ? 2
                  : (at[0] & 0xf0) == 0xe0         ? 3
                  : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                   : 0;
    if (want == 0 || want > len || !second_fits(at[0], at[1]))
        return 0;
    for (size_t i = 2; i < want; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return want;
}

void text_add_valid(struct strbuf *out, const char *text, size_t len)
{
    size_t good = 0;
    for (size_t i = 0; i < len;) {
        size_t step = char_len(text + i, len - i);
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

/* U+0080 to U+009F: a terminal may take them for escapes as well. */
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
        size_t step = char_len(text + i, len - i);
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

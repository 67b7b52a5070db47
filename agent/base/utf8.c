/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utf8.h"

#include <stdbool.h>

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

size_t utf8_count(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += continues(text.at[i]) ? 0 : 1;
    return count;
}

/* The length of the well-formed sequence at the text's beginning, 0 if there is none (Unicode, table 3-7). */
static size_t sequence_len(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.at;
    if (at[0] < 0x80)
        return 1;
    size_t len = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (at[0] < 0xC2 || at[0] > 0xF4 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if (!continues(text.at[i]))
            return 0;
    bool overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xED && at[1] > 0x9F;
    bool beyond = at[0] == 0xF4 && at[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : len;
}

void utf8_add_clean(struct strbuf *out, struct slice text)
{
    size_t clean = 0;
    size_t at = 0;
    while (at < text.len) {
        size_t len = sequence_len((struct slice){ text.at + at, text.len - at });
        if (len == 0) {
            strbuf_add(out, text.at + clean, at - clean);
            strbuf_puts(out, "\xEF\xBF\xBD");
            clean = at + 1;
        }
        at += len > 0 ? len : 1;
    }
    strbuf_add(out, text.at + clean, text.len - clean);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utf8.h"

size_t utf8_decode(struct slice text, uint32_t *point)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (text.len == 0)
        return 0;
    unsigned char lead = (unsigned char)text.at[0];
    size_t len = lead < 0x80             ? 1
                 : (lead & 0xE0) == 0xC0 ? 2
                 : (lead & 0xF0) == 0xE0 ? 3
                 : (lead & 0xF8) == 0xF0 ? 4
                                         : 0;
    if (len == 0 || len > text.len)
        return 0;
    uint32_t value = len == 1 ? lead : lead & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (!utf8_continues(text.at[i]))
            return 0;
        value = value << 6 | ((unsigned char)text.at[i] & 0x3F);
    }
    bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < smallest[len] || value > 0x10FFFF || surrogate)
        return 0;
    *point = value;
    return len;
}

size_t utf8_step(struct slice text)
{
    uint32_t point;
    return utf8_decode(text, &point);
}

size_t utf8_count(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += utf8_continues(text.at[i]) ? 0 : 1;
    return count;
}

size_t utf8_floor(const char *text, size_t len)
{
    while (len > 0 && utf8_continues(text[len]))
        len--;
    return len;
}

bool utf8_needs_escape(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        { 0x00, 0x1f },      /* control characters, escape among them */
        { 0x7f, 0x9f },      /* delete, and the control characters of eight-bit terminals */
        { 0xad, 0xad },      /* soft hyphen */
        { 0x34f, 0x34f },    /* combining grapheme joiner */
        { 0x61c, 0x61c },    /* Arabic letter mark */
        { 0x115f, 0x1160 },  /* Hangul fillers */
        { 0x180b, 0x180f },  /* Mongolian separators */
        { 0x200b, 0x200f },  /* zero width, left-to-right and right-to-left marks */
        { 0x2028, 0x202e },  /* line separators, embeddings and overrides */
        { 0x2060, 0x206f },  /* joiners, isolates */
        { 0xfe00, 0xfe0f },  /* variation selectors */
        { 0xfeff, 0xfeff },  /* byte order mark */
        { 0xfff9, 0xfffb },  /* interlinear annotation */
        { 0xe0000, 0xe0fff } /* tags */
    };
    if (point >= ' ' && point <= '~')
        return false; /* nearly every character */
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

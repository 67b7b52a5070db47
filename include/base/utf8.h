/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* The one place that knows how UTF-8 is put together. */

/* The number of bytes, 1 to 4, of the well-formed sequence at the text's beginning; 0 if there is none (Unicode, table 3-7). */
size_t utf8_step(struct slice text);

/* The same, with the code point in *point. */
size_t utf8_decode(struct slice text, uint32_t *point);

/* Whether the byte can only stand behind the first byte of a sequence. */
static inline bool utf8_continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* The number of code points; for bytes that are not UTF-8 never more than any decoder would make of them. */
size_t utf8_count(struct slice text);

/*
 * Returns true for a character that controls a terminal, or that reverses or hides the text around it, instead of showing something.
 * Where text of unknown origin is shown, such a character is shown as an escape.
 */
bool utf8_needs_escape(uint32_t point);

/* The longest length of at most len bytes that does not cut a character of text in two. */
size_t utf8_floor(const char *text, size_t len);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_CUT_H
#define BASE_CUT_H

#include <stddef.h>

#include "base/strbuf.h"

/* Appends at most max_chars characters of UTF-8, since receivers limit characters, not bytes. If the text is cut, the last is an ellipsis. */
void cut_chars(const char *text, size_t max_chars, struct strbuf *out);

/* The same in units of UTF-16, of which a character beyond U+FFFF has two: some receivers count so. */
void cut_units(const char *text, size_t max_units, struct strbuf *out);

/* Copies into a buffer of room bytes, at least 8. If the text is cut, it ends with a whole character and an ellipsis. */
void cut_copy(const char *text, char *buf, size_t room);

/* The number of bytes of a text without the brackets at its end: of "unreachable" in "unreachable (connection refused)". */
size_t cut_len_without_brackets(const char *text);

#endif

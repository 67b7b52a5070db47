/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_CUT_H
#define BASE_CUT_H

#include <stddef.h>

#include "base/strbuf.h"

/* Appends at most max_chars characters of UTF-8 (receivers limit characters, not bytes), the last an ellipsis if cut. */
void cut_chars(const char *text, size_t max_chars, struct strbuf *out);

/* Into a fixed buffer, never in the middle of a character; an ellipsis if cut. room is at least 8. */
void cut_copy(const char *text, char *buf, size_t room);

#endif

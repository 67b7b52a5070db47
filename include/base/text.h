/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

#include "base/strbuf.h"

/* Texts of which there may be any number. */
struct text_list {
    char **texts; /* owned, and so is each */
    size_t count;
};

/* Appends text; each byte that does not belong to well-formed UTF-8 becomes U+FFFD. */
void text_add_valid(struct strbuf *out, const char *text, size_t len);
/* Returns such a copy, owned by the caller; NULL for NULL. */
char *text_copy_valid(const char *text);

/* Appends text with its ASCII letters in upper case. */
void text_add_upper(struct strbuf *out, const char *text);

/*
 * Appends text for a terminal and a single line: control characters and bytes that are not UTF-8 become escapes ("\n", "\x1b"), so that
 * a log can neither move the cursor nor forge a line.
 */
void text_add_visible(struct strbuf *out, const char *text, size_t len);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

#include "base/slice.h"
#include "base/strbuf.h"

/* Code points in a text; for bytes that are no UTF-8 never more than any decoder would make of them. */
size_t utf8_count(struct slice text);

/* Adds the text with every ill-formed sequence replaced by U+FFFD. */
void utf8_add_clean(struct strbuf *out, struct slice text);

#endif

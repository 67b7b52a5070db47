/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_CLIP_H
#define CORE_CLIP_H

#include "base/budgets.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "base/utf8.h"

/* At most so many bytes of a text, never ending within a character of UTF-8. */
static inline struct slice clip(struct slice text, size_t most)
{
    return text.len > most ? (struct slice){ text.at, utf8_floor(text.at, most) } : text;
}

/* Adds a text that is kept as a C string: a NUL in it must not hide what stands behind it. */
static inline void add_without_nul(struct strbuf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        strbuf_add(out, text.at[i] ? text.at + i : "?", 1);
}

/* The owned copy of a text, likewise, clipped. */
static inline char *clipped_copy(struct slice text, size_t most)
{
    char *copy = must_copy(text.len ? text.at : "", clip(text, most).len);
    for (char *nul; (nul = memchr(copy, '\0', clip(text, most).len));)
        *nul = '?';
    return copy;
}

#endif

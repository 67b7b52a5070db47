/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Borrowed text: not NUL-terminated, valid as long as the buffer it points into. */
struct slice {
    const char *at;
    size_t len;
};

static inline struct slice slice_of(const char *text)
{
    return (struct slice){ text, strlen(text) };
}

static inline bool slice_equals(struct slice s, const char *text)
{
    return strlen(text) == s.len && memcmp(s.at, text, s.len) == 0;
}

#endif

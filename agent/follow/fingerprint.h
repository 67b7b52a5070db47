/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_FINGERPRINT_H
#define FOLLOW_FINGERPRINT_H

#include <stdbool.h>

#include "base/fnv.h"

/* Of the first len bytes of a file, at most FINGERPRINT_BYTES: the file is known again by it. */
struct fingerprint {
    uint64_t hash;
    int64_t len;
};

enum { FINGERPRINT_BYTES = 1024 };

static const struct fingerprint FINGERPRINT_EMPTY = { FNV_EMPTY, 0 };

static inline void fingerprint_add(struct fingerprint *print, const char *bytes, size_t len)
{
    print->hash = fnv_add(print->hash, bytes, len);
    print->len += (int64_t)len;
}

static inline bool fingerprint_is_same(struct fingerprint a, struct fingerprint b)
{
    return a.len == b.len && a.hash == b.hash;
}

#endif

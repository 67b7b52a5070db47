/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_FNV_H
#define BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a with 64 bits, to recognise a text. A hash can be continued with more bytes. It does not withstand somebody who forges a text. */
#define FNV_EMPTY UINT64_C(0xcbf29ce484222325)

static inline uint64_t fnv_add(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOURCE_POSITION_H
#define SOURCE_POSITION_H

#include <stdint.h>

/* Where reading stands in one file. The fingerprint covers the first fingerprint_len bytes: identity beyond the inode's number. */
struct source_position {
    uint64_t device, inode;
    int64_t offset; /* always behind a newline */
    uint64_t fingerprint;
    int64_t fingerprint_len;
    int64_t begun_ms; /* when its content began, UTC: the file's birth, or when it was truncated; 0: not known */
};

#endif

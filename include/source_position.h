/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOURCE_POSITION_H
#define SOURCE_POSITION_H

#include <stdint.h>

enum { SOURCE_OWNER_UNKNOWN = -1 };

/*
 * Where reading stands in one file, as it is stored for the next run. A file is known by its device and inode and by a fingerprint of
 * its first fingerprint_len bytes, because the kernel gives the number of a deleted file's inode to a new file.
 */
struct source_position {
    uint64_t device, inode;
    int64_t offset; /* always just behind a newline */
    uint64_t fingerprint;
    int64_t fingerprint_len;
    int64_t begun_ms; /* when its content began (Unix ms): the file's birth, or its truncation; 0: not known */
    int64_t owner;    /* user id of the log's owner; SOURCE_OWNER_UNKNOWN where an older version stored the position */
};

#endif

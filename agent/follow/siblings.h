/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_SIBLINGS_H
#define FOLLOW_SIBLINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "tail.h"

/* A file that rotation left beside the log: PATH.1, PATH-20260212, PATH.2.gz and so on. */
struct sibling {
    struct tail *tail; /* NULL after siblings_take */
    char *name;        /* without PATH and the character behind it: "1", "20260212" */
    int64_t born_ns;   /* tail_born_ns, as of the last siblings_sort */
};

/* Those that listing.h found: regular files of the log's owner or root, open, oldest first. */
struct siblings {
    struct sibling *at;
    size_t count;
    bool compressed; /* there are compressed files, also in formats that we cannot unpack: PATH.2.gz, PATH.2.xz */
    bool crowded;    /* there are so many files that not all were looked at */
    bool too_large;  /* there is a gzip file beyond PACKED_FILE_MAX_BYTES, which is not opened */
};

/* Takes the tail over; NULL adds nothing. Of two tails of one file, one of which can be unpacked, that one is kept. */
void siblings_add(struct siblings *siblings, struct tail *tail, const char *name);
/* Drops each packed file that is there a second time, because the packing is not finished. */
void siblings_drop_unfinished(struct siblings *siblings);
void siblings_sort(struct siblings *siblings);
void siblings_free(struct siblings *siblings);

/*
 * Each returns an index, or SIZE_MAX: the sibling with the inode of file; the generation into which file was packed; the
 * sibling with the inode and the beginning of position; the first sibling that begins as position and is at least as long.
 */
size_t siblings_find_inode(const struct siblings *siblings, const struct tail *file);
size_t siblings_find_packed(const struct siblings *siblings, const struct tail *file);
size_t siblings_find_position(const struct siblings *siblings, const struct source_position *position);
size_t siblings_find_copy(const struct siblings *siblings, const struct source_position *position);

/*
 * Corrects the birth of the file that position stands for, and sorts again. A file that was truncated is older than its content, and
 * would otherwise pass for older than the copies that copytruncate made of what it held before. at_path may be NULL.
 */
void siblings_date(struct siblings *siblings, struct tail *at_path, const struct source_position *position);

/* The caller owns the tail from now on. */
struct tail *siblings_take(struct siblings *siblings, size_t index);

/* Whether the name is one that rotation gives (1, 20260212, 2.gz), not one of somebody's copy (bak). */
bool siblings_is_generation_name(const char *name);

#endif

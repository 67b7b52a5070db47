/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_SIBLINGS_H
#define FOLLOW_SIBLINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "tail.h"

/* The files that rotation left beside a log: PATH.1, PATH-20260212, PATH.2.gz and so on. They are open, oldest first. */
struct siblings {
    struct tail **tails; /* owned; NULL after siblings_take */
    char **names;        /* without PATH and the character behind it: "1", "20260212" */
    size_t count;
    bool compressed; /* there are compressed files, also in formats that we cannot unpack: PATH.2.gz, PATH.2.xz */
};

void siblings_find(struct siblings *siblings, const char *directory, const char *base, int64_t owner);
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

/* Whether the name is one that rotation gives (.1, -20260212), not one of somebody's copy (.bak). */
bool siblings_is_generation(const struct siblings *siblings, size_t index);

#endif

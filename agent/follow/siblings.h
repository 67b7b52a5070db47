/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_SIBLINGS_H
#define FOLLOW_SIBLINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "tail.h"

/* What rotation left beside a log: PATH.1, PATH-20260212, PATH.2.gz and so on, open, oldest first. */
struct siblings {
    struct tail **tails; /* owned; NULL where one was taken */
    char **names;
    size_t count;
    bool compressed; /* there are packed ones, readable or not: PATH.2.gz, PATH.2.xz */
};

void siblings_find(struct siblings *siblings, const char *directory, const char *base, int64_t owner);
void siblings_free(struct siblings *siblings);

/*
 * Each returns an index, SIZE_MAX if there is none: the same inode; the generation that a file without a name was packed
 * into; the same inode with the same beginning; a copy of it.
 */
size_t siblings_find_inode(const struct siblings *siblings, const struct tail *file);
size_t siblings_find_packed(const struct siblings *siblings, const struct tail *file);
size_t siblings_find_position(const struct siblings *siblings, const struct source_position *position);
size_t siblings_find_copy(const struct siblings *siblings, const struct source_position *position);

/*
 * What is known of a file read earlier: when its content began. Without it a file that was truncated would pass for older than
 * the copies that copytruncate made of what it held. at_path may be NULL.
 */
void siblings_date(struct siblings *siblings, struct tail *at_path, const struct source_position *position);

/* The caller owns it from now on. */
struct tail *siblings_take(struct siblings *siblings, size_t index);

/* Whether the name looks like a generation of the log (.1, -20260212), not like somebody's copy (.bak). */
bool siblings_is_generation(const struct siblings *siblings, size_t index);

#endif

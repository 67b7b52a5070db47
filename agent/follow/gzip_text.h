/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_GZIP_TEXT_H
#define FOLLOW_GZIP_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The text within a gzip file, read at offsets as if it were a file of its own. Forward is cheap; back before the last read's
 * offset is unpacked from the beginning again, but for the first UNPACK_HEAD_BYTES, which are kept. Holds in memory what
 * one read asks for at most, and nothing but the head before the first one.
 */
struct unpack;

enum { UNPACK_HEAD_BYTES = 1024 };

/* fd stays the caller's, and must outlive it. NULL if it is no gzip file, or an empty one. */
struct unpack *unpack_open(int fd);
void unpack_free(struct unpack *unpack);

/* As pread: fewer bytes than wanted only at the end of the text, or of what of it can be unpacked. -1: errno. */
ssize_t unpack_read(struct unpack *unpack, char *buffer, size_t len, int64_t offset);

/* Why it could not be unpacked to its end (cut off, damaged), NULL as long as that is not known. */
const char *unpack_damage(const struct unpack *unpack);

/* Bytes of the file that were not looked at yet: at least as many are left to read. 0 when all was unpacked. */
int64_t unpack_behind(const struct unpack *unpack);

#endif

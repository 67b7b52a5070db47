/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_GZIP_TEXT_H
#define FOLLOW_GZIP_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The text within a gzip file, read at offsets as if it were a file of its own. Reading forward is cheap. An offset before
 * that of the last read makes zlib start again at the beginning of the file, but for the first GZIP_TEXT_HEAD_BYTES, which are
 * kept. Until the first read beyond them it costs no more memory than they do; then about as much as the largest read.
 */
struct gzip_text;

enum { GZIP_TEXT_HEAD_BYTES = 1024 };

/* fd stays the caller's, who closes it after gzip_text_free. Returns NULL if it is not a gzip file, or one without text. */
struct gzip_text *gzip_text_open(int fd);
void gzip_text_free(struct gzip_text *text);

/*
 * As pread: fewer bytes than asked for only at the end of the text, or of what of it can be unpacked. -1: errno. EAGAIN: the offset is
 * further than UNPACKED_CALL_MAX_BYTES ahead; the same call again goes on from where this one stopped.
 */
ssize_t gzip_text_read(struct gzip_text *text, char *buffer, size_t len, int64_t offset);

/* Why the text could not be unpacked to its end (cut off, damaged, or beyond its budget); NULL as long as that is not known. */
const char *gzip_text_damage(const struct gzip_text *text);

/* Bytes of the packed file that were not unpacked yet; 0 when all were. */
int64_t gzip_text_behind(const struct gzip_text *text);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_TAIL_H
#define FOLLOW_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "follow.h"
#include "log_open.h"

enum {
    TAIL_LINE_BYTES = 1024 * 1024, /* a line's bound: of a longer one the beginning is handed out */
    TAIL_BLOCK_BYTES = 128 * 1024, /* read at a time */
    TAIL_BUFFER_BYTES = TAIL_LINE_BYTES + TAIL_BLOCK_BYTES,
    TAIL_FINGERPRINT_BYTES = 1024,
    NS_A_MS = 1000000
};

/*
 * One open file, read line by line. It keeps no text: what is unfinished is read again when there is more of it, so a line
 * can never be glued together from before and after a truncation.
 */
struct tail;

/*
 * Opens a regular file, and only that: never a symlink, never waiting for a FIFO. owner: a user id or LOG_ANY_OWNER.
 * On failure returns NULL, the kind in *refusal and why (without the path) in *why.
 */
struct tail *tail_open(const char *path, int64_t owner, enum log_refusal *refusal, struct strbuf *why);
void tail_free(struct tail *tail);

/*
 * The same for the text within a gzip file, whose positions count in the text. NULL if it is none. It is over when it is
 * read: nobody writes to it. The first read goes over all that comes before the position, however much that is.
 */
struct tail *tail_open_packed(const char *path, int64_t owner);
bool tail_is_packed(const struct tail *tail);

/* Where reading stands. resume takes what an earlier life stored, if this is the file. */
struct source_position tail_position(const struct tail *tail);
void tail_resume(struct tail *tail, const struct source_position *position);

bool tail_is(const struct tail *tail, uint64_t device, uint64_t inode);

/* Whether the file begins with what was read at that position (an inode's number alone may have been reused). */
bool tail_begins_as(const struct tail *tail, const struct source_position *position);

/* The same for another inode, which must also have all that was read. */
bool tail_copies(const struct tail *tail, const struct source_position *position);

enum tail_outcome { TAIL_END, TAIL_MORE, TAIL_TRUNCATED, TAIL_CUT, TAIL_FAILED };

/*
 * Hands out the lines that are there, at most about *budget bytes (diminished by what was read). buffer has
 * TAIL_BUFFER_BYTES. TAIL_MORE: the budget is used up. TAIL_TRUNCATED: what was read is not in the file any more, the
 * caller says tail_restart. TAIL_CUT: it lost its end, and reading goes on from the new one. TAIL_FAILED: errno.
 */
enum tail_outcome tail_read(struct tail *tail, char *buffer, size_t *budget, const struct follow_sink *sink);
void tail_restart(struct tail *tail);

/* Nothing will be written any more: what stands behind the last newline is a line. */
void tail_finish(struct tail *tail, char *buffer, const struct follow_sink *sink);

int64_t tail_behind(const struct tail *tail); /* bytes not yet handed out; of a packed one, as they are packed */
bool tail_unlinked(const struct tail *tail);
uid_t tail_owner(const struct tail *tail);
int64_t tail_changed_ns(const struct tail *tail); /* the last write, as the file system has it */
int64_t tail_born_ns(const struct tail *tail);    /* when its content began; the last write where that is not known */
/* Its content is known to have begun later than the file: it was truncated. */
int64_t tail_begun_ns(const struct source_position *position); /* 0 where that is not known */
void tail_date(struct tail *tail, int64_t begun_ns);
int tail_fd(const struct tail *tail);

#endif

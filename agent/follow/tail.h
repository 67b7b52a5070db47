/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_TAIL_H
#define FOLLOW_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/budgets.h"
#include "follow.h"
#include "log_open.h"

enum {
    TAIL_BLOCK_BYTES = 128 * 1024, /* read at a time */
    TAIL_BUFFER_BYTES = LINE_READ_MAX_BYTES + TAIL_BLOCK_BYTES,
    NS_A_MS = 1000000
};

/*
 * One open file that is read line by line. No text is kept between two reads: an unfinished line is read again when there is
 * more of it, so that no line is put together from text before and after a truncation.
 */
struct tail;

/* Opens what log_open opens. Returns NULL with the kind of the refusal in *refusal and the reason in *why. */
struct tail *tail_open(const char *path, int64_t owner, enum log_refusal *refusal, struct strbuf *why);
void tail_free(struct tail *tail);

/*
 * The same for the text within a gzip file. Positions count in the text. Returns NULL if it is not a gzip file. Nobody writes to
 * it, so its end is final. The first reads unpack what comes before the position, and hand out nothing.
 */
struct tail *tail_open_packed(const char *path, int64_t owner);
bool tail_is_packed(const struct tail *tail);

/* Where reading stands. tail_resume goes on from a position of an earlier run; the caller made sure that this is the file. */
struct source_position tail_position(const struct tail *tail);
void tail_resume(struct tail *tail, const struct source_position *position);

bool tail_is(const struct tail *tail, uint64_t device, uint64_t inode);

/* Whether the file begins with what was read before that position. The inode's number alone may have been given to a new file. */
bool tail_begins_as(const struct tail *tail, const struct source_position *position);

/*
 * Whether it is the file of that position. Of one of which nothing was read only its birth tells it from a later file that was given the
 * number of its inode.
 */
bool tail_is_of(const struct tail *tail, const struct source_position *position);

/* Whether a file with another inode is a copy: it begins so, and is at least as long as what was read. */
bool tail_copies(const struct tail *tail, const struct source_position *position);

/* Whether both have text, and the shorter of the two beginnings is also the other one's. */
bool tail_begins_alike(const struct tail *a, const struct tail *b);

enum tail_outcome { TAIL_END, TAIL_MORE, TAIL_TRUNCATED, TAIL_CUT, TAIL_FAILED };

/*
 * Hands out the lines that are there, about *budget bytes at most; what was read is taken off *budget. buffer has TAIL_BUFFER_BYTES.
 * TAIL_MORE: the budget is used up. TAIL_TRUNCATED: what was read is not in the file any more; the caller calls tail_restart.
 * TAIL_CUT: the file lost its end, and the position is the new end now. TAIL_FAILED: the reason is in errno.
 */
enum tail_outcome tail_read(struct tail *tail, char *buffer, size_t *budget, const struct follow_sink *sink);
void tail_restart(struct tail *tail);

/* Hands out what stands behind the last newline. For a file to which nobody will write any more. */
void tail_finish(struct tail *tail, char *buffer, const struct follow_sink *sink);

int64_t tail_behind(const struct tail *tail); /* bytes not handed out yet; of a packed file, the packed bytes */
bool tail_unlinked(const struct tail *tail);
uid_t tail_owner(const struct tail *tail);
/* Both in ns since 1970: the last write, and when the content began (the last write where that is not known). */
int64_t tail_changed_ns(const struct tail *tail);
int64_t tail_born_ns(const struct tail *tail);
int64_t tail_begun_ns(const struct source_position *position); /* begun_ms in ns; 0: not known */
/* The content began at begun_ns, if that is later than the file's birth: the file was truncated then. */
void tail_date(struct tail *tail, int64_t begun_ns);
int tail_fd(const struct tail *tail);

#endif

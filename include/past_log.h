/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAST_LOG_H
#define PAST_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/*
 * Finds what was written to a log at an earlier time, in the log and in the files that rotation left beside it, for somebody who looks at
 * it once. The files are opened only to be read; which of them are trusted is as for agent/follow. The room does not know what a line
 * means, so the caller tells the time of a line.
 */
struct past_log;

struct past_log_caller {
    void *ctx;
    /* The time of a line in Unix milliseconds; false: it has none. */
    bool (*time)(void *ctx, struct slice line, int64_t *ms);
    /* Takes a line; false: enough was read. */
    bool (*line)(void *ctx, struct slice line, int64_t offset);
};

/*
 * owner: the name of the user to whom the log must belong, or NULL for anybody. Never NULL. Where the log itself, or its owner, is not
 * there or may not be read, *why says so; the other files are looked at all the same.
 */
struct past_log *past_log_open(const char *path, const char *owner, const struct past_log_caller *caller,
                               struct strbuf *why);
void past_log_free(struct past_log *log);

/* The time of the oldest line that is still there; 0: none has a time. */
int64_t past_log_begins_ms(const struct past_log *log);

/*
 * Hands out the lines, oldest first, from a place shortly before the first one of from_ms on, through the files that followed, until the
 * caller has enough. The place is searched for by halving a file, so its times have to rise; a packed file is read from its beginning.
 * False: PAST_LOG_READ_MAX_BYTES were read and that was not all.
 */
bool past_log_read(struct past_log *log, int64_t from_ms);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_LOG_OPEN_H
#define FOLLOW_LOG_OPEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/strbuf.h"

enum { LOG_ANY_OWNER = -1 };

enum log_refusal { LOG_ABSENT, LOG_UNTRUSTED };

/*
 * Opens a file that may be read as a log, in a directory where anybody may put things: a regular file, never by way of a symbolic
 * link, never waiting for a FIFO. owner is a user id, or LOG_ANY_OWNER. Returns the descriptor, and in *st what it is; or -1, with
 * the kind of the refusal in *refusal and the reason, without the path, in *why.
 */
int log_open(const char *path, int64_t owner, struct stat *st, enum log_refusal *refusal, struct strbuf *why);

/* The user id of that name in *owner, LOG_ANY_OWNER for NULL. False, with the reason in *error, if there is no such user. */
bool log_find_owner(const char *name, int64_t *owner, struct strbuf *error);

#endif

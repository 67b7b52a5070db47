/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_LOG_OPEN_H
#define FOLLOW_LOG_OPEN_H

#include <stdint.h>
#include <sys/stat.h>

#include "tail.h"

/*
 * Opens what may be read as a log in a directory where anybody may put things: a regular file of the owner (a user id or
 * TAIL_ANY_OWNER). Returns its descriptor with what it is in *st; -1 with the kind in *refusal and why, without the path,
 * in *why.
 */
int trusted_open(const char *path, int64_t owner, struct stat *st, enum tail_refusal *refusal, struct strbuf *why);

#endif

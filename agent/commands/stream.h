/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_STREAM_H
#define COMMANDS_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Reads a whole file or pipe once, line by line, for commands that read a log and end. "-" is standard input. Of a line longer than
 * LINE_READ_MAX_BYTES only so much is read, as the follower of a log does it; `cut` is then told where the line begins and how long it is,
 * before the line comes. `between` is called after each block with the bytes read so far. Both may be NULL.
 */
struct stream_sink {
    void *ctx;
    void (*line)(void *ctx, const char *line, size_t len, int64_t offset);
    void (*cut)(void *ctx, int64_t offset, int64_t len);
    void (*between)(void *ctx, int64_t bytes);
};

/* Returns 0, or -1 with the reason in *error ("path: why"). */
int stream_read(const char *path, const struct stream_sink *sink, struct strbuf *error);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_STREAM_H
#define COMMANDS_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Reads a whole file or pipe once, line by line, for commands that read a log and end. "-" is standard input. A line longer than
 * 1 MiB is cut there, so the memory is bounded. `between`, if it is not NULL, is called after each block with the bytes read so far.
 */
struct stream_sink {
    void *ctx;
    void (*line)(void *ctx, const char *line, size_t len, int64_t offset);
    void (*between)(void *ctx, int64_t bytes);
};

/* Returns 0, or -1 with the reason in *error ("path: why"). */
int stream_read(const char *path, const struct stream_sink *sink, struct strbuf *error);

#endif

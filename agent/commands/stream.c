/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 256 * 1024, LINE_BYTES_MOST = 1024 * 1024 };

struct stream {
    int fd;
    const struct stream_sink *sink;
    char *buffer;        /* BLOCK_BYTES + LINE_BYTES_MOST */
    size_t held;         /* bytes of an unfinished line, at the beginning of the buffer */
    int64_t line_offset; /* where that line begins in the file */
    int64_t read_bytes;
    size_t dropped; /* bytes of that line that were dropped, because it is too long */
};

/* Hands out the finished lines in the buffer and moves the rest to its beginning. */
static void hand_out_lines(struct stream *stream, size_t len)
{
    char *line = stream->buffer;
    char *end = stream->buffer + len;
    char *newline;
    /* The bytes that were held have no newline, so only the new ones are searched. */
    char *from = stream->buffer + stream->held;
    while ((newline = memchr(from, '\n', (size_t)(end - from))) != NULL) {
        stream->sink->line(stream->sink->ctx, line, (size_t)(newline - line), stream->line_offset);
        stream->line_offset += newline + 1 - line + (int64_t)stream->dropped;
        stream->dropped = 0;
        line = from = newline + 1;
    }
    stream->held = (size_t)(end - line);
    if (stream->held > LINE_BYTES_MOST) {
        stream->dropped += stream->held - LINE_BYTES_MOST;
        stream->held = LINE_BYTES_MOST;
    }
    memmove(stream->buffer, line, stream->held);
}

static int read_all(struct stream *stream, const char *path, struct strbuf *error)
{
    for (;;) {
        ssize_t got = read(stream->fd, stream->buffer + stream->held, BLOCK_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            strbuf_printf(error, "%s: cannot read: %s", path, strerror(errno));
            return -1;
        }
        if (got == 0)
            break;
        stream->read_bytes += got;
        hand_out_lines(stream, stream->held + (size_t)got);
        if (stream->sink->between)
            stream->sink->between(stream->sink->ctx, stream->read_bytes);
    }
    if (stream->held) /* the last line may lack its newline */
        stream->sink->line(stream->sink->ctx, stream->buffer, stream->held, stream->line_offset);
    return 0;
}

int stream_read(const char *path, const struct stream_sink *sink, struct strbuf *error)
{
    struct stream stream = { .fd = STDIN_FILENO, .sink = sink };
    int result = -1;

    if (strcmp(path, "-") != 0)
        stream.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (stream.fd < 0) {
        strbuf_printf(error, "%s: cannot open: %s", path, strerror(errno));
        return -1;
    }
    stream.buffer = must_alloc(BLOCK_BYTES + LINE_BYTES_MOST);
    result = read_all(&stream, path, error);
    free(stream.buffer);
    if (stream.fd != STDIN_FILENO)
        close(stream.fd);
    return result;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/budgets.h"

enum { BLOCK_BYTES = 256 * 1024 };

struct stream {
    int fd;
    const struct stream_sink *sink;
    char *buffer;        /* BLOCK_BYTES + LINE_READ_MAX_BYTES */
    size_t held;         /* bytes of an unfinished line, at the beginning of the buffer */
    int64_t line_offset; /* where that line begins in the file */
    int64_t read_bytes;
    size_t dropped; /* bytes of that line that were dropped, because it is too long */
};

__attribute__((cold)) static void say_cut(const struct stream *stream, int64_t whole)
{
    if (stream->sink->cut)
        stream->sink->cut(stream->sink->ctx, stream->line_offset, whole);
}

/* The line stands at text up to end; of a long one the bytes that were dropped stood before its end. */
static inline void hand_out_line(struct stream *stream, const char *text, const char *end)
{
    size_t len = (size_t)(end - text), whole = len + stream->dropped;
    int64_t offset = stream->line_offset;
    if (whole > LINE_READ_MAX_BYTES) {
        say_cut(stream, (int64_t)whole);
        len = len < LINE_READ_MAX_BYTES ? len : LINE_READ_MAX_BYTES;
    }
    stream->line_offset += (int64_t)whole + 1;
    stream->dropped = 0;
    stream->sink->line(stream->sink->ctx, text, len, offset);
}

/* Hands out the finished lines in the buffer and moves the rest to its beginning. */
static void hand_out_lines(struct stream *stream, size_t len)
{
    char *line = stream->buffer;
    char *end = stream->buffer + len;
    char *newline;
    /* The bytes that were held have no newline, so only the new ones are searched. */
    char *from = stream->buffer + stream->held;
    while ((newline = memchr(from, '\n', (size_t)(end - from))) != NULL) {
        hand_out_line(stream, line, newline);
        line = from = newline + 1;
    }
    stream->held = (size_t)(end - line);
    if (stream->held > LINE_READ_MAX_BYTES) {
        stream->dropped += stream->held - LINE_READ_MAX_BYTES;
        stream->held = LINE_READ_MAX_BYTES;
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
        hand_out_line(stream, stream->buffer, stream->buffer + stream->held);
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
    stream.buffer = must_alloc(BLOCK_BYTES + LINE_READ_MAX_BYTES);
    result = read_all(&stream, path, error);
    free(stream.buffer);
    if (stream.fd != STDIN_FILENO)
        close(stream.fd);
    return result;
}

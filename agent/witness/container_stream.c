/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>
#include <string.h>

#include "base/budgets.h"
#include "container.h"

/*
 * Docker's API: "attach", stream format. Each message has a header of 8 bytes: the stream (1 stdout, 2 stderr), three zeros and the length,
 * big-endian. A container with a terminal has none of that, and its lines end in "\r\n". With timestamps=1 a stamp and a blank stand in
 * front of each text. dockerd splits a line at 16 kB, and only the last piece ends with a line break; a shorter one that does not is what a
 * process left unfinished when it ended.
 */
enum { HEADER_BYTES = 8, PIECE_BYTES = 16384, STREAM_STDERR = 2 };

void container_stream_free(struct container_stream *stream)
{
    strbuf_free(&stream->held);
}

static void tell_message(struct container_stream *stream, struct slice message, bool is_error)
{
    const char *blank = message.len > 0 ? memchr(message.at, ' ', message.len) : NULL;
    if (!blank)
        return; /* nothing that the log has could look so */
    struct container_line line = { .is_error = is_error };
    line.stamp = (struct slice){ message.at, (size_t)(blank - message.at) };
    line.text = (struct slice){ blank + 1, message.len - line.stamp.len - 1 };
    bool is_ended = line.text.len > 0 && line.text.at[line.text.len - 1] == '\n';
    line.is_part = !is_ended && line.text.len >= PIECE_BYTES;
    line.text.len -= is_ended ? 1 : 0;
    line.text.len -= is_ended && line.text.len > 0 && line.text.at[line.text.len - 1] == '\r' ? 1 : 0;
    stream->line(stream->ctx, &line);
}

/* The length of the first line with its line break, 0 if it is not there yet. */
static size_t take_raw(struct container_stream *stream, struct slice bytes)
{
    const char *newline = bytes.len > 0 ? memchr(bytes.at, '\n', bytes.len) : NULL;
    size_t used = newline ? (size_t)(newline - bytes.at) + 1 : 0;
    if (used == 0 && bytes.len > CONTAINER_MESSAGE_MAX_BYTES)
        used = bytes.len;
    if (used > 0)
        tell_message(stream, (struct slice){ bytes.at, used }, false);
    return used;
}

static size_t message_len(const char *header)
{
    const unsigned char *at = (const unsigned char *)header + 4;
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

/* The length of the first message with its header, 0 if it is not whole yet. Of one that is too long the beginning is told. */
static size_t take_framed(struct container_stream *stream, struct slice bytes)
{
    if (bytes.len < HEADER_BYTES)
        return 0;
    if (bytes.at[0] > STREAM_STDERR || bytes.at[1] || bytes.at[2] || bytes.at[3]) {
        stream->is_broken = true;
        return 0;
    }
    size_t len = message_len(bytes.at), most = CONTAINER_MESSAGE_MAX_BYTES, kept = len < most ? len : most;
    if (bytes.len < HEADER_BYTES + kept)
        return 0;
    stream->skipped = len - kept;
    tell_message(stream, (struct slice){ bytes.at + HEADER_BYTES, kept }, bytes.at[0] == STREAM_STDERR);
    return HEADER_BYTES + kept;
}

static void skip_rest(struct container_stream *stream, struct slice *bytes)
{
    size_t skip = stream->skipped < bytes->len ? stream->skipped : bytes->len;
    stream->skipped -= skip;
    *bytes = (struct slice){ bytes->at + skip, bytes->len - skip };
}

void container_stream_take(struct container_stream *stream, const char *bytes, size_t len)
{
    size_t used = 0;
    strbuf_add(&stream->held, bytes, len);
    struct slice rest = strbuf_slice(&stream->held);
    do {
        skip_rest(stream, &rest);
        used = stream->is_broken ? 0 : stream->is_raw ? take_raw(stream, rest) : take_framed(stream, rest);
        rest = (struct slice){ rest.at + used, rest.len - used };
    } while (used > 0);
    if (rest.len > 0 && rest.at != stream->held.at)
        memmove(stream->held.at, rest.at, rest.len);
    stream->held.len = rest.len;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gzip_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/strbuf.h"

enum { INPUT_BYTES = 16 * 1024, GZIP_ONLY = 16 };

struct unpack {
    int fd;
    char head[UNPACK_HEAD_BYTES];
    size_t head_len;

    bool begun; /* the stream and what follows are in use */
    z_stream stream;
    unsigned char *input;
    int64_t packed; /* how much of the file was taken into input */
    char *window;   /* text from offset `from` on */
    size_t window_len, window_room;
    int64_t from;
    bool ended;
    const char *damage;
};

static void end(struct unpack *unpack)
{
    if (unpack->begun)
        inflateEnd(&unpack->stream);
    free(unpack->input);
    free(unpack->window);
    unpack->input = NULL;
    unpack->window = NULL;
    unpack->window_len = unpack->window_room = 0;
    unpack->begun = false;
}

static bool begin(struct unpack *unpack)
{
    end(unpack);
    unpack->stream = (z_stream){ 0 };
    if (inflateInit2(&unpack->stream, MAX_WBITS + GZIP_ONLY) != Z_OK) {
        errno = ENOMEM;
        return false;
    }
    unpack->begun = true;
    unpack->input = must_alloc(INPUT_BYTES);
    unpack->packed = unpack->from = 0;
    unpack->ended = false;
    unpack->damage = NULL;
    return true;
}

static void give_up(struct unpack *unpack, const char *damage)
{
    unpack->ended = true;
    unpack->damage = damage;
}

/* False on a read error (errno). At the file's end there is no input: then the text is at its end, or was cut off. */
static bool fill_input(struct unpack *unpack)
{
    ssize_t got;
    if (unpack->stream.avail_in > 0)
        return true;
    do {
        got = pread(unpack->fd, unpack->input, INPUT_BYTES, unpack->packed);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return false;
    unpack->packed += got;
    unpack->stream.next_in = unpack->input;
    unpack->stream.avail_in = (uInt)got;
    return true;
}

/* A file may hold several streams, one behind the other: they are one text. */
static bool next_stream(struct unpack *unpack)
{
    if (!fill_input(unpack))
        return false;
    if (unpack->stream.avail_in == 0)
        unpack->ended = true;
    else
        inflateReset(&unpack->stream);
    return true;
}

/* Unpacks some more, behind what the window has and at most to its room. False on a read error (errno). */
static bool unpack_some(struct unpack *unpack)
{
    size_t room = unpack->window_room - unpack->window_len;

    if (!fill_input(unpack))
        return false;
    if (unpack->stream.avail_in == 0) {
        give_up(unpack, "it is cut off");
        return true;
    }
    unpack->stream.next_out = (Bytef *)unpack->window + unpack->window_len;
    unpack->stream.avail_out = (uInt)room;
    int result = inflate(&unpack->stream, Z_NO_FLUSH);
    unpack->window_len += room - unpack->stream.avail_out;
    if (result == Z_STREAM_END)
        return next_stream(unpack);
    if (result != Z_OK && result != Z_BUF_ERROR)
        give_up(unpack, unpack->stream.msg ? unpack->stream.msg : "it is damaged");
    return true;
}

/* The window begins at offset from now on, or before it if it does not reach so far yet, and has room for len bytes. */
static void move_window(struct unpack *unpack, int64_t offset, size_t len)
{
    int64_t passed = offset - unpack->from;
    size_t gone = passed < (int64_t)unpack->window_len ? (size_t)passed : unpack->window_len;

    if (gone > 0)
        memmove(unpack->window, unpack->window + gone, unpack->window_len - gone);
    unpack->from += (int64_t)gone;
    unpack->window_len -= gone;
    if (unpack->window_room < len) {
        unpack->window = must_grow(unpack->window, len, 1);
        unpack->window_room = len;
    }
}

ssize_t unpack_read(struct unpack *unpack, char *buffer, size_t len, int64_t offset)
{
    if (offset + (int64_t)len <= (int64_t)unpack->head_len) {
        memcpy(buffer, unpack->head + offset, len);
        return (ssize_t)len;
    }
    if ((!unpack->begun || offset < unpack->from) && !begin(unpack))
        return -1;
    move_window(unpack, offset, len);
    while (!unpack->ended && unpack->from + (int64_t)unpack->window_len < offset + (int64_t)len) {
        if (!unpack_some(unpack))
            return -1;
        move_window(unpack, offset, len);
    }
    if (unpack->from < offset)
        return 0;
    size_t got = unpack->window_len < len ? unpack->window_len : len;
    memcpy(buffer, unpack->window, got);
    return (ssize_t)got;
}

struct unpack *unpack_open(int fd)
{
    struct unpack *unpack = must_alloc(sizeof *unpack);
    char head[UNPACK_HEAD_BYTES];

    unpack->fd = fd;
    ssize_t got = unpack_read(unpack, head, sizeof head, 0);
    end(unpack);
    if (got <= 0) {
        unpack_free(unpack);
        return NULL;
    }
    memcpy(unpack->head, head, (size_t)got);
    unpack->head_len = (size_t)got;
    return unpack;
}

void unpack_free(struct unpack *unpack)
{
    if (!unpack)
        return;
    end(unpack);
    free(unpack);
}

const char *unpack_damage(const struct unpack *unpack)
{
    return unpack->damage;
}

int64_t unpack_behind(const struct unpack *unpack)
{
    struct stat st;
    if (unpack->ended || fstat(unpack->fd, &st) != 0)
        return 0;
    int64_t unused = unpack->begun ? (int64_t)unpack->stream.avail_in : 0;
    return st.st_size - (unpack->begun ? unpack->packed : 0) + unused;
}

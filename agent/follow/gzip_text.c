/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gzip_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/budgets.h"
#include "base/strbuf.h"

/*
 * Bytes unpacked at a time. Where the packed data turn out to be damaged, gzread gives back nothing of the step that met the
 * damage, not even what came before it. So the file is read once more, in small steps.
 */
enum { STEP_BYTES = 16 * 1024, CAREFUL_STEP_BYTES = 128 };

struct gzip_text {
    int fd;
    char head[GZIP_TEXT_HEAD_BYTES];
    size_t head_len;

    gzFile file; /* NULL: the head alone is in memory */
    char *window;
    size_t window_len, window_room;
    int64_t from; /* the offset of the window's first byte */
    unsigned step_bytes;
    bool ended;
    const char *damage;
};

static void gzip_end(struct gzip_text *text)
{
    if (text->file)
        gzclose(text->file);
    free(text->window);
    text->file = NULL;
    text->window = NULL;
    text->window_len = text->window_room = 0;
}

/* zlib closes the descriptor that it was given, and reads from where that one stands: it gets a copy, put back to the beginning. */
static bool gzip_begin(struct gzip_text *text, unsigned step_bytes)
{
    int copy = fcntl(text->fd, F_DUPFD_CLOEXEC, 0);

    gzip_end(text);
    if (copy < 0)
        return false;
    text->file = lseek(copy, 0, SEEK_SET) == 0 ? gzdopen(copy, "rb") : NULL;
    if (!text->file) {
        close(copy);
        return false;
    }
    gzbuffer(text->file, step_bytes);
    text->step_bytes = step_bytes;
    text->from = 0;
    text->ended = false;
    text->damage = NULL;
    return true;
}

/* A text that is too large to be a log's ends here. */
static void gzip_check_budgets(struct gzip_text *text)
{
    int64_t unpacked = gztell(text->file);

    if (unpacked > UNPACKED_MAX_BYTES)
        text->damage = "its text is too large for a log";
    else if (unpacked > UNPACKED_FREE_BYTES && unpacked / UNPACKED_MAX_RATIO > gzoffset(text->file))
        text->damage = "it unpacks to far more than its size, as no log does";
    text->ended |= text->damage != NULL;
}

/* Unpacks the next step into the window. False on a read error (errno): the next call begins anew. */
static bool gzip_step(struct gzip_text *text)
{
    size_t room = text->window_room - text->window_len;
    unsigned wanted = room < text->step_bytes ? (unsigned)room : text->step_bytes;
    int got = gzread(text->file, text->window + text->window_len, wanted);
    int read_error = errno, code = Z_OK;

    gzerror(text->file, &code);
    if (code == Z_ERRNO) {
        gzip_end(text);
        errno = read_error;
        return false;
    }
    if (code == Z_DATA_ERROR && text->step_bytes != CAREFUL_STEP_BYTES)
        return gzip_begin(text, CAREFUL_STEP_BYTES);
    if (got > 0)
        text->window_len += (size_t)got;
    text->ended = got < (int)wanted;
    if (code != Z_OK)
        text->damage = code == Z_BUF_ERROR ? "it is cut off" : "it is damaged";
    else
        gzip_check_budgets(text);
    return true;
}

/* Forgets what of the window lies before offset, and makes room for len bytes behind that. */
static void gzip_move_window(struct gzip_text *text, int64_t offset, size_t len)
{
    int64_t passed = offset - text->from;
    size_t gone = passed < (int64_t)text->window_len ? (size_t)passed : text->window_len;

    if (gone > 0)
        memmove(text->window, text->window + gone, text->window_len - gone);
    text->from += (int64_t)gone;
    text->window_len -= gone;
    if (text->window_room < len) {
        text->window = must_grow(text->window, len, 1);
        text->window_room = len;
    }
}

ssize_t gzip_text_read(struct gzip_text *text, char *buffer, size_t len, int64_t offset)
{
    if (offset + (int64_t)len <= (int64_t)text->head_len) {
        memcpy(buffer, text->head + offset, len);
        return (ssize_t)len;
    }
    if ((!text->file || offset < text->from) && !gzip_begin(text, STEP_BYTES))
        return -1;
    int64_t stop = text->from + (int64_t)text->window_len + UNPACKED_CALL_MAX_BYTES;
    gzip_move_window(text, offset, len);
    while (!text->ended && text->from + (int64_t)text->window_len < offset + (int64_t)len) {
        if (text->from >= stop) {
            errno = EAGAIN;
            return -1;
        }
        if (!gzip_step(text))
            return -1;
        gzip_move_window(text, offset, len);
    }
    if (text->from < offset)
        return 0;
    size_t got = text->window_len < len ? text->window_len : len;
    memcpy(buffer, text->window, got);
    return (ssize_t)got;
}

/* zlib hands out a file that is not packed as it is: that is no gzip file for us (gzdirect). */
struct gzip_text *gzip_text_open(int fd)
{
    struct gzip_text *text = must_alloc(sizeof *text);
    char head[GZIP_TEXT_HEAD_BYTES];

    text->fd = fd;
    ssize_t got = gzip_text_read(text, head, sizeof head, 0);
    bool packed = got > 0 && !gzdirect(text->file);
    gzip_end(text);
    if (!packed) {
        gzip_text_free(text);
        return NULL;
    }
    memcpy(text->head, head, (size_t)got);
    text->head_len = (size_t)got;
    return text;
}

void gzip_text_free(struct gzip_text *text)
{
    if (!text)
        return;
    gzip_end(text);
    free(text);
}

const char *gzip_text_damage(const struct gzip_text *text)
{
    return text->damage;
}

int64_t gzip_text_behind(const struct gzip_text *text)
{
    struct stat st;
    if (text->ended || fstat(text->fd, &st) != 0)
        return 0;
    return text->file ? st.st_size - gzoffset(text->file) : st.st_size;
}

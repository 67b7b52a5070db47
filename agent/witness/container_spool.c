/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/fnv.h"
#include "container.h"

/* Stamps of a container's two streams may be out of order by what a busy dockerd needs. */
enum { OVERLAP_S = 5, ID_CHARS = 12, STAMP_CHARS = 20, FILES_KEPT = 3 };

struct container_spool {
    int fd;
    char *path;
    int64_t size;
    char id[ID_CHARS + 1];     /* of the newest line; "" if there is none */
    int64_t newest_s;          /* the greatest stamp of that container, in whole seconds */
    struct seen_message *seen; /* the newest messages of that container, in the order of the file */
    size_t seen_count;
    size_t awaited_count, first_awaited; /* of them, those that the stream is to bring once more */
};

/* A message that is in the file. */
struct seen_message {
    uint64_t hash;
    int64_t seconds;
    bool is_awaited;
};

/* --- lines ------------------------------------------------------------------------------------------------------ */

/* "2026-02-18T06:15:00" and more, in UTC, as seconds. False if it is no such stamp. */
static bool stamp_seconds(struct slice stamp, int64_t *seconds)
{
    struct tm utc = { 0 };
    char text[STAMP_CHARS];
    if (stamp.len < STAMP_CHARS || stamp.at[stamp.len - 1] != 'Z')
        return false;
    memcpy(text, stamp.at, STAMP_CHARS - 1);
    text[STAMP_CHARS - 1] = '\0';
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    if (!end || *end != '\0')
        return false;
    *seconds = timegm(&utc);
    return true;
}

static uint64_t line_hash(struct slice stamp, bool is_error, struct slice text)
{
    uint64_t hash = fnv_add(FNV_EMPTY, stamp.at, stamp.len);
    hash = fnv_add(hash, is_error ? "e" : "o", 1);
    return fnv_add(hash, text.at, text.len);
}

/* Only what is not older than OVERLAP_S before the newest one is asked for again. */
static void spool_forget_old(struct container_spool *spool)
{
    size_t kept = 0;
    for (size_t i = 0; i < spool->seen_count; i++)
        if (spool->seen[i].seconds >= spool->newest_s - OVERLAP_S)
            spool->seen[kept++] = spool->seen[i];
    spool->seen_count = kept;
}

static void spool_remember(struct container_spool *spool, uint64_t hash, int64_t seconds)
{
    if (seconds > spool->newest_s)
        spool->newest_s = seconds;
    if (spool->seen_count == CONTAINER_SEEN_MAX && spool->awaited_count == 0)
        spool_forget_old(spool);
    if (spool->seen_count == CONTAINER_SEEN_MAX) {
        spool->awaited_count -= spool->seen[0].is_awaited ? 1 : 0;
        spool->first_awaited -= spool->first_awaited > 0 ? 1 : 0;
        memmove(spool->seen, spool->seen + 1, --spool->seen_count * sizeof *spool->seen);
    }
    spool->seen[spool->seen_count++] = (struct seen_message){ hash, seconds, false };
}

static void spool_change_container(struct container_spool *spool, const char *id)
{
    snprintf(spool->id, sizeof spool->id, "%.*s", ID_CHARS, id);
    spool->seen_count = spool->awaited_count = 0;
    spool->newest_s = 0;
}

/* Takes a line of the file into account, as container_spool_add wrote it. */
static void spool_learn(struct container_spool *spool, const char *line, size_t len)
{
    static const char out[] = " stdout ", error[] = " stderr ";
    enum { WORD = sizeof out - 1, TAGS = 2 + ID_CHARS + 1 };
    const char *blank = memchr(line, ' ', len);
    size_t at = blank ? (size_t)(blank - line) : len;
    int64_t seconds;
    if (len < at + WORD + TAGS || (memcmp(blank, out, WORD) != 0 && memcmp(blank, error, WORD) != 0) ||
        !stamp_seconds((struct slice){ line, at }, &seconds))
        return;
    const char *id = blank + WORD + 2, *text = blank + WORD + TAGS;
    if (strncmp(spool->id, id, ID_CHARS) != 0)
        spool_change_container(spool, id);
    spool_remember(spool,
                   line_hash((struct slice){ line, at }, memcmp(blank, error, WORD) == 0,
                             (struct slice){ text, (size_t)(line + len - text) }),
                   seconds);
}

/* --- the file --------------------------------------------------------------------------------------------------- */

/* Takes the end of a file into account. Returns where its last whole line ends, or -1. */
static int64_t spool_learn_end(struct container_spool *spool, int fd, int64_t size)
{
    int64_t from = size > CONTAINER_SPOOL_END_BYTES ? size - CONTAINER_SPOOL_END_BYTES : 0;
    char *text = must_alloc(CONTAINER_SPOOL_END_BYTES);
    ssize_t len = pread(fd, text, CONTAINER_SPOOL_END_BYTES, from);
    const char *at = text, *end = text + (len > 0 ? len : 0), *newline;
    if (from > 0 && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL)
        at = newline + 1;
    for (; at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL; at = newline + 1)
        spool_learn(spool, at, (size_t)(newline - at));
    int64_t whole = from + (at - text);
    free(text);
    return len >= 0 ? whole : -1;
}

/* A file that was just begun does not say where the stream is to be taken up: the one before it does. */
static void spool_learn_rotated(struct container_spool *spool)
{
    struct strbuf path = { 0 };
    struct stat st;
    strbuf_printf(&path, "%s.1", spool->path);
    int fd = open(strbuf_text(&path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        spool_learn_end(spool, fd, st.st_size);
    if (fd >= 0)
        close(fd);
    strbuf_free(&path);
}

/* What a kill cut in the middle of a line is taken off; the stream brings that line again. */
static bool spool_read_end(struct container_spool *spool)
{
    if (spool->size < CONTAINER_SPOOL_END_BYTES)
        spool_learn_rotated(spool);
    int64_t whole = spool_learn_end(spool, spool->fd, spool->size);
    bool good = whole >= 0 && (whole == spool->size || ftruncate(spool->fd, whole) == 0);
    spool->size = whole >= 0 ? whole : spool->size;
    return good;
}

static bool spool_open_file(struct container_spool *spool)
{
    struct stat st;
    spool->fd = open(spool->path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (spool->fd < 0 || fstat(spool->fd, &st) != 0)
        return false;
    spool->size = st.st_size;
    return true;
}

struct container_spool *container_spool_open(const char *path, struct strbuf *error)
{
    struct container_spool *spool = must_alloc(sizeof *spool);
    spool->path = must_copy(path, strlen(path));
    spool->seen = must_alloc(CONTAINER_SEEN_MAX * sizeof *spool->seen);
    if (spool_open_file(spool) && spool_read_end(spool))
        return spool;
    strbuf_printf(error, "%s: %s", path, strerror(errno));
    container_spool_close(spool);
    return NULL;
}

void container_spool_close(struct container_spool *spool)
{
    if (!spool)
        return;
    if (spool->fd >= 0)
        close(spool->fd);
    free(spool->seen);
    free(spool->path);
    free(spool);
}

bool container_spool_is_of(const struct container_spool *spool, const char *id)
{
    return spool->id[0] && strncmp(spool->id, id, ID_CHARS) == 0;
}

void container_spool_take_up(struct container_spool *spool, const char *id, struct strbuf *out)
{
    if (!container_spool_is_of(spool, id))
        spool_change_container(spool, id);
    spool_forget_old(spool);
    for (size_t i = 0; i < spool->seen_count; i++)
        spool->seen[i].is_awaited = true;
    spool->awaited_count = spool->seen_count;
    spool->first_awaited = 0;
    if (spool->newest_s > OVERLAP_S)
        strbuf_printf(out, "%" PRId64, spool->newest_s - OVERLAP_S);
}

/* Whether the file has the message already. It has it as often as it was logged, so each counts once. */
static bool spool_has(struct container_spool *spool, uint64_t hash)
{
    for (size_t i = spool->first_awaited; spool->awaited_count > 0 && i < spool->seen_count; i++) {
        struct seen_message *seen = &spool->seen[i];
        if (!seen->is_awaited || seen->hash != hash)
            continue;
        seen->is_awaited = false;
        spool->awaited_count--;
        spool->first_awaited = i == spool->first_awaited ? i + 1 : spool->first_awaited;
        return true;
    }
    return false;
}

/* The same way as logrotate's: the follower reads the renamed file to its end. */
static bool spool_rotate(struct container_spool *spool)
{
    struct strbuf old = { 0 }, older = { 0 };
    for (int i = FILES_KEPT - 1; i >= 0; i--) {
        strbuf_clear(&old);
        strbuf_clear(&older);
        strbuf_printf(&older, "%s.%d", spool->path, i + 1);
        if (i > 0)
            strbuf_printf(&old, "%s.%d", spool->path, i);
        else
            strbuf_puts(&old, spool->path);
        rename(strbuf_text(&old), strbuf_text(&older));
    }
    strbuf_free(&old);
    strbuf_free(&older);
    close(spool->fd);
    return spool_open_file(spool);
}

bool container_spool_add(struct container_spool *spool, const struct container_line *line)
{
    int64_t seconds;
    uint64_t hash = line_hash(line->stamp, line->is_error, line->text);
    if (!stamp_seconds(line->stamp, &seconds) || spool_has(spool, hash))
        return true;
    struct strbuf text = { 0 };
    strbuf_add(&text, line->stamp.at, line->stamp.len);
    strbuf_printf(&text, " %s %c:%s ", line->is_error ? "stderr" : "stdout", line->is_part ? 'P' : 'F', spool->id);
    strbuf_add(&text, line->text.at, line->text.len);
    strbuf_puts(&text, "\n");
    ssize_t written = write(spool->fd, text.at, text.len);
    bool good = written == (ssize_t)text.len;
    if (!good && written > 0 && ftruncate(spool->fd, spool->size) != 0)
        good = false; /* the next start takes the half line off */
    spool->size += good ? written : 0;
    strbuf_free(&text);
    if (good)
        spool_remember(spool, hash, seconds);
    if (good && spool->size > CONTAINER_SPOOL_BYTES)
        good = spool_rotate(spool);
    return good;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "fingerprint.h"
#include "gzip_text.h"
#include "log_open.h"

struct tail {
    int fd;
    struct gzip_text *packed; /* NULL: the file is not packed */
    uint64_t device, inode;
    uid_t owner;
    int64_t born_ns;         /* 0: not known */
    int64_t offset;          /* behind the last line handed out */
    int64_t scanned;         /* no newline between offset and here */
    struct fingerprint seen; /* of the bytes before offset */
    bool resumed;            /* at offset by tail_resume, and not yet checked whether a line begins there */
    bool long_said;          /* it was said that the line at offset is too long */
    bool damage_said;
    char *beginning; /* of the long line at offset in a packed file, where it cannot be read a second time; or NULL */
};

static ssize_t read_at(const struct tail *tail, char *buffer, size_t len, int64_t offset)
{
    ssize_t got;
    if (tail->packed)
        return gzip_text_read(tail->packed, buffer, len, offset);
    do {
        got = pread(tail->fd, buffer, len, offset);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Of the file's first len bytes. The result's len is less if the file is shorter, and -1 if it cannot be read (errno). */
static struct fingerprint fingerprint_of(const struct tail *tail, int64_t len)
{
    char bytes[FINGERPRINT_BYTES];
    struct fingerprint print = FINGERPRINT_EMPTY;
    ssize_t got = len > 0 ? read_at(tail, bytes, (size_t)len, 0) : 0;
    if (got > 0)
        fingerprint_add(&print, bytes, (size_t)got);
    else if (got < 0)
        print.len = -1;
    return print;
}

static int64_t birth_of(int fd)
{
    struct statx st;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) != 0 || !(st.stx_mask & STATX_BTIME))
        return 0;
    return (int64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
}

struct tail *tail_open(const char *path, int64_t owner, enum log_refusal *refusal, struct strbuf *why)
{
    struct stat st;
    int fd = log_open(path, owner, &st, refusal, why);
    if (fd < 0)
        return NULL;
    struct tail *tail = must_alloc(sizeof *tail);
    *tail = (struct tail){ .fd = fd,
                           .device = st.st_dev,
                           .inode = st.st_ino,
                           .owner = st.st_uid,
                           .born_ns = birth_of(fd),
                           .seen = FINGERPRINT_EMPTY };
    return tail;
}

/* gzip gives the packed file the time of the last write. Its birth is that of the packing, and says nothing of the text. */
struct tail *tail_open_packed(const char *path, int64_t owner)
{
    struct strbuf why = { 0 };
    enum log_refusal refusal;
    struct tail *tail = tail_open(path, owner, &refusal, &why);

    if (tail) {
        tail->packed = gzip_text_open(tail->fd);
        tail->born_ns = 0;
    }
    if (tail && !tail->packed) {
        tail_free(tail);
        tail = NULL;
    }
    strbuf_free(&why);
    return tail;
}

void tail_free(struct tail *tail)
{
    if (!tail)
        return;
    gzip_text_free(tail->packed);
    free(tail->beginning);
    close(tail->fd);
    free(tail);
}

struct source_position tail_position(const struct tail *tail)
{
    return (struct source_position){ .device = tail->device,
                                     .inode = tail->inode,
                                     .offset = tail->offset,
                                     .fingerprint = tail->seen.hash,
                                     .fingerprint_len = tail->seen.len,
                                     .begun_ms = (tail->born_ns + NS_A_MS - 1) / NS_A_MS };
}

static int64_t tail_size(const struct tail *tail)
{
    struct stat st;
    return fstat(tail->fd, &st) == 0 ? st.st_size : -1;
}

bool tail_begins_as(const struct tail *tail, const struct source_position *position)
{
    if (position->offset < 0 || position->fingerprint_len < 0 || position->fingerprint_len > FINGERPRINT_BYTES)
        return false;
    return fingerprint_is_same(fingerprint_of(tail, position->fingerprint_len),
                               (struct fingerprint){ position->fingerprint, position->fingerprint_len });
}

bool tail_is_of(const struct tail *tail, const struct source_position *position)
{
    bool born_later = position->fingerprint_len == 0 && position->begun_ms > 0 &&
                      (tail->packed || (tail->born_ns + NS_A_MS - 1) / NS_A_MS > position->begun_ms);
    return tail_is(tail, position->device, position->inode) && !born_later && tail_begins_as(tail, position);
}

bool tail_copies(const struct tail *tail, const struct source_position *position)
{
    return position->fingerprint_len > 0 && tail_begins_as(tail, position) &&
           (tail->packed || tail_size(tail) >= position->offset);
}

bool tail_begins_alike(const struct tail *a, const struct tail *b)
{
    char of_a[FINGERPRINT_BYTES], of_b[FINGERPRINT_BYTES];
    ssize_t a_len = read_at(a, of_a, sizeof of_a, 0), b_len = read_at(b, of_b, sizeof of_b, 0);
    ssize_t len = a_len < b_len ? a_len : b_len;
    return len > 0 && memcmp(of_a, of_b, (size_t)len) == 0;
}

bool tail_is(const struct tail *tail, uint64_t device, uint64_t inode)
{
    return tail->device == device && tail->inode == inode;
}

static void stand_at(struct tail *tail, int64_t offset)
{
    tail->offset = offset;
    tail->scanned = offset;
    tail->long_said = false;
    free(tail->beginning);
    tail->beginning = NULL;
}

int64_t tail_begun_ns(const struct source_position *position)
{
    return position->begun_ms > 0 && position->begun_ms < INT64_MAX / NS_A_MS ? position->begun_ms * NS_A_MS : 0;
}

void tail_date(struct tail *tail, int64_t begun_ns)
{
    if (begun_ns > tail->born_ns)
        tail->born_ns = begun_ns;
}

void tail_resume(struct tail *tail, const struct source_position *position)
{
    stand_at(tail, position->offset);
    tail_date(tail, tail_begun_ns(position));
    tail->resumed = true;
    tail->seen = fingerprint_of(tail, position->offset < FINGERPRINT_BYTES ? position->offset : FINGERPRINT_BYTES);
    if (tail->seen.len < 0)
        tail->seen = (struct fingerprint){ position->fingerprint, position->fingerprint_len };
}

void tail_restart(struct tail *tail)
{
    tail->born_ns = clock_now_ns();
    stand_at(tail, 0);
    tail->seen = FINGERPRINT_EMPTY;
}

static void note_long_line(struct tail *tail, const struct follow_sink *sink)
{
    if (tail->long_said)
        return;
    struct strbuf text = { 0 };
    strbuf_printf(&text, "the line at byte %lld is longer than %d bytes: only its beginning is used",
                  (long long)tail->offset, LINE_READ_MAX_BYTES);
    sink->note(sink->ctx, FOLLOW_LONG_LINE, strbuf_text(&text));
    strbuf_free(&text);
    tail->long_said = true;
}

/*
 * Hands out the line at offset, of which len bytes stand at text. taken is the line's length in the file with its newline. The position
 * moves first, so that who asks for it while the line is being handed out gets the one behind the line.
 */
static void hand_out(struct tail *tail, const char *text, size_t len, int64_t taken, const struct follow_sink *sink)
{
    int64_t at = tail->offset;
    int64_t room = FINGERPRINT_BYTES - tail->seen.len;

    if (len > LINE_READ_MAX_BYTES) {
        note_long_line(tail, sink);
        len = LINE_READ_MAX_BYTES;
    }
    if (room > 0)
        fingerprint_add(&tail->seen, text, (size_t)(taken < room ? taken : room));
    stand_at(tail, at + taken);
    sink->line(sink->ctx, text, len, at);
}

/* Reads the first LINE_READ_MAX_BYTES of the long line at offset. Returns what was read. */
static ssize_t read_beginning(struct tail *tail, char *buffer)
{
    if (!tail->beginning)
        return read_at(tail, buffer, LINE_READ_MAX_BYTES, tail->offset);
    memcpy(buffer, tail->beginning, LINE_READ_MAX_BYTES);
    return LINE_READ_MAX_BYTES;
}

/* The beginning of a long line in a packed file is kept: zlib would have to unpack the file again to read it later. */
static bool keep_beginning(struct tail *tail, char *buffer)
{
    if (!tail->packed || tail->beginning)
        return true;
    if (read_beginning(tail, buffer) != LINE_READ_MAX_BYTES)
        return false;
    tail->beginning = must_copy(buffer, LINE_READ_MAX_BYTES);
    return true;
}

/*
 * The line at offset is longer than the bound. Its end is looked for without keeping what lies between. Its beginning is read again and
 * handed out only when the end is found, because a position in the middle of a line cannot be stored. Returns what was
 * read, 0 at the file's end.
 */
static ssize_t skip_long_line(struct tail *tail, char *buffer, const struct follow_sink *sink)
{
    note_long_line(tail, sink);
    if (!keep_beginning(tail, buffer))
        return -1;
    ssize_t got = read_at(tail, buffer, TAIL_BLOCK_BYTES, tail->scanned);
    if (got <= 0)
        return got;
    const char *newline = memchr(buffer, '\n', (size_t)got);
    if (!newline) {
        tail->scanned += got;
        return got;
    }
    int64_t taken = tail->scanned + (newline - buffer) + 1 - tail->offset;
    ssize_t kept = read_beginning(tail, buffer);
    if (kept == LINE_READ_MAX_BYTES)
        hand_out(tail, buffer, LINE_READ_MAX_BYTES, taken, sink);
    return kept == LINE_READ_MAX_BYTES ? got : kept;
}

/* Reads the next block, behind what is known to hold no newline. Returns how much of it was read, 0 at the file's end. */
static ssize_t read_block(struct tail *tail, char *buffer, const struct follow_sink *sink)
{
    size_t unfinished = (size_t)(tail->scanned - tail->offset);
    if (unfinished > LINE_READ_MAX_BYTES)
        return skip_long_line(tail, buffer, sink);

    ssize_t got = read_at(tail, buffer, unfinished + TAIL_BLOCK_BYTES, tail->offset);
    if (got < 0)
        return got;
    if ((size_t)got <= unfinished)
        return 0;

    const char *line = buffer, *end = buffer + got, *newline;
    const char *from = buffer + unfinished;
    while ((newline = memchr(from, '\n', (size_t)(end - from)))) {
        hand_out(tail, line, (size_t)(newline - line), newline + 1 - line, sink);
        line = from = newline + 1;
    }
    tail->scanned = tail->offset + (end - line);
    return got - (ssize_t)unfinished;
}

/* The offset behind the last newline before limit. The search goes back LINE_READ_MAX_BYTES at most. */
static int64_t last_line_end(const struct tail *tail, char *buffer, int64_t limit)
{
    int64_t from = limit > LINE_READ_MAX_BYTES ? limit - LINE_READ_MAX_BYTES : 0;
    ssize_t got = read_at(tail, buffer, (size_t)(limit - from), from);
    const char *newline = got > 0 ? memrchr(buffer, '\n', (size_t)got) : NULL;
    return newline ? from + (newline - buffer) + 1 : from;
}

/*
 * After a power failure:
 *
 *   1. the file lost its end, which we had read;
 *   2. the writer came back before us, and what it wrote reaches beyond our position;
 *   3. we resume. The file is as long as ever; only our position is in the middle of a line now.
 */
static bool was_overwritten(struct tail *tail, int64_t size)
{
    char before = '\n';
    if (!tail->resumed || tail->offset == 0 || size <= tail->offset)
        return false;
    tail->resumed = false;
    return read_at(tail, &before, 1, tail->offset - 1) == 1 && before != '\n';
}

/*
 * Compares the file with what was read of it. If the beginning is another one, the content is new and is read from 0. If the
 * beginning is the same but the file is shorter, it lost its end (by a power failure or an editor), and the lines that are left were
 * handed out already.
 */
static enum tail_outcome check_content(struct tail *tail, char *buffer)
{
    int64_t size = tail_size(tail);
    struct fingerprint now = fingerprint_of(tail, tail->seen.len);
    if (size < 0 || now.len < 0)
        return TAIL_FAILED;
    if (!fingerprint_is_same(now, tail->seen))
        return TAIL_TRUNCATED;
    if (tail->packed)
        return TAIL_END;
    if (size < tail->offset || was_overwritten(tail, size)) {
        stand_at(tail, last_line_end(tail, buffer, size < tail->offset ? size : tail->offset));
        return TAIL_CUT;
    }
    if (size < tail->scanned)
        tail->scanned = tail->offset;
    return TAIL_END;
}

static void note_damage(struct tail *tail, const struct follow_sink *sink)
{
    const char *damage = tail->packed ? gzip_text_damage(tail->packed) : NULL;
    if (!damage || tail->damage_said)
        return;
    struct strbuf text = { 0 };
    strbuf_printf(&text,
                  "the rotated file (inode %llu) cannot be unpacked beyond byte %lld of its text (%s): what came after "
                  "that is not read",
                  (unsigned long long)tail->inode, (long long)tail->scanned, damage);
    sink->note(sink->ctx, FOLLOW_TRUNCATED, strbuf_text(&text));
    strbuf_free(&text);
    tail->damage_said = true;
}

enum tail_outcome tail_read(struct tail *tail, char *buffer, size_t *budget, const struct follow_sink *sink)
{
    enum tail_outcome state = check_content(tail, buffer);
    if (state != TAIL_END)
        return state;
    while (*budget > 0) {
        ssize_t got = read_block(tail, buffer, sink);
        if (got < 0)
            return tail->packed && errno == EAGAIN ? TAIL_MORE : TAIL_FAILED;
        if (got == 0) {
            note_damage(tail, sink);
            return TAIL_END;
        }
        *budget -= (size_t)got < *budget ? (size_t)got : *budget;
    }
    return TAIL_MORE;
}

void tail_finish(struct tail *tail, char *buffer, const struct follow_sink *sink)
{
    int64_t rest = tail->scanned - tail->offset;
    size_t wanted = rest > LINE_READ_MAX_BYTES ? LINE_READ_MAX_BYTES : (size_t)rest;
    ssize_t got =
        wanted < LINE_READ_MAX_BYTES ? read_at(tail, buffer, wanted, tail->offset) : read_beginning(tail, buffer);
    if (rest > 0 && got == (ssize_t)wanted)
        hand_out(tail, buffer, wanted, rest, sink);
}

bool tail_is_packed(const struct tail *tail)
{
    return tail->packed;
}

int64_t tail_behind(const struct tail *tail)
{
    if (tail->packed)
        return gzip_text_behind(tail->packed);
    int64_t size = tail_size(tail);
    return size > tail->offset ? size - tail->offset : 0;
}

bool tail_unlinked(const struct tail *tail)
{
    struct stat st;
    return fstat(tail->fd, &st) == 0 && st.st_nlink == 0;
}

uid_t tail_owner(const struct tail *tail)
{
    return tail->owner;
}

int64_t tail_changed_ns(const struct tail *tail)
{
    struct stat st;
    return fstat(tail->fd, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : 0;
}

int64_t tail_born_ns(const struct tail *tail)
{
    return tail->born_ns ? tail->born_ns : tail_changed_ns(tail);
}

int tail_fd(const struct tail *tail)
{
    return tail->fd;
}

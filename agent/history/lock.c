/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history_private.h"

/*
 * Two agents on one history would both read the log, number their rows alike and page twice: one of them is refused. The lock
 * lies on a file of its own beside the database, since the database may be moved aside and begun anew, and SQLite's own locks
 * are not ours to use. It belongs to the open file description: the kernel gives it back however the process ends, and no
 * close of another descriptor drops it (POSIX record locks fall with any). Those who only read never ask for it.
 *
 * The file is never removed, because that would make two of it:
 *
 *   1. A holds the lock; B has opened the file and is about to ask;
 *   2. A ends and removes the file;
 *   3. B gets the lock on a file without a name, C makes a new one and gets the lock on that.
 *
 * If somebody removes it all the same, the holder locks a new one when it connects the next time.
 */

enum { WORD_BYTES = 1024 };

static bool is_at(int fd, const char *path)
{
    struct stat held, there;
    return fstat(fd, &held) == 0 && stat(path, &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

static void say_held(int fd, const char *database, struct strbuf *error)
{
    char text[24] = "";
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    long pid = len > 0 ? strtol(text, NULL, 10) : 0;
    strbuf_printf(error, "%s: another agent", database);
    if (pid > 0)
        strbuf_printf(error, " (pid %ld)", pid);
    strbuf_puts(error, " keeps this history already");
}

/*
 * Who we are, for whoever is refused, and in a second line what keeps us from writing. Only a word: where even that does not fit
 * it is missing. The file is cut last, since its first block, once there, can be written over on a full disk.
 */
static void write_word(int fd, const struct history_trouble *trouble)
{
    char text[WORD_BYTES];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (trouble && trouble->failures > 0)
        len += snprintf(text + len, sizeof text - (size_t)len, "%" PRId64 " %" PRId64 " %.*s\n", trouble->failures,
                        trouble->since_ms, WORD_BYTES - 100, strbuf_text(&trouble->why));
    if (pwrite(fd, text, (size_t)len, 0) != len || ftruncate(fd, len) != 0)
        return;
}

void history_leave_trouble(struct history *history, const struct history_trouble *trouble)
{
    if (history->lock_fd >= 0)
        write_word(history->lock_fd, trouble);
}

bool history_find_trouble(const char *path, int64_t pid, struct history_trouble *trouble)
{
    struct strbuf name = { 0 };
    char text[WORD_BYTES + 1] = "", *at = text;

    strbuf_printf(&name, "%s-lock", path);
    int fd = open(name.at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool ours = fd >= 0 && pread(fd, text, WORD_BYTES, 0) > 0 && strtoll(at, &at, 10) == pid;
    trouble->failures = ours ? strtoll(at, &at, 10) : 0;
    trouble->since_ms = ours ? strtoll(at, &at, 10) : 0;
    bool found = trouble->failures > 0 && trouble->since_ms > 0;
    if (found) {
        at += strspn(at, " ");
        strbuf_add(&trouble->why, at, strcspn(at, "\n"));
    }
    if (fd >= 0)
        close(fd);
    strbuf_free(&name);
    return found;
}

/* SQLITE_OK with the descriptor in *held, which is -1 if locking is not to be had here: that is no reason not to work. */
static int take(const char *path, const char *database, int *held, struct strbuf *notice, struct strbuf *error)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int code = SQLITE_OK;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    *held = -1;
    if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &whole) == 0) {
        write_word(fd, NULL);
        *held = fd;
        return SQLITE_OK;
    }
    if (fd >= 0 && (errno == EAGAIN || errno == EACCES)) {
        say_held(fd, database, error);
        code = SQLITE_BUSY;
    } else {
        strbuf_printf(notice, "%s: cannot be locked (%s): a second agent on this history would not be noticed", path,
                      strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return code;
}

int history_lock(struct history *history, struct strbuf *notice, struct strbuf *error)
{
    struct strbuf path = { 0 };
    int code = SQLITE_OK;

    strbuf_printf(&path, "%s-lock", history->path);
    if (history->lock_fd < 0 || !is_at(history->lock_fd, path.at)) {
        history_unlock(history);
        code = take(path.at, history->path, &history->lock_fd, notice, error);
    }
    strbuf_free(&path);
    return code;
}

void history_unlock(struct history *history)
{
    if (history->lock_fd >= 0)
        close(history->lock_fd);
    history->lock_fd = -1;
}

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
 * Two agents on one history would both read the log, give the same ids to their rows and page twice, so the second one is refused.
 * The lock is on a file of its own beside the database, because the database may be moved aside and begun anew, and SQLite's own
 * locks are not for others to use. It belongs to the open file description (F_OFD_SETLK): the kernel releases it however the
 * process ends, and closing another descriptor of the file does not, as it would with POSIX record locks. Readers never ask for it.
 *
 * The file is never removed, because that could make two of it:
 *
 *   1. A holds the lock; B has opened the file and is about to ask for the lock;
 *   2. A ends and removes the file;
 *   3. B gets the lock on a file without a name, C makes a new file and gets the lock on that.
 *
 * If somebody else removes it, the holder makes and locks a new file when it connects the next time.
 */

/* At most so much is written into the lock file: a pid, and what keeps the agent from writing its history. */
enum { LOCK_TEXT_BYTES = 1024 };

static bool lock_is_at(int fd, const char *path)
{
    struct stat held, there;
    return fstat(fd, &held) == 0 && stat(path, &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

static void lock_say_holder(int fd, const char *database, struct strbuf *error)
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
 * The first line is the agent's pid, for an agent that is refused; the second tells what keeps the agent from writing its history.
 * On a full disk an existing first block can still be written over, so the file is shortened last. A failure is ignored: the text
 * is only a help.
 */
static void lock_write_text(int fd, const struct history_trouble *trouble)
{
    char text[LOCK_TEXT_BYTES];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (trouble && trouble->failures > 0)
        len += snprintf(text + len, sizeof text - (size_t)len, "%" PRId64 " %" PRId64 " %.*s\n", trouble->failures,
                        trouble->since_ms, LOCK_TEXT_BYTES - 100, strbuf_text(&trouble->why));
    if (pwrite(fd, text, (size_t)len, 0) != len || ftruncate(fd, len) != 0)
        return;
}

void history_leave_trouble(struct history *history, const struct history_trouble *trouble)
{
    if (history->lock_fd >= 0)
        lock_write_text(history->lock_fd, trouble);
}

bool history_find_trouble(const char *path, int64_t pid, struct history_trouble *trouble)
{
    struct strbuf name = { 0 };
    char text[LOCK_TEXT_BYTES + 1] = "", *at = text;

    strbuf_printf(&name, "%s-lock", path);
    int fd = open(name.at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool ours = fd >= 0 && pread(fd, text, LOCK_TEXT_BYTES, 0) > 0 && strtoll(at, &at, 10) == pid;
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

/* On SQLITE_OK, *held is the locked descriptor, or -1 if the file cannot be locked here: then the agent works without the lock. */
static int lock_take(const char *path, const char *database, int *held, struct strbuf *notice, struct strbuf *error)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int code = SQLITE_OK;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    *held = -1;
    if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &whole) == 0) {
        lock_write_text(fd, NULL);
        *held = fd;
        return SQLITE_OK;
    }
    if (fd >= 0 && (errno == EAGAIN || errno == EACCES)) {
        lock_say_holder(fd, database, error);
        code = HELD_BY_AGENT;
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
    if (history->lock_fd < 0 || !lock_is_at(history->lock_fd, path.at)) {
        history_unlock(history);
        code = lock_take(path.at, history->path, &history->lock_fd, notice, error);
    }
    strbuf_free(&path);
    return code;
}

bool history_lock_is_free(const char *path)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    struct strbuf name = { 0 };
    strbuf_printf(&name, "%s-lock", path);
    int fd = open(name.at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool is_free = fd < 0 ? errno == ENOENT : fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type == F_UNLCK;
    if (fd >= 0)
        close(fd);
    strbuf_free(&name);
    return is_free;
}

void history_unlock(struct history *history)
{
    if (history->lock_fd >= 0)
        close(history->lock_fd);
    history->lock_fd = -1;
}

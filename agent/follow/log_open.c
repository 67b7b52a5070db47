/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log_open.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

static const char *kind_name(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a directory";
    if (S_ISFIFO(mode))
        return "a FIFO";
    return "a device or socket";
}

/* Returns whether an open file may be followed; if not, the reason is in *why. */
static bool is_trusted(const struct stat *st, int64_t owner, struct strbuf *why)
{
    if (!S_ISREG(st->st_mode))
        strbuf_printf(why, "%s, not a regular file", kind_name(st->st_mode));
    else if (owner != LOG_ANY_OWNER && (int64_t)st->st_uid != owner)
        strbuf_printf(why, "owned by user %u, not by %lld as [log] owner demands", (unsigned)st->st_uid,
                      (long long)owner);
    else
        return true;
    return false;
}

static void say_why_not_opened(int error, struct strbuf *why)
{
    if (error == ELOOP)
        strbuf_puts(why, "a symbolic link, which is not followed");
    else if (error == ENXIO)
        strbuf_puts(why, "a FIFO or socket, not a regular file");
    else
        strbuf_puts(why, strerror(error));
}

int log_open(const char *path, int64_t owner, struct stat *st, enum log_refusal *refusal, struct strbuf *why)
{
    /* Somebody may have planted a FIFO or a terminal here: NONBLOCK and NOCTTY keep it from holding us up or becoming our terminal. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    *refusal = LOG_UNTRUSTED;
    if (fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            *refusal = LOG_ABSENT;
        say_why_not_opened(errno, why);
        return -1;
    }
    if (fstat(fd, st) != 0)
        strbuf_puts(why, strerror(errno));
    else if (is_trusted(st, owner, why))
        return fd;
    close(fd);
    return -1;
}

bool log_find_owner(const char *name, int64_t *owner, struct strbuf *error)
{
    *owner = LOG_ANY_OWNER;
    if (!name)
        return true;
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user) {
        strbuf_printf(error, "log owner %s: %s", name, errno ? strerror(errno) : "no such user");
        return false;
    }
    *owner = user->pw_uid;
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inotify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <inotifytools/inotifytools.h>

int inotify_open(void)
{
    return inotifytools_initialize() ? 0 : inotifytools_error();
}

void inotify_close(void)
{
    inotifytools_cleanup();
}

int inotify_watch_directory(const char *path)
{
    return inotifytools_watch_file(path, INOTIFY_DIRECTORY_EVENTS) ? 0 : inotifytools_error();
}

int inotify_watch_file(int fd)
{
    struct inotify_fd_name name = inotify_fd_name(fd);
    return inotifytools_watch_file(name.text, INOTIFY_FILE_EVENTS) ? 0 : inotifytools_error();
}

void inotify_unwatch_file(int fd)
{
    struct inotify_fd_name name = inotify_fd_name(fd);
    inotifytools_remove_watch_by_filename(name.text);
}

static int fd_of(int wd)
{
    const char *name = wd > 0 ? inotifytools_filename_from_wd(wd) : NULL;
    if (!name || strncmp(name, INOTIFY_FD_DIRECTORY, strlen(INOTIFY_FD_DIRECTORY)) != 0)
        return -1;
    return (int)strtol(name + strlen(INOTIFY_FD_DIRECTORY), NULL, 10);
}

enum inotify_outcome inotify_next(int timeout_s, struct inotify_notice *event)
{
    struct inotify_event *raw = inotifytools_next_event(timeout_s);
    if (!raw) {
        if (inotifytools_error() == 0)
            return INOTIFY_TIMEOUT;
        return inotifytools_error() == EINTR ? INOTIFY_INTERRUPTED : INOTIFY_FAILED;
    }
    event->mask = raw->mask;
    event->name = raw->len > 0 ? raw->name : NULL;
    event->fd = fd_of(raw->wd);
    return INOTIFY_EVENT;
}

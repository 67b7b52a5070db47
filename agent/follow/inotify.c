/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inotify.h"

#include <errno.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <inotifytools/inotify.h>
#include <inotifytools/inotifytools.h>

enum {
    DIRECTORY_EVENTS = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF,
    FILE_EVENTS = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
};

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
    return inotifytools_watch_file(path, DIRECTORY_EVENTS | (int)IN_ONLYDIR) ? 0 : inotifytools_error();
}

static const char FD_DIRECTORY[] = "/proc/self/fd/";

struct fd_name {
    char text[32];
};

/*
 * Watching the log by its name would be a race:
 *
 *   1. we open the file with that name;
 *   2. somebody renames the file and creates a new one;
 *   3. we watch the name, which is the new file now, and take its events for those of the file that we read.
 *
 * The descriptor's name in /proc always stands for the file that is open.
 */
static struct fd_name name_of(int fd)
{
    struct fd_name name;
    snprintf(name.text, sizeof name.text, "%s%d", FD_DIRECTORY, fd);
    return name;
}

int inotify_watch_file(int fd)
{
    struct fd_name name = name_of(fd);
    return inotifytools_watch_file(name.text, FILE_EVENTS) ? 0 : inotifytools_error();
}

void inotify_unwatch_file(int fd)
{
    struct fd_name name = name_of(fd);
    inotifytools_remove_watch_by_filename(name.text);
}

bool inotify_is_blind(int fd)
{
    static const unsigned long KINDS[] = { NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                           FUSE_SUPER_MAGIC, V9FS_MAGIC,      AFS_SUPER_MAGIC,  AFS_FS_MAGIC,
                                           CODA_SUPER_MAGIC, CEPH_SUPER_MAGIC };
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0)
        return false;
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (((unsigned long)fs.f_type & 0xFFFFFFFF) == KINDS[i])
            return true;
    return false;
}

static int fd_of(int wd)
{
    const char *name = wd > 0 ? inotifytools_filename_from_wd(wd) : NULL;
    if (!name || strncmp(name, FD_DIRECTORY, strlen(FD_DIRECTORY)) != 0)
        return -1;
    return (int)strtol(name + strlen(FD_DIRECTORY), NULL, 10);
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_INOTIFY_H
#define FOLLOW_INOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/inotify.h>

/*
 * What we need of inotify(7), with one instance a process. Two sources offer it, and the Makefile takes one of them: inotify_tools.c
 * by libinotifytools, inotify_kernel.c (INOTIFY=kernel) by the kernel's own calls. inotify.c is what both share.
 * Functions that return an int return 0 or an errno.
 */
int inotify_open(void);
void inotify_close(void);

/* Watches a directory: its entries that come and go, and what happens to the directory itself. */
int inotify_watch_directory(const char *path);

/* Watches the file behind a descriptor, whatever its name is by now. Unwatch it before closing the descriptor. */
int inotify_watch_file(int fd);
void inotify_unwatch_file(int fd);

/* Whether the file lies on a file system where other hosts write without an inotify event here (NFS and its like). */
bool inotify_is_blind(int fd);

struct inotify_notice {
    uint32_t mask;    /* of inotify(7) */
    const char *name; /* the directory's entry, or NULL; valid until the next call */
    int fd;           /* of the watched file, or -1 */
};

enum inotify_outcome { INOTIFY_EVENT, INOTIFY_TIMEOUT, INOTIFY_INTERRUPTED, INOTIFY_FAILED };

/* Waits for the next event. timeout_s is at least 1; -1 waits for an event or a signal, however long that takes. */
enum inotify_outcome inotify_next(int timeout_s, struct inotify_notice *event);

/* For the two sources: the events that they ask for, and the name by which a file is watched. */
enum {
    INOTIFY_DIRECTORY_EVENTS =
        IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
    INOTIFY_FILE_EVENTS = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
};

#define INOTIFY_FD_DIRECTORY "/proc/self/fd/"

struct inotify_fd_name {
    char text[32];
};

/*
 * The name in /proc of a descriptor. Watching the log by its own name would be a race:
 *
 *   1. we open the file with that name;
 *   2. somebody renames the file and creates a new one;
 *   3. we watch the name, which is the new file now, and take its events for those of the file that we read.
 *
 * The descriptor's name in /proc always stands for the file that is open.
 */
struct inotify_fd_name inotify_fd_name(int fd);

#endif

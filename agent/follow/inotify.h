/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_INOTIFY_H
#define FOLLOW_INOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* What we use of libinotifytools, which has one instance a process. Functions that return an int return 0 or an errno. */
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

#endif

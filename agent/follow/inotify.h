/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_INOTIFY_H
#define FOLLOW_INOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* What libinotifytools does for us, one instance a process. Where an int is returned it is 0 or an errno. */
int inotify_open(void);
void inotify_close(void);

/* The entries of a directory coming and going, and the directory itself. */
int inotify_watch_directory(const char *path);

/* What happens to the very file behind a descriptor, whatever its name by now. unwatch before closing it. */
int inotify_watch_file(int fd);
void inotify_unwatch_file(int fd);

/* Whether the file's file system is one where others may write unseen by inotify (NFS and its like). */
bool inotify_is_blind(int fd);

struct inotify_notice {
    uint32_t mask;    /* of inotify(7) */
    const char *name; /* of the directory's entry, or NULL; until the next call */
    int fd;           /* of the watched file, or -1 */
};

enum inotify_outcome { INOTIFY_EVENT, INOTIFY_TIMEOUT, INOTIFY_INTERRUPTED, INOTIFY_FAILED };

/* timeout_s: whole seconds, at least 1; -1 waits for ever, or for a signal. */
enum inotify_outcome inotify_next(int timeout_s, struct inotify_notice *event);

#endif

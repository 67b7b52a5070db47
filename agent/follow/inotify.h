/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_INOTIFY_H
#define FOLLOW_INOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* What libinotifytools does for us, one instance a process. Where an int is returned it is 0 or an errno. */
int watch_open(void);
void watch_close(void);

/* The entries of a directory coming and going, and the directory itself. */
int watch_directory(const char *path);

/* What happens to the very file behind a descriptor, whatever its name by now. unwatch before closing it. */
int watch_file(int fd);
void unwatch_file(int fd);

/* Whether the file's file system is one where others may write unseen by inotify (NFS and its like). */
bool watch_is_blind(int fd);

struct watch_event {
    uint32_t mask;    /* of inotify(7) */
    const char *name; /* of the directory's entry, or NULL; until the next call */
    int fd;           /* of the watched file, or -1 */
};

enum watch_outcome { WATCH_EVENT, WATCH_TIMEOUT, WATCH_INTERRUPTED, WATCH_FAILED };

/* timeout_s: whole seconds, at least 1; -1 waits for ever, or for a signal. */
enum watch_outcome watch_next(int timeout_s, struct watch_event *event);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inotify.h"

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"

struct watched_file {
    int wd;
    int fd;
};

/* Mutable globals for the same reason as in libinotifytools, whose place this file takes: there is one instance a process. */
static int instance = -1;
static struct watched_file *watched; /* the files, without the directory */
static size_t watched_count;
static alignas(struct inotify_event) char buffer
    [4096]; /* what the kernel told, and where in it the next event begins and the last ends */
static size_t buffer_at, buffer_end;

int inotify_open(void)
{
    instance = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return instance >= 0 ? 0 : errno;
}

void inotify_close(void)
{
    if (instance >= 0)
        close(instance);
    instance = -1;
    free(watched);
    watched = NULL;
    watched_count = buffer_at = buffer_end = 0;
}

int inotify_watch_directory(const char *path)
{
    return inotify_add_watch(instance, path, INOTIFY_DIRECTORY_EVENTS) >= 0 ? 0 : errno;
}

/* The place of the file with a watch descriptor, or watched_count. */
static size_t find_watched(int wd)
{
    size_t i = 0;
    while (i < watched_count && watched[i].wd != wd)
        i++;
    return i;
}

int inotify_watch_file(int fd)
{
    struct inotify_fd_name name = inotify_fd_name(fd);
    int wd = inotify_add_watch(instance, name.text, INOTIFY_FILE_EVENTS);
    if (wd < 0)
        return errno;
    /* A file that is open twice has one watch descriptor, and its events are those of the descriptor that came last. */
    size_t i = find_watched(wd);
    if (i == watched_count)
        watched = must_grow(watched, ++watched_count, sizeof *watched);
    watched[i] = (struct watched_file){ wd, fd };
    return 0;
}

void inotify_unwatch_file(int fd)
{
    for (size_t i = 0; i < watched_count; i++) {
        if (watched[i].fd != fd)
            continue;
        inotify_rm_watch(instance, watched[i].wd); /* fails if the file is deleted already, which ended the watch */
        watched[i] = watched[--watched_count];
        return;
    }
}

/* Waits until the kernel has events, and reads them. */
static enum inotify_outcome refill(int timeout_s)
{
    struct pollfd wanted = { .fd = instance, .events = POLLIN };
    int ready = poll(&wanted, 1, timeout_s < 0 ? -1 : timeout_s * 1000);
    if (ready == 0)
        return INOTIFY_TIMEOUT;
    ssize_t len = ready < 0 ? -1 : read(instance, buffer, sizeof buffer);
    if (len <= 0)
        return len < 0 && (errno == EINTR || errno == EAGAIN) ? INOTIFY_INTERRUPTED : INOTIFY_FAILED;
    buffer_at = 0;
    buffer_end = (size_t)len;
    return INOTIFY_EVENT;
}

enum inotify_outcome inotify_next(int timeout_s, struct inotify_notice *event)
{
    struct inotify_event raw; /* without the name, which follows it in the buffer */

    if (buffer_at == buffer_end) {
        enum inotify_outcome outcome = refill(timeout_s);
        if (outcome != INOTIFY_EVENT)
            return outcome;
    }
    memcpy(&raw, buffer + buffer_at, sizeof raw);
    size_t i = find_watched(raw.wd);
    event->mask = raw.mask;
    event->name = raw.len > 0 ? buffer + buffer_at + sizeof raw : NULL;
    event->fd = i < watched_count ? watched[i].fd : -1;
    buffer_at += sizeof raw + raw.len;
    return INOTIFY_EVENT;
}

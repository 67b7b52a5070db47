/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "inotify.h"

/* Shortens path to the directory above it. Returns false if there is none. */
static bool cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
        return false;
    if (!slash)
        strcpy(path, ".");
    else if (slash == path)
        path[1] = '\0';
    else
        *slash = '\0';
    return true;
}

/* The log's directory, or the nearest one above it that exists, where the missing part will appear. The caller frees it. */
static char *find_place(const struct follow *follow, struct stat *st)
{
    char *place = must_copy(follow->directory, strlen(follow->directory));
    while ((stat(place, st) != 0 || !S_ISDIR(st->st_mode)) && cut_last(place))
        continue;
    return place;
}

static bool is_watched(const struct follow *follow, const struct stat *st)
{
    return follow->place_watched && follow->place_device == st->st_dev && follow->place_inode == st->st_ino;
}

static void poll_instead(struct follow *follow, const char *why)
{
    follow->polling = true;
    if (follow->said_polling)
        return;
    follow->said_polling = true;
    follow_note(follow, FOLLOW_POLLING, "%s: looking every %d s", why, FOLLOW_SLOW_MS / 1000);
}

void follow_watch_file(struct follow *follow, struct followed *file)
{
    int error = follow->have_inotify ? inotify_watch_file(tail_fd(file->tail)) : 0;

    file->watched = follow->have_inotify && error == 0;
    if (error)
        poll_instead(follow, strerror(error));
    else if (inotify_is_blind(tail_fd(file->tail)))
        poll_instead(follow, "inotify does not see what other hosts write here");
}

/*
 * libinotifytools cannot remove a watch that ended by itself because its directory was deleted. So the whole instance is closed and
 * opened again. The events that are lost by that are made good by the look that follows.
 */
static void inotify_begin_anew(struct follow *follow)
{
    if (follow->have_inotify)
        inotify_close();
    int error = inotify_open();
    follow->have_inotify = error == 0;
    follow->polling = false;
    if (error)
        poll_instead(follow, strerror(error));
    for (size_t i = 0; i < follow->count; i++) {
        follow_watch_file(follow, &follow->files[i]);
        follow->files[i].ask_again = true;
    }
}

static bool watch_directory_at(struct follow *follow, const char *place, const struct stat *st)
{
    inotify_begin_anew(follow);
    int error = follow->have_inotify ? inotify_watch_directory(place) : 0;
    if (error)
        poll_instead(follow, strerror(error));
    follow->place_device = st->st_dev;
    follow->place_inode = st->st_ino;
    follow->place_is_directory = strcmp(place, follow->directory) == 0;
    follow->place_watched = follow->have_inotify && !error;
    return follow->place_watched;
}

/*
 * Watches the log's directory, or the nearest one above it that exists. There is a race:
 *
 *   1. we find that /a is the nearest directory that exists for the log /a/b/log;
 *   2. somebody makes /a/b;
 *   3. we watch /a, and no event will tell of /a/b any more.
 *
 * So the directory is found again after it is watched, until that changes nothing. If it does not settle in five attempts, or
 * nothing can be watched, the next look tries again.
 */
void follow_watch(struct follow *follow)
{
    struct stat st;
    bool again = true;
    for (int tries = 0; again && tries < 5; tries++) {
        char *place = find_place(follow, &st);
        again = !is_watched(follow, &st) && watch_directory_at(follow, place, &st);
        free(place);
    }
}

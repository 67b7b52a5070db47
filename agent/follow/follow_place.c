/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "inotify.h"

/* To the directory above, in place; false when there is none. */
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

/* The log's directory, or the nearest above it that exists: where the missing part will appear. Owned by the caller. */
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
 * A watch that ended by itself (its directory was removed) cannot be taken out of libinotifytools any more, it can only
 * be forgotten with all others. So the instance is begun anew; whatever it had not told yet is found by looking.
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
        follow->files[i].writer_stale = true;
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
 * Between finding a directory and watching it, it may be replaced, or the missing one below it may be made. So it is
 * found again after the watch is there: from then on nothing happens unseen. Where that does not settle, or there is no
 * watch, the next look tries again.
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "follow_state.h"

void follow_set_path(struct follow *follow, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t len = slash ? (size_t)(slash - path) : 0;

    free(follow->path);
    free(follow->base);
    free(follow->directory);
    follow->path = must_copy(path, strlen(path));
    follow->base = must_copy(base, strlen(base));
    follow->directory = len > 0 ? must_copy(path, len) : must_copy(slash ? "/" : ".", 1);
}

void follow_move(struct follow *follow, const char *path)
{
    if (strcmp(path, follow->path) == 0)
        return;
    follow_set_path(follow, path);
    follow_trouble_over(follow);
    follow_end_listing(follow);
    follow->has_moved = follow->owns_directory;
    follow->current = false;
    follow->absent_ms = 0;
    follow->look = true;
}

void follow_own_directory(struct follow *follow)
{
    follow->owns_directory = true;
}

void follow_allow_link(struct follow *follow)
{
    free(follow->link);
    follow->link = must_copy(follow->path, strlen(follow->path));
}

/* In a directory like /tmp anybody could make a link to another log. */
static bool link_is_trusted(const struct follow *follow, const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid() || (int64_t)st->st_uid == follow->owner;
}

void follow_resolve_link(struct follow *follow)
{
    struct stat st;
    if (!follow->link || lstat(follow->link, &st) != 0)
        return;
    char *target = S_ISLNK(st.st_mode) && link_is_trusted(follow, &st) ? realpath(follow->link, NULL) : NULL;
    follow->is_linked = S_ISLNK(st.st_mode);
    if (target)
        follow_move(follow, target);
    else if (!S_ISLNK(st.st_mode))
        follow_move(follow, follow->link);
    free(target);
}

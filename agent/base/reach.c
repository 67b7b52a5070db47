/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/strbuf.h"

/* Non-blocking, since what has that name may be a FIFO. */
static bool open_is_refused(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd >= 0)
        close(fd);
    return fd < 0 && errno == EACCES;
}

bool reach_is_lost(const char *path, enum reach_for what)
{
    const char *slash = strrchr(path, '/');
    char *directory = !slash ? must_copy(".", 1) : must_copy(path, slash == path ? 1 : (size_t)(slash - path));
    bool lost;
    if (what == REACH_REPLACE)
        lost = access(directory, W_OK | X_OK) == 0 && open_is_refused(directory, O_TMPFILE | O_WRONLY);
    else if (access(path, R_OK) == 0)
        lost = open_is_refused(path, O_RDONLY);
    else /* it may come to be there later */
        lost = access(directory, R_OK | X_OK) == 0 && open_is_refused(directory, O_RDONLY | O_DIRECTORY);
    free(directory);
    return lost;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/std_streams.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void std_streams_open(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        /* The lowest free descriptor is taken, and all below this one are open. */
        if (open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) != fd)
            abort();
    }
}

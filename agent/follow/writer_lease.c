/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "writer_lease.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/*
 * The kernel refuses a read lease (fcntl(2), F_SETLEASE) while any process has the inode open for writing. A forked child that
 * still holds the descriptor counts; a second reader does not. We want only the answer, so a lease that is granted is given
 * back at once. In between:
 *
 *   1. we hold the lease for about a microsecond;
 *   2. another process opens the file for writing: the kernel makes it wait, and sends us SIGIO;
 *   3. we give the lease back, and the other process goes on.
 *
 * SIGIO would end our process, and we need no reminder: it is ignored.
 */
void writer_lease_prepare(void)
{
    signal(SIGIO, SIG_IGN);
}

enum follow_writer writer_lease_ask(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
        return WRITER_ABSENT;
    }
    /* Any other error is no answer: EACCES without the right to ask, EINVAL where there are no leases. */
    return errno == EAGAIN ? WRITER_PRESENT : WRITER_UNKNOWN;
}

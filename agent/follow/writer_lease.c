/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "writer_lease.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/*
 * The kernel refuses a read lease (fcntl(2)) while the inode is open for writing, by whatever descriptor of whatever
 * process: a fork that still holds it counts, a second reader does not. Granted, the lease is given back at once; only
 * the answer is wanted. In between:
 *
 *   1. we hold the lease, for a microsecond or so;
 *   2. somebody opens the file for writing: the kernel holds him up and sends us SIGIO;
 *   3. we give the lease back, he goes on and never notices.
 *
 * SIGIO would end the process by default, and we give back without being asked: it is ignored.
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
    /* Anything but EAGAIN is not an answer: EACCES without the right to ask, EINVAL where there are no leases. */
    return errno == EAGAIN ? WRITER_PRESENT : WRITER_UNKNOWN;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inotify.h"

#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/vfs.h>

struct inotify_fd_name inotify_fd_name(int fd)
{
    struct inotify_fd_name name;
    snprintf(name.text, sizeof name.text, INOTIFY_FD_DIRECTORY "%d", fd);
    return name;
}

bool inotify_is_blind(int fd)
{
    static const unsigned long KINDS[] = { NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC,
                                           FUSE_SUPER_MAGIC, V9FS_MAGIC,      AFS_SUPER_MAGIC,  AFS_FS_MAGIC,
                                           CODA_SUPER_MAGIC, CEPH_SUPER_MAGIC };
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0)
        return false;
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (((unsigned long)fs.f_type & 0xFFFFFFFF) == KINDS[i])
            return true;
    return false;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/budgets.h"
#include "host.h"

/* Looks at file systems and at /proc. What cannot be read here (ProcSubset=pid, ProtectProc=) is left as not known. */

/* As much of a file as is needed; "" if it cannot be read. */
static void read_proc(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, room - 1);
    text[got < 0 ? 0 : got] = '\0';
    if (fd >= 0)
        close(fd);
}

/* The number behind a word; -1 if it does not stand there. */
static int64_t number_behind(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    char *end = NULL;
    long long number = at ? strtoll(at + strlen(word), &end, 10) : -1;
    return at && end != at + strlen(word) && number >= 0 ? number : -1;
}

/* The folder is asked: the file itself may be gone. */
static void look_at_disk(const char *path, struct disk_facts *disk)
{
    struct statvfs status;
    const char *slash = strrchr(path, '/');
    char *folder = slash && slash > path ? must_copy(path, (size_t)(slash - path)) : must_copy(slash ? "/" : ".", 1);
    bool is_known = statvfs(path, &status) == 0 || statvfs(folder, &status) == 0;
    free(folder);
    if (!is_known)
        return;
    *disk = (struct disk_facts){
        .known = true,
        .free_bytes = (uint64_t)status.f_bavail * status.f_frsize,
        .files = status.f_files,
        .free_files = status.f_favail,
    };
}

int64_t host_count_oom_kills(void)
{
    char text[PROC_FILE_MAX_BYTES];
    read_proc("/proc/vmstat", text, sizeof text);
    return number_behind(text, "\noom_kill ");
}

char host_process_state(const char *stat)
{
    const char *end = strrchr(stat, ')'); /* the name in parentheses may hold anything, also parentheses */
    return end && end[1] == ' ' && strchr("RSDZTtWXxKPI", end[2]) ? end[2] : 0;
}

static char look_at_process(uint32_t process)
{
    char path[64], text[PROC_FILE_MAX_BYTES];
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", process);
    read_proc(path, text, sizeof text);
    return host_process_state(text);
}

void host_look(const char *const paths[DISKS], uint32_t process, struct host_facts *facts)
{
    char text[PROC_FILE_MAX_BYTES];
    *facts = (struct host_facts){ .process = process };
    for (size_t i = 0; i < DISKS; i++)
        if (paths[i])
            look_at_disk(paths[i], &facts->disks[i]);
    read_proc("/proc/meminfo", text, sizeof text);
    facts->memory_kb = number_behind(text, "MemTotal:");
    facts->free_memory_kb = number_behind(text, "MemAvailable:");
    read_proc("/proc/pressure/memory", text, sizeof text);
    facts->stalled_percent = number_behind(text, "avg60=");
    facts->oom_kills = host_count_oom_kills();
    facts->process_state = process ? look_at_process(process) : 0;
}

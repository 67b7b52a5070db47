/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_HOST_H
#define WITNESS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Inside the room: host.c asks in a thread, host_look.c looks at the host, host_judge.c judges what it saw. */

enum host_disk { DISK_LOG, DISK_HISTORY, DISK_WAREHOUSE, DISKS };

/* Of a file system. What could not be asked is not known, and accuses nobody. */
struct disk_facts {
    bool known; /* whether it is read-only is not asked: the agent's own unit makes everything read-only for it */
    uint64_t free_bytes;        /* for those who are not root */
    uint64_t files, free_files; /* files 0: it does not count them */
};

struct host_facts {
    struct disk_facts disks[DISKS];
    int64_t memory_kb, free_memory_kb; /* -1: not known, likewise below */
    int64_t stalled_percent;           /* of the last minute in which some task waited for memory */
    int64_t oom_kills;                 /* since the host booted */
    char process_state;                /* of the scheduler's process, as in proc(5); 0: not known */
    uint32_t process;
};

enum { HOST_FINDINGS_MAX = 8 };

/* Something that is wrong. */
struct host_finding {
    const char *kind; /* of the trouble, as in the table of causes; "": it explains nothing by itself */
    struct strbuf words;
};

struct host_findings {
    struct host_finding at[HOST_FINDINGS_MAX];
    size_t count;
    bool disks_seen, memory_seen; /* all disks that are configured, and how much memory is free */
};

/* Said where host_say_well has nothing to say. */
#define HOST_NOT_SEEN "neither all disks nor memory can be seen"

/* paths: of the disks, NULL for none. oom_before: the kills that were known at the newest good cycle; -1: not known. */
void host_judge(const struct host_facts *facts, const char *const paths[DISKS], int64_t oom_before,
                struct host_findings *findings);
/* What is well where nothing was found to be wrong; NULL if so little was seen that it says nothing. */
const char *host_say_well(const struct host_findings *findings);
void host_forget(struct host_findings *findings);

/* Looks at everything. It may hang for as long as a network mount does. process: the scheduler's; 0: not known. */
void host_look(const char *const paths[DISKS], uint32_t process, struct host_facts *facts);
/* The kills for lack of memory since the host booted; -1: not known. */
int64_t host_count_oom_kills(void);
/* The state letter in a line of /proc/PID/stat, whatever the process calls itself; 0 if it is none. */
char host_process_state(const char *stat);

#endif

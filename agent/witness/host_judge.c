/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>

#include "host.h"

/* What of the host's state is wrong. */

enum {
    DISK_FULL_BYTES = 64 * 1024, /* less than that is full: Python's log handler writes as much at once */
    MEMORY_SHORT_PERCENT = 2,
    STALLED_MUCH_PERCENT = 40 /* of a minute: the host does hardly anything but wait for memory */
};

/* There are fewer judgements below than HOST_FINDINGS_MAX. */
static struct strbuf *finding_begin(struct host_findings *findings, const char *kind)
{
    findings->at[findings->count].kind = kind;
    return &findings->at[findings->count++].words;
}

static void judge_disk(const struct disk_facts *disk, enum host_disk which, const char *path,
                       struct host_findings *findings)
{
    static const char *const kinds[DISKS] = { "log-disk-full", "", "warehouse-disk-full" };
    static const char *const names[DISKS] = { "the log's disk", "the disk of the agent's history",
                                              "the warehouse's disk" };
    if (!disk->known || !path)
        return;
    if (disk->free_bytes < DISK_FULL_BYTES)
        strbuf_printf(finding_begin(findings, kinds[which]), "%s is full: %" PRIu64 " bytes are free at %s",
                      names[which], disk->free_bytes, path);
    else if (disk->files && disk->free_files == 0)
        strbuf_printf(finding_begin(findings, kinds[which]), "%s is full: no file can be made at %s (no inode is free)",
                      names[which], path);
}

static void judge_process(const struct host_facts *facts, struct host_findings *findings)
{
    if (facts->process_state == 'T' || facts->process_state == 't')
        strbuf_printf(finding_begin(findings, "process-stopped"),
                      "the scheduler's process %" PRIu32 " is stopped (state %c): a SIGSTOP, or a debugger",
                      facts->process, facts->process_state);
    else if (facts->process_state == 'D')
        strbuf_printf(finding_begin(findings, "process-waits"),
                      "the scheduler's process %" PRIu32
                      " waits for a disk or a mount and cannot be interrupted (state D)",
                      facts->process);
    else if (facts->process_state == 'Z')
        strbuf_printf(finding_begin(findings, ""),
                      "the scheduler's process %" PRIu32 " has ended, and nobody has taken note (state Z)",
                      facts->process);
}

static void judge_memory(const struct host_facts *facts, int64_t oom_before, struct host_findings *findings)
{
    int64_t killed = facts->oom_kills - oom_before;
    if (findings->memory_seen && facts->free_memory_kb < facts->memory_kb / 100 * MEMORY_SHORT_PERCENT)
        strbuf_printf(finding_begin(findings, ""), "memory is short: %" PRId64 " of %" PRId64 " MB are available",
                      facts->free_memory_kb / 1024, facts->memory_kb / 1024);
    if (facts->stalled_percent >= STALLED_MUCH_PERCENT)
        strbuf_printf(finding_begin(findings, ""),
                      "memory is short: tasks waited for it in %" PRId64 " %% of the last minute",
                      facts->stalled_percent);
    if (oom_before >= 0 && facts->oom_kills >= 0 && killed > 0)
        strbuf_printf(finding_begin(findings, ""),
                      "the kernel has killed %" PRId64 " process%s for lack of memory since the last cycle", killed,
                      killed == 1 ? "" : "es");
}

void host_judge(const struct host_facts *facts, const char *const paths[DISKS], int64_t oom_before,
                struct host_findings *findings)
{
    findings->disks_seen = true;
    findings->memory_seen = facts->memory_kb > 0 && facts->free_memory_kb >= 0;
    for (size_t i = 0; i < DISKS; i++) {
        findings->disks_seen = findings->disks_seen && (facts->disks[i].known || !paths[i]);
        judge_disk(&facts->disks[i], (enum host_disk)i, paths[i], findings);
    }
    judge_process(facts, findings);
    judge_memory(facts, oom_before, findings);
}

const char *host_say_well(const struct host_findings *findings)
{
    if (findings->disks_seen && findings->memory_seen)
        return "disks and memory have room";
    if (findings->disks_seen)
        return "disks have room; memory is not seen";
    return findings->memory_seen ? "memory has room; not every disk is seen" : NULL;
}

void host_forget(struct host_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        strbuf_free(&findings->at[i].words);
    findings->count = 0;
}

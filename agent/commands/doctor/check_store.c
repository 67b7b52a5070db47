/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agent/commands/show/format.h"
#include "doctor.h"

/* The agent itself, what it says of itself in its history, and room on the disks. */

enum { FREE_PERCENT_WARNING = 5, FREE_PERCENT_CRITICAL = 1, FREE_MB_WARNING = 100 };

static void check_agent(struct doctor *doctor)
{
    static const char start[] = "sudo systemctl enable --now iceberg-offload-agent";
    const struct status *status = &doctor->status;
    struct strbuf since = { 0 };
    switch (status->agent) {
    case AGENT_NEVER:
        doctor_found(doctor, "agent", STATUS_CRITICAL, start, "no agent ever ran on this history");
        return;
    case AGENT_STOPPED: doctor_found(doctor, "agent", STATUS_CRITICAL, start, "it does not run"); return;
    case AGENT_RUNNING: break;
    }
    format_duration(&since, elapsed_ms(status->started_ms, status->now_ms) / 1000 * 1000);
    doctor_found(doctor, "agent", STATUS_OK, NULL, "it runs, pid %" PRId64 ", for %s", status->pid,
                 strbuf_text(&since));
    strbuf_free(&since);
    for (int reason = 0; reason < BLIND_REASONS; reason++)
        if (status->blindness[reason] && reason != BLIND_UNWRITABLE)
            doctor_found(doctor, "agent", STATUS_WARNING, "agent status", "it is blind: %s", status->blindness[reason]);
}

static void check_history(struct doctor *doctor)
{
    const struct history_trouble *trouble = &doctor->status.trouble;
    if (trouble->failures)
        doctor_found(doctor, "history", STATUS_CRITICAL, "df -h; ls -ld /var/lib/iceberg-offload-agent",
                     "the agent cannot write it: %s", strbuf_text(&trouble->why));
    else
        doctor_found(doctor, "history", STATUS_OK, NULL, "%s can be read", doctor->config->history_db);
}

static void check_disk(struct doctor *doctor, const char *check, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory =
        slash && slash != path ? must_copy(path, (size_t)(slash - path)) : must_copy(slash ? "/" : ".", 1);
    struct statvfs fs;
    if (statvfs(directory, &fs) == 0 && fs.f_blocks > 0) {
        uint64_t free_mb = (uint64_t)fs.f_bavail * fs.f_frsize >> 20,
                 percent = 100 * (uint64_t)fs.f_bavail / fs.f_blocks;
        bool no_files = fs.f_files > 0 && fs.f_favail == 0;
        enum status_level level = percent < FREE_PERCENT_CRITICAL || no_files                   ? STATUS_CRITICAL
                                  : percent < FREE_PERCENT_WARNING || free_mb < FREE_MB_WARNING ? STATUS_WARNING
                                                                                                : STATUS_OK;
        struct strbuf mend = { 0 };
        strbuf_printf(&mend, "df -hi '%s'; sudo du -xh '%s' | sort -h | tail", directory, directory);
        doctor_found(doctor, check, level, level == STATUS_OK ? NULL : strbuf_text(&mend),
                     "%s: %" PRIu64 " MB free, %" PRIu64 " %%%s", directory, free_mb, percent,
                     no_files ? ", and no more files can be made" : "");
        strbuf_free(&mend);
    }
    free(directory);
}

void doctor_check_store(struct doctor *doctor)
{
    if (doctor->history_read) {
        check_agent(doctor);
        check_history(doctor);
    }
    check_disk(doctor, "disk", doctor->config->log_path);
    check_disk(doctor, "disk", doctor->config->history_db);
}

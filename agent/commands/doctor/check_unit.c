/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

/* What systemd says of the scheduler, and what the agent's own unit hides from it. */

static void found_state(struct doctor *doctor, const char *unit, enum unit_state state, const char *words)
{
    struct strbuf mend = { 0 };
    enum status_level level = STATUS_OK;
    if (state == UNIT_GIVEN_UP)
        level = STATUS_CRITICAL;
    else if (state != UNIT_RUNS)
        level = STATUS_WARNING;
    if (state == UNIT_GIVEN_UP || state == UNIT_RESTARTING)
        strbuf_printf(&mend, "journalctl -u %s -n 50", unit);
    else if (state == UNIT_NOT_KNOWN)
        strbuf_puts(&mend, "systemctl list-units --type=service   # [scheduler] unit names one of them");
    else
        strbuf_printf(&mend, "sudo systemctl start %s", unit);
    doctor_found(doctor, "scheduler", level, level == STATUS_OK ? NULL : strbuf_text(&mend), "systemd says of %s: %s",
                 unit, words);
    strbuf_free(&mend);
}

static void check_state(struct doctor *doctor)
{
    const char *unit = doctor->config->scheduler_unit;
    bool is_default = unit && strcmp(unit, UNIT_DEFAULT_NAME) == 0;
    enum unit_state state = UNIT_NOT_KNOWN;
    struct strbuf words = { 0 };
    if (!unit || !*unit)
        doctor_found(doctor, "scheduler", STATUS_OK, NULL, "systemd is not asked about it ([scheduler] unit is empty)");
    else if (is_default && access("/run/systemd/system", F_OK) != 0)
        doctor_found(doctor, "scheduler", STATUS_OK, NULL, "systemd does not run here, and is not asked about it");
    else if (!unit_ask(unit, &state, &words))
        doctor_found(doctor, "scheduler", STATUS_WARNING, "systemctl status dbus.socket",
                     "systemd cannot be asked about %s: %s", unit, strbuf_text(&words));
    else if (state == UNIT_NOT_KNOWN && is_default)
        doctor_found(doctor, "scheduler", STATUS_OK, NULL, "systemd knows no %s; [scheduler] unit may name another one",
                     unit);
    else
        found_state(doctor, unit, state, strbuf_text(&words));
    strbuf_free(&words);
}

static bool file_says(const char *path, const char *line)
{
    char text[512];
    FILE *file = fopen(path, "re");
    bool says = false;
    while (file && !says && fgets(text, sizeof text, file))
        says = strncmp(text, line, strlen(line)) == 0;
    if (file)
        fclose(file);
    return says;
}

/* True if a drop-in of the agent's unit has this line. */
static bool drop_in_says(const char *line)
{
    glob_t found;
    bool says = false;
    if (glob("/etc/systemd/system/iceberg-offload-agent.service.d/*.conf", 0, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc && !says; i++)
        says = file_says(found.gl_pathv[i], line);
    globfree(&found);
    return says;
}

void doctor_check_unit(struct doctor *doctor)
{
    check_state(doctor);
    bool memory = drop_in_says("ProcSubset=all"), processes = drop_in_says("ProtectProc=default");
    if (memory && processes)
        doctor_found(doctor, "host", STATUS_OK, NULL,
                     "the agent's unit lets it see memory and the scheduler's process");
    else
        doctor_found(doctor, "host", STATUS_OK, NULL,
                     "disks are looked at; the agent's unit hides %s from it, which `systemctl edit "
                     "iceberg-offload-agent` shows: "
                     "[Service] %s%s%s",
                     memory ? "the scheduler's process" : "memory and the scheduler's process",
                     memory ? "" : "ProcSubset=all", memory || processes ? "" : " ",
                     processes ? "" : "ProtectProc=default");
}

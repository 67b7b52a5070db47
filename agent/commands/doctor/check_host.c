/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/timex.h>
#include <unistd.h>

#include "agent/commands/show/format.h"
#include "doctor.h"

/* What stands beside the log: the components that are asked, the service manager's units, the clock. */

static void check_probes(struct doctor *doctor)
{
    struct probes *probes = probes_open(doctor->config);
    if (probes)
        probes_ask(probes);
    else
        doctor_found(doctor, "probes", STATUS_OK, NULL,
                     "none is configured; a [probe NAME] of ClickHouse makes its failure critical at once");
    for (size_t i = 0; i < probes_count(probes); i++) {
        const struct probe_answer *answer = probes_answer(probes, i);
        struct strbuf mend = { 0 };
        strbuf_printf(&mend, "agent check-config --verbose | grep -A3 'probe %s'; curl -v '%s'", answer->name,
                      answer->target);
        bool up = answer->state == PROBE_UP;
        doctor_found(doctor, "probe", up ? STATUS_OK : STATUS_WARNING, up ? NULL : strbuf_text(&mend),
                     "%s (%s) is %s: %s", answer->name, answer->target, probe_state_name(answer->state),
                     strbuf_text(&answer->words));
        strbuf_free(&mend);
    }
    probes_close(probes);
}

/* The shipped unit keeps more from the agent than a person on a terminal notices. */
static void check_drop_in(struct doctor *doctor)
{
    struct witness_needs needs = witness_needs_of(doctor->config);
    struct strbuf lines = { 0 };
    if (drop_in_lines(&needs, "  ", &lines))
        doctor_found(doctor, "drop-in", STATUS_OK, NULL,
                     "the service may read what is configured only with these lines "
                     "(sudo systemctl edit iceberg-offload-agent):%s",
                     strbuf_text(&lines));
    strbuf_free(&lines);
}

static void check_watermark(struct doctor *doctor)
{
    enum witness_state state;
    struct strbuf words = { 0 };
    if (watermark_check(doctor->config, &state, &words)) {
        bool well = state == WITNESS_WELL;
        doctor_found(doctor, "watermark", well ? STATUS_OK : STATUS_WARNING,
                     well ? NULL
                          : "sudo apt-get install libpq5; agent check-config --verbose | grep -A7 '\\[watermark'",
                     "%s", strbuf_text(&words));
    }
    strbuf_free(&words);
}

static void check_prefect(struct doctor *doctor)
{
    enum witness_state state;
    struct strbuf words = { 0 };
    if (prefect_check(doctor->config, &state, &words)) {
        bool well = state == WITNESS_WELL;
        doctor_found(doctor, "prefect", well ? STATUS_OK : STATUS_WARNING,
                     well ? NULL
                          : "docker ps --filter name=k2-prefect; agent check-config --verbose | grep -A9 '\\[prefect'",
                     "%s", strbuf_text(&words));
    }
    strbuf_free(&words);
}

static FILE *open_unit(const char *unit)
{
    static const char *const places[] = { "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                          "/usr/lib/systemd/system", "/lib/systemd/system" };
    FILE *file = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && !file; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", places[i], unit);
        file = fopen(path, "re");
    }
    return file;
}

static bool unit_has_private_tmp(FILE *unit)
{
    static const char key[] = "PrivateTmp=";
    char line[512];
    bool private_tmp = false;
    while (fgets(line, sizeof line, unit)) {
        const char *value = line + sizeof key - 1;
        if (strncmp(line, key, sizeof key - 1) == 0)
            private_tmp = strncasecmp(value, "y", 1) == 0 || strncasecmp(value, "t", 1) == 0 || *value == '1' ||
                          strncasecmp(value, "on", 2) == 0;
    }
    return private_tmp;
}

/* A writer with a /tmp of its own writes a log that nobody else finds. */
static void check_scheduler_unit(struct doctor *doctor)
{
    const char *path = doctor->config->log_path;
    FILE *unit = open_unit("iceberg-offload-scheduler.service");
    if (!unit) {
        doctor_found(doctor, "scheduler", STATUS_OK, NULL, "no unit iceberg-offload-scheduler.service on this host");
        return;
    }
    bool in_tmp = strncmp(path, "/tmp/", 5) == 0 || strncmp(path, "/var/tmp/", 9) == 0;
    if (unit_has_private_tmp(unit) && in_tmp)
        doctor_found(
            doctor, "scheduler", STATUS_CRITICAL,
            "sudo systemctl edit iceberg-offload-scheduler   # [Service] PrivateTmp=no, or another path of the log",
            "its unit has PrivateTmp=yes, so that its %s is another file than the agent's", path);
    else
        doctor_found(doctor, "scheduler", STATUS_OK, NULL, "its unit is there and lets others see its log");
    fclose(unit);
}

static void check_agent_unit(struct doctor *doctor)
{
    bool systemd = access("/run/systemd/system", F_OK) == 0;
    FILE *unit = open_unit("iceberg-offload-agent.service");
    if (unit)
        fclose(unit);
    if (!systemd)
        doctor_found(doctor, "unit", STATUS_OK, NULL, "systemd does not run here: something else must start the agent");
    else if (!unit)
        doctor_found(doctor, "unit", STATUS_WARNING, "sudo make install && sudo systemctl daemon-reload",
                     "the agent has no unit, so that nothing starts it again after a reboot");
    else
        doctor_found(doctor, "unit", STATUS_OK, NULL, "iceberg-offload-agent.service is installed");
}

static void check_clock(struct doctor *doctor)
{
    static const int64_t PLAUSIBLE_MS = INT64_C(1767225600000); /* 2026-01-01: no agent is older */
    struct timex state = { 0 };
    int64_t now_ms = show_now_ms();
    int answer = adjtimex(&state);
    if (now_ms < PLAUSIBLE_MS)
        doctor_found(doctor, "clock", STATUS_CRITICAL, "sudo timedatectl set-ntp true",
                     "the host's clock is years behind");
    else if (answer < 0)
        doctor_found(doctor, "clock", STATUS_OK, NULL, "whether it is synchronised cannot be asked: %s",
                     strerror(errno));
    else if (answer == TIME_ERROR || (state.status & STA_UNSYNC))
        doctor_found(doctor, "clock", STATUS_WARNING, "sudo timedatectl set-ntp true; timedatectl",
                     "the host's clock is not synchronised with others");
    else
        doctor_found(doctor, "clock", STATUS_OK, NULL, "the host's clock is synchronised");
}

void doctor_check_host(struct doctor *doctor)
{
    check_probes(doctor);
    check_watermark(doctor);
    check_prefect(doctor);
    check_scheduler_unit(doctor);
    check_agent_unit(doctor);
    check_drop_in(doctor);
    check_clock(doctor);
}

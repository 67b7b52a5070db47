/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/commands/show/format.h"
#include "base/clock.h"
#include "status.h"

/* A notification that waits for longer than this waits for more than a receiver's short restart. */
static const int64_t UNDELIVERED_MS = 5 * 60000;

const char *status_level_name(enum status_level level)
{
    static const char *const names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
    return names[level];
}

enum { CLOCK_MARGIN_MS = 10000 };

/* When a process began, as Unix time; -1 if /proc does not tell (proc(5), /proc/PID/stat). */
static int64_t process_start_ms(int64_t pid)
{
    char path[64], text[1024];
    int64_t start = -1;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    /* The name in parentheses may hold anything, so the fields are counted behind it: starttime, field 22, is the 20th there. */
    const char *field = strrchr(text, ')');
    for (int i = 0; field && i < 20; i++)
        field = strchr(field + 1, ' ');
    if (field) {
        int64_t began_ms = strtoll(field, NULL, 10) * 1000 / sysconf(_SC_CLK_TCK); /* since the boot */
        start = clock_now_ms() - clock_since_boot_ms() + began_ms;
    }
    return start;
}

/*
 * The pid alone does not tell: 1. the agent dies, 2. the kernel gives its pid to another process, 3. that one would be taken for the
 * agent. A process that began later than the agent said it started is another one. The margin is for a clock that was set since.
 */
enum status_agent status_probe_agent(int64_t pid, int64_t started_ms)
{
    if (pid <= 0 || pid > INT_MAX)
        return AGENT_NEVER;
    if (kill((pid_t)pid, 0) != 0 && errno != EPERM)
        return AGENT_STOPPED;
    return process_start_ms(pid) > started_ms + CLOCK_MARGIN_MS ? AGENT_STOPPED : AGENT_RUNNING;
}

static void status_worsen(struct status *status, enum status_level level, const char *what)
{
    if (level > status->level)
        status->level = level;
    strbuf_printf(&status->why, "%s%s", status->why.len ? ", " : "", what);
}

static void judge_incidents(struct status *status)
{
    int64_t critical = status->open_critical, warning = status->open_incidents - critical;
    char text[64];
    snprintf(text, sizeof text, "%" PRId64 " critical incident%s open", critical, critical == 1 ? "" : "s");
    if (critical)
        status_worsen(status, STATUS_CRITICAL, text);
    snprintf(text, sizeof text, "%" PRId64 " warning%s open", warning, warning == 1 ? "" : "s");
    if (warning)
        status_worsen(status, STATUS_WARNING, text);
}

static void judge_lag(struct status *status)
{
    const struct status_lag *worst = NULL;
    for (size_t i = 0; i < status->lag_count; i++)
        if (!worst || status->lags[i].level > worst->level ||
            (status->lags[i].level == worst->level && status->lags[i].last_success_ms < worst->last_success_ms))
            worst = &status->lags[i];
    if (!worst || worst->level == STATUS_OK)
        return;
    struct strbuf text = { 0 };
    strbuf_puts(&text, "lag ");
    if (worst->last_success_ms)
        format_duration(&text, worst->lag_ms);
    else
        strbuf_puts(&text, "unknown, no success");
    strbuf_printf(&text, " (%s)", worst->table);
    status_worsen(status, worst->level, strbuf_text(&text));
    strbuf_free(&text);
}

static void judge_delivery(struct status *status)
{
    for (size_t i = 0; i < status->webhook_count; i++) {
        const struct status_webhook *webhook = &status->webhooks[i];
        bool stuck = webhook->pending && status->now_ms - webhook->oldest_pending_ms > UNDELIVERED_MS;
        struct strbuf text = { 0 };
        strbuf_printf(&text, "webhook %s does not deliver", webhook->name);
        if (stuck || webhook->refused || webhook->refresh_error)
            status_worsen(status, STATUS_WARNING, strbuf_text(&text));
        strbuf_free(&text);
    }
}

/* A component that is down is a warning only: no cycle has failed yet because of it. */
static void judge_probes(struct status *status)
{
    for (size_t i = 0; i < probes_count(status->probes); i++) {
        const struct probe_answer *answer = probes_answer(status->probes, i);
        struct strbuf text = { 0 };
        if (answer->kind == PROBE_METRICS)
            strbuf_puts(&text, "the metrics page does not answer");
        else
            strbuf_printf(&text, "%s is down", answer->name);
        if (answer->state == PROBE_DOWN)
            status_worsen(status, STATUS_WARNING, strbuf_text(&text));
        strbuf_free(&text);
    }
}

/* What the agent stored while it could store it. Of a stopped agent the end is said, and that the history is not written is known better. */
static void judge_blindness(struct status *status)
{
    for (int reason = 0; reason < BLIND_REASONS; reason++)
        if (status->blindness[reason] && status->agent == AGENT_RUNNING && reason != BLIND_UNWRITABLE)
            status_worsen(status, STATUS_WARNING, status->blindness[reason]);
}

void status_judge(struct status *status)
{
    judge_blindness(status);
    judge_incidents(status);
    judge_lag(status);
    judge_probes(status);
    judge_delivery(status);
    if (status->trouble.failures)
        status_worsen(status, STATUS_WARNING, "the history is not written");
    if (status->agent == AGENT_STOPPED)
        status_worsen(status, STATUS_WARNING, "the agent is not running");
    if (status->agent == AGENT_RUNNING && !status->understood) {
        status_worsen(status, STATUS_UNKNOWN, "no line of the log was ever understood");
        status->level = STATUS_UNKNOWN;
    }
    if (status->agent == AGENT_NEVER) {
        status_worsen(status, STATUS_UNKNOWN, "the agent never ran on this history");
        status->level = STATUS_UNKNOWN;
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/zone.h"
#include "first_line.h"
#include "text_private.h"

/* A notification that waits for longer than this waits for more than a receiver's short restart. */
static const int64_t UNDELIVERED_MS = 5 * 60000;

bool status_webhook_is_stuck(const struct status *status, const struct status_webhook *webhook)
{
    bool is_late = webhook->pending && elapsed_ms(webhook->oldest_pending_ms, status->now_ms) > UNDELIVERED_MS;
    return is_late || webhook->refused || webhook->refresh_error;
}

const char *status_level_name(enum status_level level)
{
    static const char *const names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
    return names[level];
}

enum { CLOCK_MARGIN_MS = 10000 };

/* What /proc tells of a process (proc(5), /proc/PID/stat). */
struct process {
    int64_t start_ms; /* Unix time; -1: not told */
    char state;       /* 'R', 'S', 'Z' ...; 0: not told */
};

static struct process process_read(int64_t pid)
{
    char path[64], text[1024];
    struct process process = { -1, '\0' };
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return process;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    /* The name in parentheses may hold anything, so the fields are counted behind it: starttime, field 22, is the 20th there. */
    const char *field = strrchr(text, ')');
    if (field && field[1] == ' ')
        process.state = field[2];
    for (int i = 0; field && i < 20; i++)
        field = strchr(field + 1, ' ');
    if (field) {
        int64_t began_ms = strtoll(field, NULL, 10) * 1000 / sysconf(_SC_CLK_TCK); /* since the boot */
        process.start_ms = clock_now_ms() - clock_since_boot_ms() + began_ms;
    }
    return process;
}

/* One that is dead and whose parent has not asked for its end yet, or one that a signal has stopped, does nothing. */
static bool process_is_at_work(const struct process *process)
{
    return !process->state || !strchr("ZXT", process->state);
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
    struct process process = process_read(pid);
    bool is_another = process.start_ms > started_ms + CLOCK_MARGIN_MS;
    return is_another || !process_is_at_work(&process) ? AGENT_STOPPED : AGENT_RUNNING;
}

/* What is wrong, in words, for each level. */
struct reasons {
    struct strbuf at[STATUS_UNKNOWN + 1];
};

static void reasons_add(struct reasons *reasons, enum status_level level, const char *what)
{
    struct strbuf *text = &reasons->at[level];
    strbuf_printf(text, "%s%s", text->len ? ", " : "", what);
}

/* The level is the worst of all; a reason of the level UNKNOWN is no worse than others, and makes the whole unknown all the same. */
static void reasons_take(struct reasons *reasons, struct status *status)
{
    static const enum status_level order[] = { STATUS_CRITICAL, STATUS_UNKNOWN, STATUS_WARNING };
    status->level = STATUS_OK;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        struct strbuf *text = &reasons->at[order[i]];
        if (text->len == 0)
            continue;
        strbuf_printf(&status->why, "%s%s", status->why.len ? ", " : "", text->at);
        status->level = order[i] > status->level ? order[i] : status->level;
        strbuf_free(text);
    }
}

void status_add_note(struct strbuf *text, const char *note)
{
    bool ends_with_one = text->len > 0 && text->at[text->len - 1] == ')';
    if (ends_with_one)
        text->at[--text->len] = '\0';
    strbuf_printf(text, "%s%s)", ends_with_one ? ", " : " (", note);
}

static enum status_level incident_level(const struct status_incident *incident)
{
    return strcmp(incident->severity, "critical") == 0 ? STATUS_CRITICAL : STATUS_WARNING;
}

/* The worst by its name, the others by their number. */
static void judge_incidents(const struct status *status, struct reasons *reasons)
{
    struct strbuf text = { 0 };
    char note[40];
    if (status->incident_count == 0)
        return;
    const struct status_incident *worst = &status->incidents[0];
    first_line_named(worst->summary ? worst->summary : worst->alert, worst->likely_cause, worst->onset_ms,
                     status->as_of_ms, zone_clock_words, &text);
    snprintf(note, sizeof note, "incident %" PRId64, worst->id);
    status_add_note(&text, note);
    if (status->open_incidents > 1)
        strbuf_printf(&text, ", %" PRId64 " more incident%s open", status->open_incidents - 1,
                      status->open_incidents == 2 ? "" : "s");
    reasons_add(reasons, incident_level(worst), strbuf_text(&text));
    strbuf_free(&text);
}

static bool is_worse(const struct status_lag *lag, const struct status_lag *than)
{
    return lag->level != than->level ? lag->level > than->level : lag->last_success_ms < than->last_success_ms;
}

/* An open incident that is as bad says more of a lag than the lag itself. */
static void judge_lag(const struct status *status, struct reasons *reasons)
{
    const struct status_lag *worst = NULL;
    int64_t others = -1;
    for (size_t i = 0; i < status->lag_count; i++) {
        worst = !worst || is_worse(&status->lags[i], worst) ? &status->lags[i] : worst;
        others += status->lags[i].level != STATUS_OK;
    }
    if (!worst || worst->level == STATUS_OK ||
        (status->incident_count && incident_level(&status->incidents[0]) >= worst->level))
        return;
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s without a success ", worst->table);
    if (worst->last_success_ms) {
        strbuf_puts(&text, "for ");
        duration_words(worst->lag_ms, &text);
    } else {
        strbuf_puts(&text, "in its last 200 cycles");
    }
    if (others > 0)
        strbuf_printf(&text, ", %" PRId64 " more table%s late", others, others == 1 ? "" : "s");
    reasons_add(reasons, worst->level, strbuf_text(&text));
    strbuf_free(&text);
}

static void judge_delivery(const struct status *status, struct reasons *reasons)
{
    enum { NAMED = 3 };
    struct strbuf text = { 0 };
    size_t stuck = 0;
    for (size_t i = 0; i < status->webhook_count; i++)
        if (status_webhook_is_stuck(status, &status->webhooks[i]) && ++stuck <= NAMED)
            strbuf_printf(&text, "%s%s", text.len ? ", " : "webhook ", status->webhooks[i].name);
    if (stuck > NAMED)
        strbuf_printf(&text, " and %zu more", stuck - NAMED);
    if (stuck > 0) {
        strbuf_puts(&text, stuck == 1 ? " does not deliver" : " do not deliver");
        reasons_add(reasons, STATUS_WARNING, strbuf_text(&text));
    }
    strbuf_free(&text);
}

/* A component that is down is a warning only: no cycle has failed yet because of it. */
static void judge_probes(const struct status *status, struct reasons *reasons)
{
    for (size_t i = 0; i < probes_count(status->probes); i++) {
        const struct probe_answer *answer = probes_answer(status->probes, i);
        struct strbuf text = { 0 };
        if (answer->kind == PROBE_METRICS)
            strbuf_puts(&text, "the metrics page does not answer");
        else
            strbuf_printf(&text, "%s is down", answer->name);
        if (answer->state == PROBE_DOWN)
            reasons_add(reasons, STATUS_WARNING, strbuf_text(&text));
        strbuf_free(&text);
    }
}

/* What the agent stored while it could store it. Of a stopped agent the end is said, and that the history is not written is known better. */
static void judge_blindness(const struct status *status, struct reasons *reasons)
{
    for (int reason = 0; reason < BLIND_REASONS; reason++)
        if (status->blindness[reason] && status->agent == AGENT_RUNNING && reason != BLIND_UNWRITABLE)
            reasons_add(reasons, STATUS_WARNING, status->blindness[reason]);
}

static void judge_agent(const struct status *status, struct reasons *reasons)
{
    if (status->trouble.failures)
        reasons_add(reasons, STATUS_WARNING, "the history is not written");
    if (status->agent == AGENT_STOPPED)
        reasons_add(reasons, STATUS_WARNING, "the agent is not running");
    if (status->agent == AGENT_RUNNING && !status->understood)
        reasons_add(reasons, STATUS_UNKNOWN, "no line of the log was ever understood");
    if (status->agent == AGENT_NEVER && !status->is_replay)
        reasons_add(reasons, STATUS_UNKNOWN, "the agent never ran on this history");
}

void status_judge(struct status *status)
{
    struct reasons reasons = { 0 };
    judge_incidents(status, &reasons);
    judge_blindness(status, &reasons);
    judge_lag(status, &reasons);
    judge_probes(status, &reasons);
    judge_delivery(status, &reasons);
    judge_agent(status, &reasons);
    reasons_take(&reasons, status);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/table.h"
#include "agent/commands/show/terminal.h"
#include "status.h"

enum { LABEL_COLUMNS = 13, WRITER_PRESENT_VALUE = 1, WRITER_ABSENT_VALUE = 2 };

struct screen {
    const struct status *status;
    const struct terminal *terminal;
    struct strbuf *out;
    int offset;
    struct strbuf text; /* of the line that comes next */
};

static enum tone level_tone(enum status_level level)
{
    static const enum tone tones[] = { TONE_GOOD, TONE_WARNING, TONE_CRITICAL, TONE_WARNING };
    return tones[level];
}

static void worst_lag_put(const struct status *status, struct strbuf *out)
{
    int64_t oldest = INT64_MAX;
    for (size_t i = 0; i < status->lag_count; i++)
        oldest = status->lags[i].last_success_ms < oldest ? status->lags[i].last_success_ms : oldest;
    if (oldest == INT64_MAX)
        return;
    strbuf_puts(out, ", lag ");
    if (oldest)
        format_duration(out, status->as_of_ms - oldest);
    else
        strbuf_puts(out, "unknown");
}

void status_headline(const struct status *status, struct strbuf *out)
{
    strbuf_printf(out, "%s - ", status_level_name(status->level));
    if (status->level != STATUS_OK) {
        strbuf_puts(out, strbuf_text(&status->why));
        return;
    }
    if (status->cycle_count == 0) {
        strbuf_puts(out, "no cycle seen yet");
    } else {
        strbuf_puts(out, strcmp(status->cycles[0].outcome, "running") == 0 ? "cycle in progress" : "last cycle ");
        if (status->cycles[0].duration_ms)
            format_duration(out, status->cycles[0].duration_ms);
    }
    worst_lag_put(status, out);
    strbuf_printf(out, ", %zu open incidents", status->incident_count);
}

static void line_put(const struct screen *screen, const char *label, enum tone tone, const char *text)
{
    struct strbuf inert = { 0 };
    escape_puts(&inert, text, screen->terminal->utf8 ? ESCAPE_TEXT : ESCAPE_ASCII);
    terminal_say(screen->terminal, screen->out, TONE_DIM, label);
    terminal_spaces(screen->out, LABEL_COLUMNS - terminal_columns(label));
    terminal_wrap(screen->terminal, screen->out, tone, strbuf_text(&inert), LABEL_COLUMNS, LABEL_COLUMNS);
    strbuf_free(&inert);
}

/* The line that was gathered. */
static void gathered_put(struct screen *screen, const char *label, enum tone tone)
{
    line_put(screen, label, tone, strbuf_text(&screen->text));
    strbuf_clear(&screen->text);
}

/* "2 min ago" */
static void ago_put(const struct screen *screen, struct strbuf *out, int64_t ms)
{
    if (ms > screen->status->now_ms) {
        strbuf_puts(out, "in ");
        format_duration(out, (ms - screen->status->now_ms) / 1000 * 1000);
    } else {
        format_duration(out, (screen->status->now_ms - ms) / 1000 * 1000);
        strbuf_puts(out, " ago");
    }
}

static void agent_put(struct screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    if (status->agent == AGENT_NEVER) {
        strbuf_puts(text, "never ran on this history: what follows is what a replay left");
    } else if (status->agent == AGENT_STOPPED) {
        strbuf_puts(text, "not running; what follows is as of ");
        format_time(text, status->as_of_ms, screen->offset);
        strbuf_puts(text, ", ");
        ago_put(screen, text, status->as_of_ms);
    } else {
        strbuf_printf(text, "running, pid %" PRId64 ", for ", status->pid);
        format_duration(text, (status->now_ms - status->started_ms) / 1000 * 1000);
        strbuf_puts(text, ", ");
        format_count(text, status->lines);
        strbuf_puts(text, " lines read");
    }
    if (status->behind_bytes > 0) {
        strbuf_puts(text, ", ");
        format_count(text, status->behind_bytes);
        strbuf_puts(text, " bytes behind");
    }
    gathered_put(screen, "Agent", status->agent == AGENT_RUNNING ? TONE_PLAIN : TONE_WARNING);
    if (status->commit_failures) {
        strbuf_printf(text, "%" PRId64 " commit%s to the history failed and were tried again", status->commit_failures,
                      status->commit_failures == 1 ? "" : "s");
        gathered_put(screen, "", TONE_WARNING);
    }
}

static void trouble_put(struct screen *screen)
{
    const struct history_trouble *trouble = &screen->status->trouble;
    struct strbuf *text = &screen->text;
    if (trouble->failures == 0)
        return;
    strbuf_puts(text, "not written since ");
    format_time(text, trouble->since_ms, screen->offset);
    strbuf_printf(text, " (%" PRId64 " attempt%s): %s; watching and paging go on, what follows is as of ",
                  trouble->failures, trouble->failures == 1 ? "" : "s", strbuf_text(&trouble->why));
    format_time(text, screen->status->as_of_ms, screen->offset);
    gathered_put(screen, "History", TONE_WARNING);
}

static void promise_put(const struct screen *screen, struct strbuf *out)
{
    const struct status *status = screen->status;
    if (!status->next_run_ms)
        return;
    strbuf_puts(out, ", next run at ");
    format_clock(out, status->next_run_ms, screen->offset);
    if (status->agent != AGENT_RUNNING)
        return;
    strbuf_puts(out, status->next_run_ms < status->now_ms ? ", due " : ", ");
    ago_put(screen, out, status->next_run_ms);
}

static void scheduler_put(struct screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    enum tone tone = TONE_PLAIN;
    bool seen_now = status->agent == AGENT_RUNNING;
    if (status->writer == WRITER_PRESENT_VALUE) {
        strbuf_puts(text, seen_now ? "alive: it holds the log open" : "was alive when last seen");
    } else if (status->writer == WRITER_ABSENT_VALUE) {
        strbuf_puts(text, seen_now ? "gone: nobody holds the log open" : "was gone when last seen");
        tone = TONE_CRITICAL;
    } else {
        strbuf_puts(text, "whether it lives cannot be seen here");
    }
    if (status->last_line_ms) {
        strbuf_puts(text, "; last line ");
        ago_put(screen, text, status->last_line_ms);
    }
    promise_put(screen, text);
    gathered_put(screen, "Scheduler", tone);
}

static void lags_put(struct screen *screen)
{
    const struct status *status = screen->status;
    for (size_t i = 0; i < status->lag_count; i++) {
        const struct status_lag *lag = &status->lags[i];
        struct strbuf *text = &screen->text;
        strbuf_printf(text, "%s: ", lag->table);
        if (lag->last_success_ms) {
            format_duration(text, (status->as_of_ms - lag->last_success_ms) / 1000 * 1000);
            strbuf_puts(text, ", last success ");
            format_time(text, lag->last_success_ms, screen->offset);
        } else {
            strbuf_puts(text, "no success within the last 200 cycles");
        }
        gathered_put(screen, i == 0 ? "Lag" : "", level_tone(lag->level));
    }
    if (status->lag_count == 0)
        line_put(screen, "Lag", TONE_DIM, "no run seen yet");
}

static enum tone cycle_tone(const struct status *status, const struct status_cycle *cycle)
{
    if (cycle->duration_ms > status->cycle_too_slow_ms)
        return TONE_CRITICAL;
    if (strcmp(cycle->outcome, "running") == 0)
        return TONE_PLAIN;
    if (strcmp(cycle->outcome, "success") != 0)
        return TONE_CRITICAL;
    return cycle->duration_ms > status->cycle_slow_ms ? TONE_WARNING : TONE_GOOD;
}

static void cycles_put(struct screen *screen)
{
    const struct status *status = screen->status;
    for (size_t i = 0; i < status->cycle_count; i++) {
        const struct status_cycle *cycle = &status->cycles[i];
        struct strbuf *text = &screen->text;
        format_time(text, cycle->started_ms, screen->offset);
        strbuf_printf(text, "  %s", cycle->outcome);
        if (cycle->duration_ms) {
            strbuf_puts(text, " in ");
            format_duration(text, cycle->duration_ms);
        }
        strbuf_puts(text, ", ");
        format_count(text, cycle->rows);
        strbuf_puts(text, " rows");
        if (cycle->failed || cycle->timed_out)
            strbuf_printf(text, ", %" PRId64 " failed, %" PRId64 " timed out", cycle->failed, cycle->timed_out);
        gathered_put(screen, i == 0 ? "Last cycles" : "", cycle_tone(status, cycle));
    }
    if (status->cycle_count == 0)
        line_put(screen, "Last cycles", TONE_DIM, "none seen yet");
}

static void errors_put(struct screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    if (status->errors == 0) {
        strbuf_puts(text, "none in the last hour");
    } else {
        strbuf_printf(text, "%" PRId64 " in the last hour; the last: %s %s at ", status->errors,
                      status->last_error_table, status->last_error_outcome);
        format_clock(text, status->last_error_ms, screen->offset);
        if (status->last_error)
            strbuf_printf(text, ": %.300s", status->last_error);
    }
    gathered_put(screen, "Errors", status->errors ? TONE_CRITICAL : TONE_PLAIN);
}

static void incidents_put(struct screen *screen)
{
    const struct status *status = screen->status;
    for (size_t i = 0; i < status->incident_count; i++) {
        const struct status_incident *incident = &status->incidents[i];
        struct strbuf *text = &screen->text;
        strbuf_printf(text, "%" PRId64 " %s, %s, for ", incident->id, incident->alert, incident->severity);
        format_duration(text, (status->as_of_ms - incident->opened_ms) / 1000 * 1000);
        if (incident->summary)
            strbuf_printf(text, ": %s", incident->summary);
        bool critical = strcmp(incident->severity, "critical") == 0;
        gathered_put(screen, i == 0 ? "Open" : "", critical ? TONE_CRITICAL : TONE_WARNING);
        if (incident->first_command)
            line_put(screen, "  first", TONE_PLAIN, incident->first_command);
    }
    if (status->incident_count == 0)
        line_put(screen, "Open", TONE_GOOD, "no incident");
    if (status->silenced_until_ms) {
        struct strbuf *text = &screen->text;
        strbuf_puts(text, "until ");
        format_time(text, status->silenced_until_ms, screen->offset);
        if (status->silence_reason)
            strbuf_printf(text, ": %s", status->silence_reason);
        gathered_put(screen, "Silenced", TONE_WARNING);
    }
}

static void metric_put(struct screen *screen, const struct probe_metric *metric)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    strbuf_printf(text, "%s:", *metric->table ? metric->table : "all tables");
    if (metric->lag_ms >= 0) {
        strbuf_puts(text, " lag ");
        format_duration(text, metric->lag_ms);
    }
    if (metric->watermark_ms) {
        strbuf_puts(text, metric->lag_ms >= 0 ? ", watermark " : " watermark ");
        format_time(text, metric->watermark_ms, screen->offset);
    }
    enum tone tone = metric->lag_ms > status->lag_critical_ms  ? TONE_CRITICAL
                     : metric->lag_ms > status->lag_warning_ms ? TONE_WARNING
                                                               : TONE_PLAIN;
    gathered_put(screen, "", tone);
}

static void answer_put(struct screen *screen, const char *label, const struct probe_answer *answer)
{
    static const enum tone tones[] = {
        [PROBE_UNKNOWN] = TONE_WARNING, [PROBE_UP] = TONE_GOOD, [PROBE_DOWN] = TONE_CRITICAL
    };
    struct strbuf *text = &screen->text;
    if (answer->kind != PROBE_METRICS)
        strbuf_printf(text, "%s ", answer->name);
    strbuf_printf(text, "%s: %s", probe_state_name(answer->state), strbuf_text(&answer->words));
    if (answer->state == PROBE_UP) {
        strbuf_puts(text, ", ");
        format_duration(text, answer->took_ms);
    }
    strbuf_printf(text, " (%s%s)", answer->kind == PROBE_CONTAINER ? "container " : "", answer->target);
    if (answer->kind == PROBE_METRICS && answer->state == PROBE_UP && answer->metric_count == 0)
        strbuf_puts(text, "; it exports neither lag nor watermarks");
    gathered_put(screen, label, tones[answer->state]);
    for (size_t i = 0; i < answer->metric_count; i++)
        metric_put(screen, &answer->metrics[i]);
}

static void probes_put(struct screen *screen)
{
    const struct probes *probes = screen->status->probes;
    const char *label = "Components";
    for (size_t i = 0; i < probes_count(probes); i++) {
        const struct probe_answer *answer = probes_answer(probes, i);
        bool is_component = answer->kind != PROBE_METRICS;
        answer_put(screen, is_component ? label : "Metrics", answer);
        label = is_component ? "" : label;
    }
}

static void webhooks_put(struct screen *screen)
{
    const struct status *status = screen->status;
    for (size_t i = 0; i < status->webhook_count; i++) {
        const struct status_webhook *webhook = &status->webhooks[i];
        struct strbuf *text = &screen->text;
        strbuf_printf(text, "%s: %" PRId64 " waiting", webhook->name, webhook->pending);
        if (webhook->last_success_ms) {
            strbuf_puts(text, ", last delivery ");
            ago_put(screen, text, webhook->last_success_ms);
        } else {
            strbuf_puts(text, ", nothing delivered yet");
        }
        if (webhook->refused)
            strbuf_printf(text, ", %" PRId64 " refused since", webhook->refused);
        if (webhook->last_error)
            strbuf_printf(text, "; %s", webhook->last_error);
        if (webhook->refresh_error)
            strbuf_printf(text, "; cannot be told again what is open: %s", webhook->refresh_error);
        gathered_put(screen, i == 0 ? "Webhooks" : "",
                     webhook->last_error || webhook->refresh_error ? TONE_WARNING : TONE_PLAIN);
    }
    if (status->webhook_count == 0)
        line_put(screen, "Webhooks", TONE_DIM, "none configured: notifications go to the agent's standard output");
}

static void blind_put(struct screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    for (size_t i = 0; i < status->blind_count; i++)
        line_put(screen, i == 0 ? "Blind spots" : "", TONE_WARNING, status->blind[i]);
    if (status->misses || status->limit_hits) {
        strbuf_printf(text, "%" PRId64 " of the scheduler's records not understood, %" PRId64 " patterns given up",
                      status->misses, status->limit_hits);
        gathered_put(screen, status->blind_count ? "" : "Blind spots", TONE_WARNING);
    }
}

void status_text(const struct status *status, const struct terminal *terminal, struct strbuf *out)
{
    struct screen screen = {
        .status = status, .terminal = terminal, .out = out, .offset = format_offset(status->now_ms)
    };
    struct strbuf *text = &screen.text;
    struct strbuf inert = { 0 };
    status_headline(status, text);
    escape_puts(&inert, strbuf_text(text), terminal->utf8 ? ESCAPE_TEXT : ESCAPE_ASCII);
    terminal_say(terminal, out, level_tone(status->level), strbuf_text(&inert));
    strbuf_puts(out, "\n\n");
    strbuf_clear(text);
    agent_put(&screen);
    trouble_put(&screen);
    scheduler_put(&screen);
    lags_put(&screen);
    cycles_put(&screen);
    errors_put(&screen);
    probes_put(&screen);
    incidents_put(&screen);
    webhooks_put(&screen);
    blind_put(&screen);
    format_time(text, status->now_ms, screen.offset);
    strbuf_puts(text, " ");
    format_offset_words(text, screen.offset);
    strbuf_printf(text, ", %s", status->log_path ? status->log_path : "no log named");
    gathered_put(&screen, "As of", TONE_DIM);
    strbuf_free(text);
    strbuf_free(&inert);
}

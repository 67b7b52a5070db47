/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "agent/commands/show/format.h"
#include "agent/commands/show/table.h"
#include "agent/commands/show/terminal.h"
#include "base/budgets.h"
#include "base/cut.h"
#include "base/time_words.h"
#include "base/zone.h"
#include "first_line.h"
#include "follow.h"
#include "text_private.h"

enum { LABEL_COLUMNS = 13, ERROR_CHARACTERS = 300, INCIDENTS_SHOWN = 20 };

static enum tone level_tone(enum status_level level)
{
    static const enum tone tones[] = { TONE_GOOD, TONE_WARNING, TONE_CRITICAL, TONE_WARNING };
    return tones[level];
}

static void add_worst_lag(const struct status *status, struct strbuf *out)
{
    const struct status_lag *worst = NULL;
    for (size_t i = 0; i < status->lag_count; i++)
        if (!worst || status->lags[i].last_success_ms < worst->last_success_ms)
            worst = &status->lags[i];
    if (!worst)
        return;
    strbuf_puts(out, ", lag ");
    if (worst->last_success_ms)
        format_duration(out, worst->lag_ms);
    else
        strbuf_puts(out, "unknown");
}

void status_headline(const struct status *status, struct strbuf *out)
{
    strbuf_printf(out, "%s - ", status_level_name(status->level));
    if (status->level != STATUS_OK) {
        cut_chars(strbuf_text(&status->why), STATUS_LINE_CHARACTERS, out);
        return;
    }
    if (status->cycle_count == 0) {
        strbuf_puts(out, "no cycle seen yet");
    } else {
        strbuf_puts(out, strcmp(status->cycles[0].outcome, "running") == 0 ? "cycle in progress" : "last cycle ");
        if (status->cycles[0].duration_ms)
            format_duration(out, status->cycles[0].duration_ms);
    }
    add_worst_lag(status, out);
    strbuf_printf(out, ", %" PRId64 " open incidents", status->open_incidents);
}

static void put_line(const struct status_screen *screen, const char *label, enum tone tone, const char *text)
{
    struct strbuf cut = { 0 }, escaped = { 0 };
    cut_chars(text, STATUS_LINE_CHARACTERS, &cut);
    terminal_escape(screen->terminal, &escaped, strbuf_text(&cut));
    terminal_say(screen->terminal, screen->out, TONE_DIM, label);
    terminal_spaces(screen->out, LABEL_COLUMNS - terminal_columns(label));
    terminal_wrap(screen->terminal, screen->out, tone, strbuf_text(&escaped), LABEL_COLUMNS, LABEL_COLUMNS);
    strbuf_free(&cut);
    strbuf_free(&escaped);
}

void status_put_gathered(struct status_screen *screen, const char *label, enum tone tone)
{
    put_line(screen, label, tone, strbuf_text(&screen->text));
    strbuf_clear(&screen->text);
}

void status_add_ago(const struct status_screen *screen, struct strbuf *out, int64_t ms)
{
    if (ms > screen->status->now_ms) {
        strbuf_puts(out, "in ");
        format_duration(out, (ms - screen->status->now_ms) / 1000 * 1000);
    } else {
        format_duration(out, (screen->status->now_ms - ms) / 1000 * 1000);
        strbuf_puts(out, " ago");
    }
}

static void put_agent(struct status_screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    if (status->agent == AGENT_NEVER) {
        strbuf_puts(text, "no agent ever ran on this history; what follows was left by a replay");
    } else if (status->agent == AGENT_STOPPED) {
        strbuf_puts(text, "not running; what follows is as of ");
        format_time(text, status->as_of_ms, screen->offset);
        strbuf_puts(text, ", ");
        status_add_ago(screen, text, status->as_of_ms);
    } else {
        strbuf_printf(text, "running, pid %" PRId64 ", for ", status->pid);
        format_duration(text, status_elapsed_ms(status->started_ms, status->now_ms) / 1000 * 1000);
        strbuf_puts(text, ", ");
        format_count(text, status->lines);
        strbuf_puts(text, " lines read");
    }
    if (status->behind_bytes > 0) {
        strbuf_puts(text, ", ");
        format_count(text, status->behind_bytes);
        strbuf_puts(text, " bytes behind");
    }
    status_put_gathered(screen, "Agent", status->agent == AGENT_RUNNING ? TONE_PLAIN : TONE_WARNING);
    if (status->commit_failures) {
        strbuf_printf(text, "%" PRId64 " commit%s to the history failed and were tried again", status->commit_failures,
                      status->commit_failures == 1 ? "" : "s");
        status_put_gathered(screen, "", TONE_WARNING);
    }
}

static void put_trouble(struct status_screen *screen)
{
    const struct history_trouble *trouble = &screen->status->trouble;
    struct strbuf *text = &screen->text;
    if (trouble->failures == 0)
        return;
    strbuf_puts(text, "not written since ");
    format_time(text, trouble->since_ms, screen->offset);
    strbuf_printf(text, " (%" PRId64 " attempt%s): %s; the agent goes on watching and paging, what follows is as of ",
                  trouble->failures, trouble->failures == 1 ? "" : "s", strbuf_text(&trouble->why));
    format_time(text, screen->status->as_of_ms, screen->offset);
    status_put_gathered(screen, "History", TONE_WARNING);
}

static void add_next_run(const struct status_screen *screen, struct strbuf *out)
{
    const struct status *status = screen->status;
    if (!status->next_run_ms)
        return;
    strbuf_puts(out, ", next run at ");
    format_clock(out, status->next_run_ms, screen->offset);
    if (status->agent != AGENT_RUNNING)
        return;
    strbuf_puts(out, status->next_run_ms < status->now_ms ? ", due " : ", ");
    status_add_ago(screen, out, status->next_run_ms);
}

static void put_scheduler(struct status_screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    enum tone tone = TONE_PLAIN;
    bool seen_now = status->agent == AGENT_RUNNING;
    if (status->writer == WRITER_PRESENT) {
        strbuf_puts(text, seen_now ? "running: it holds the log open" : "was running when last seen");
    } else if (status->writer == WRITER_ABSENT) {
        strbuf_puts(text, seen_now ? "not running: nobody holds the log open" : "was not running when last seen");
        tone = TONE_CRITICAL;
    } else {
        strbuf_puts(text, "unknown whether it runs: only root and the log's owner can see who holds the log open");
    }
    if (status->last_line_ms) {
        strbuf_puts(text, "; last line ");
        status_add_ago(screen, text, status->last_line_ms);
    }
    add_next_run(screen, text);
    status_put_gathered(screen, "Scheduler", tone);
}

static void put_lags(struct status_screen *screen)
{
    const struct status *status = screen->status;
    for (size_t i = 0; i < status->lag_count; i++) {
        const struct status_lag *lag = &status->lags[i];
        struct strbuf *text = &screen->text;
        strbuf_printf(text, "%s: ", lag->table);
        if (lag->last_success_ms) {
            format_duration(text, lag->lag_ms / 1000 * 1000);
            strbuf_puts(text, ", last success ");
            format_time(text, lag->last_success_ms, screen->offset);
        } else {
            strbuf_puts(text, "no success within the last 200 cycles");
        }
        status_put_gathered(screen, i == 0 ? "Lag" : "", level_tone(lag->level));
    }
    if (status->lag_count == 0)
        put_line(screen, "Lag", TONE_DIM, "no run seen yet");
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

static void put_cycles(struct status_screen *screen)
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
        status_put_gathered(screen, i == 0 ? "Last cycles" : "", cycle_tone(status, cycle));
    }
    if (status->cycle_count == 0)
        put_line(screen, "Last cycles", TONE_DIM, "none seen yet");
}

static void put_errors(struct status_screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    if (status->errors == 0) {
        strbuf_puts(text, "none in the last hour");
    } else {
        strbuf_printf(text, "%" PRId64 " in the last hour; the last: %s %s at ", status->errors,
                      status->last_error_table, status->last_error_outcome);
        format_clock(text, status->last_error_ms, screen->offset);
        if (status->last_error) {
            strbuf_puts(text, ": ");
            cut_chars(status->last_error, ERROR_CHARACTERS, text);
        }
    }
    status_put_gathered(screen, "Errors", status->errors ? TONE_CRITICAL : TONE_PLAIN);
}

/* How long it lasts is said once: in the line if that has a place for it. */
static void add_first_line(const struct status *status, const struct status_incident *incident, struct strbuf *out)
{
    const char *summary = incident->summary ? incident->summary : "";
    struct strbuf line = { 0 };
    first_line_as_of(summary, incident->onset_ms, status->as_of_ms, zone_clock_words, &line);
    if (strcmp(strbuf_text(&line), summary) == 0) {
        strbuf_puts(out, ", for ");
        duration_words(status_elapsed_ms(incident->onset_ms, status->as_of_ms), out);
    }
    if (line.len > 0)
        strbuf_printf(out, ": %s", line.at);
    strbuf_free(&line);
}

static void put_incidents(struct status_screen *screen)
{
    const struct status *status = screen->status;
    size_t shown = status->incident_count < INCIDENTS_SHOWN ? status->incident_count : INCIDENTS_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        const struct status_incident *incident = &status->incidents[i];
        struct strbuf *text = &screen->text;
        strbuf_printf(text, "%" PRId64 " %s, %s", incident->id, incident->alert, incident->severity);
        add_first_line(status, incident, text);
        bool critical = strcmp(incident->severity, "critical") == 0;
        status_put_gathered(screen, i == 0 ? "Open" : "", critical ? TONE_CRITICAL : TONE_WARNING);
        if (incident->first_command)
            put_line(screen, "  run first", TONE_PLAIN, incident->first_command);
        runbook_words(incident->runbook, incident->scenario, incident->scenario_title, text);
        if (incident->runbook)
            status_put_gathered(screen, "  runbook", TONE_PLAIN);
    }
    if (status->incident_count == 0)
        put_line(screen, "Open", TONE_GOOD, "no incident");
    if (status->open_incidents > (int64_t)shown) {
        strbuf_printf(&screen->text, "and %" PRId64 " more: agent incidents lists them",
                      status->open_incidents - (int64_t)shown);
        status_put_gathered(screen, "", TONE_WARNING);
    }
    if (status->silenced_until_ms) {
        struct strbuf *text = &screen->text;
        strbuf_puts(text, "until ");
        format_time(text, status->silenced_until_ms, screen->offset);
        if (status->silence_reason)
            strbuf_printf(text, ": %s", status->silence_reason);
        status_put_gathered(screen, "Silenced", TONE_WARNING);
    }
}

static void put_webhooks(struct status_screen *screen)
{
    const struct status *status = screen->status;
    for (size_t i = 0; i < status->webhook_count; i++) {
        const struct status_webhook *webhook = &status->webhooks[i];
        struct strbuf *text = &screen->text;
        strbuf_printf(text, "%s: %" PRId64 " waiting", webhook->name, webhook->pending);
        if (webhook->last_success_ms) {
            strbuf_puts(text, ", last delivery ");
            status_add_ago(screen, text, webhook->last_success_ms);
        } else {
            strbuf_puts(text, ", nothing delivered yet");
        }
        if (webhook->refused)
            strbuf_printf(text, ", %" PRId64 " refused since then", webhook->refused);
        if (webhook->last_error)
            strbuf_printf(text, "; %s", webhook->last_error);
        if (webhook->refresh_error)
            strbuf_printf(text, "; it could not be told again what is open: %s", webhook->refresh_error);
        status_put_gathered(screen, i == 0 ? "Webhooks" : "",
                            webhook->last_error || webhook->refresh_error ? TONE_WARNING : TONE_PLAIN);
    }
    if (status->webhook_count == 0)
        put_line(screen, "Webhooks", TONE_DIM, "none configured: notifications go to the agent's standard output");
}

static void add_counted(struct strbuf *text, int64_t count, const char *what)
{
    if (count > 0)
        strbuf_printf(text, "%s%" PRId64 " %s", text->len ? ", " : "", count, what);
}

static void put_blind_spots(struct status_screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    for (size_t i = 0; i < status->blind_count; i++)
        put_line(screen, i == 0 ? "Blind spots" : "", TONE_WARNING, status->blind[i]);
    add_counted(text, status->misses, "of the scheduler's records not understood");
    add_counted(text, status->limit_hits, "pattern matches given up because they took too long");
    add_counted(text, status->stray_lines, "lines not judged because their time is far from when they were written");
    if (text->len)
        status_put_gathered(screen, status->blind_count ? "" : "Blind spots", TONE_WARNING);
}

void status_text(const struct status *status, const struct terminal *terminal, struct strbuf *out)
{
    struct status_screen screen = {
        .status = status, .terminal = terminal, .out = out, .offset = format_offset(status->now_ms)
    };
    struct strbuf *text = &screen.text;
    struct strbuf escaped = { 0 };
    status_headline(status, text);
    terminal_escape(terminal, &escaped, strbuf_text(text));
    terminal_say(terminal, out, level_tone(status->level), strbuf_text(&escaped));
    strbuf_puts(out, "\n\n");
    strbuf_clear(text);
    put_agent(&screen);
    put_trouble(&screen);
    put_scheduler(&screen);
    put_lags(&screen);
    status_put_answers(&screen);
    put_cycles(&screen);
    put_errors(&screen);
    status_put_witnesses(&screen);
    status_put_probes(&screen);
    put_incidents(&screen);
    put_webhooks(&screen);
    put_blind_spots(&screen);
    format_time(text, status->now_ms, screen.offset);
    strbuf_puts(text, " ");
    format_offset_words(text, screen.offset);
    strbuf_printf(text, ", %s", status->log_path ? status->log_path : "no log named");
    status_put_gathered(&screen, "As of", TONE_DIM);
    strbuf_free(text);
    strbuf_free(&escaped);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "agent/commands/show/format.h"
#include "agent/commands/show/terminal.h"
#include "base/budgets.h"
#include "base/cut.h"
#include "text_private.h"

enum { LABEL_COLUMNS = 13, LABEL_ABOVE_BELOW = 60, NARROW_INDENT = 2 };

enum tone status_level_tone(enum status_level level)
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

static void add_good(const struct status *status, struct strbuf *out)
{
    if (status->cycle_count == 0) {
        strbuf_puts(out, "no cycle seen yet");
    } else {
        strbuf_puts(out, strcmp(status->cycles[0].outcome, "running") == 0 ? "cycle in progress" : "last cycle ");
        if (status->cycles[0].duration_ms)
            format_duration(out, status->cycles[0].duration_ms);
    }
    add_worst_lag(status, out);
    strbuf_printf(out, ", %" PRId64 " open incident%s", status->open_incidents, status->open_incidents == 1 ? "" : "s");
}

void status_headline(const struct status *status, struct strbuf *out)
{
    strbuf_printf(out, "%s - ", status_level_name(status->level));
    if (status->level != STATUS_OK)
        cut_chars(strbuf_text(&status->why), STATUS_LINE_CHARACTERS, out);
    else
        add_good(status, out);
    if (status->is_replay)
        strbuf_puts(out, ", at the end of the replayed log");
}

void status_put_line(const struct status_screen *screen, const char *label, enum tone tone, const char *text)
{
    bool is_above = screen->terminal->width < LABEL_ABOVE_BELOW;
    int indent = is_above ? NARROW_INDENT : LABEL_COLUMNS;
    struct strbuf cut = { 0 }, escaped = { 0 };
    cut_chars(text, STATUS_LINE_CHARACTERS, &cut);
    terminal_escape(screen->terminal, &escaped, strbuf_text(&cut));
    if (is_above)
        label += strspn(label, " ");
    terminal_say(screen->terminal, screen->out, TONE_DIM, label);
    if (is_above && *label)
        strbuf_puts(screen->out, "\n");
    terminal_spaces(screen->out, is_above ? indent : indent - terminal_columns(label));
    terminal_wrap(screen->terminal, screen->out, tone, strbuf_text(&escaped), indent, indent);
    strbuf_free(&cut);
    strbuf_free(&escaped);
}

void status_put_gathered(struct status_screen *screen, const char *label, enum tone tone)
{
    status_put_line(screen, label, tone, strbuf_text(&screen->text));
    strbuf_clear(&screen->text);
}

void status_add_ago(const struct status_screen *screen, struct strbuf *out, int64_t ms)
{
    int64_t as_of_ms = screen->status->as_of_ms;
    strbuf_puts(out, ms > as_of_ms ? "in " : "");
    format_duration(out, (ms > as_of_ms ? ms - as_of_ms : as_of_ms - ms) / 1000 * 1000);
    strbuf_puts(out, ms > as_of_ms ? "" : " ago");
}

/* A monitoring system takes the first line whatever its length; somebody at a terminal reads it wrapped. */
static void put_headline(struct status_screen *screen)
{
    struct strbuf line = { 0 }, escaped = { 0 };
    enum tone tone = status_level_tone(screen->status->level);
    status_headline(screen->status, &line);
    terminal_escape(screen->terminal, &escaped, strbuf_text(&line));
    if (screen->terminal->is_tty) {
        terminal_wrap(screen->terminal, screen->out, tone, strbuf_text(&escaped), 0, 2);
    } else {
        terminal_say(screen->terminal, screen->out, tone, strbuf_text(&escaped));
        strbuf_puts(screen->out, "\n");
    }
    strbuf_free(&line);
    strbuf_free(&escaped);
}

/* The moment as of which all is told, the zone of all times, and the log. */
static void put_as_of(struct status_screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    format_time(text, status->as_of_ms, screen->offset);
    strbuf_puts(text, " ");
    format_offset_words(text, screen->offset);
    if (status->agent != AGENT_NEVER && status->log_path)
        strbuf_printf(text, ", %s", status->log_path);
    status_put_gathered(screen, "As of", TONE_DIM);
}

void status_text(const struct status *status, const struct terminal *terminal, struct strbuf *out)
{
    struct status_screen screen = {
        .status = status, .terminal = terminal, .out = out, .offset = format_offset(status->as_of_ms)
    };
    put_headline(&screen);
    strbuf_puts(out, "\n");
    status_put_incidents(&screen);
    strbuf_puts(out, "\n");
    status_put_pipeline(&screen);
    status_put_agent(&screen);
    status_put_webhooks(&screen);
    status_put_witnesses(&screen);
    status_put_probes(&screen);
    status_put_blind_spots(&screen);
    put_as_of(&screen);
    strbuf_free(&screen.text);
}

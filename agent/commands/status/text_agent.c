/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the agent itself is: whether it runs, writes its history and tells its receivers, and what it cannot see. */
#include <inttypes.h>

#include "agent/commands/show/format.h"
#include "text_private.h"

static void put_life(struct status_screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    if (status->agent == AGENT_NEVER) {
        strbuf_puts(text, "no agent ever ran on this history, which a replay filled; all ages are as of its end, ");
        format_time(text, status->as_of_ms, screen->offset);
    } else if (status->agent == AGENT_STOPPED) {
        strbuf_puts(text, "not running; all ages are as of ");
        format_time(text, status->as_of_ms, screen->offset);
        strbuf_puts(text, ", which is ");
        format_duration(text, elapsed_ms(status->as_of_ms, status->now_ms) / 1000 * 1000);
        strbuf_puts(text, " ago");
    } else {
        strbuf_printf(text, "running, pid %" PRId64 ", for ", status->pid);
        format_duration(text, elapsed_ms(status->started_ms, status->now_ms) / 1000 * 1000);
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
    strbuf_printf(text, " (%" PRId64 " attempt%s): %s; the agent goes on watching and paging, all ages are as of ",
                  trouble->failures, trouble->failures == 1 ? "" : "s", strbuf_text(&trouble->why));
    format_time(text, screen->status->as_of_ms, screen->offset);
    status_put_gathered(screen, "History", TONE_WARNING);
}

void status_put_agent(struct status_screen *screen)
{
    put_life(screen);
    put_trouble(screen);
}

static void put_stuck_webhook(struct status_screen *screen, const char *label, const struct status_webhook *webhook)
{
    struct strbuf *text = &screen->text;
    strbuf_printf(text, "%s: ", webhook->name);
    if (webhook->pending)
        strbuf_printf(text, "%" PRId64 " waiting, ", webhook->pending);
    if (webhook->refused)
        strbuf_printf(text, "%" PRId64 " refused since it last took one, ", webhook->refused);
    if (webhook->last_success_ms) {
        strbuf_puts(text, "last delivery ");
        status_add_ago(screen, text, webhook->last_success_ms);
    } else {
        strbuf_puts(text, "nothing delivered yet");
    }
    if (webhook->last_error)
        strbuf_printf(text, "; %s", webhook->last_error);
    if (webhook->refresh_error)
        strbuf_printf(text, "; it could not be told again what is open: %s", webhook->refresh_error);
    status_put_gathered(screen, label, TONE_WARNING);
}

static bool webhook_is_well(const struct status_webhook *webhook)
{
    return !webhook->pending && !webhook->refused && !webhook->last_error && !webhook->refresh_error;
}

/* Those that are well in one line. */
static void put_good_webhooks(struct status_screen *screen, const char *label)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    int64_t newest_ms = 0;
    for (size_t i = 0; i < status->webhook_count; i++) {
        const struct status_webhook *webhook = &status->webhooks[i];
        if (!webhook_is_well(webhook))
            continue;
        strbuf_printf(text, "%s%s", text->len ? ", " : "", webhook->name);
        newest_ms = webhook->last_success_ms > newest_ms ? webhook->last_success_ms : newest_ms;
    }
    if (text->len == 0)
        return;
    strbuf_puts(text, newest_ms ? ": nothing waits, last delivery " : ": nothing delivered yet");
    if (newest_ms)
        status_add_ago(screen, text, newest_ms);
    status_put_gathered(screen, label, TONE_PLAIN);
}

void status_put_webhooks(struct status_screen *screen)
{
    const struct status *status = screen->status;
    const char *label = "Webhooks";
    for (size_t i = 0; i < status->webhook_count; i++)
        if (!webhook_is_well(&status->webhooks[i])) {
            put_stuck_webhook(screen, label, &status->webhooks[i]);
            label = "";
        }
    put_good_webhooks(screen, label);
    if (status->webhook_count == 0 && status->agent != AGENT_NEVER)
        status_put_line(screen, label, TONE_DIM, "none configured: notifications go to the agent's standard output");
}

static void add_counted(struct strbuf *text, int64_t count, const char *what)
{
    if (count > 0)
        strbuf_printf(text, "%s%" PRId64 " %s", text->len ? ", " : "", count, what);
}

void status_put_blind_spots(struct status_screen *screen)
{
    const struct status *status = screen->status;
    struct strbuf *text = &screen->text;
    for (size_t i = 0; i < status->blind_count; i++)
        status_put_line(screen, i == 0 ? "Blind spots" : "", TONE_WARNING, status->blind[i]);
    add_counted(text, status->misses, "of the scheduler's records not understood");
    add_counted(text, status->limit_hits, "pattern matches given up because they took too long");
    add_counted(text, status->stray_lines, "lines not judged because their time is far from when they were written");
    if (text->len)
        status_put_gathered(screen, status->blind_count ? "" : "Blind spots", TONE_WARNING);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"
#include "base/say.h"
#include "dispatch_private.h"

static size_t abandon_webhook(struct dispatch *dispatch, const char *webhook)
{
    struct outbox_entry entries[COMBINED_MOST];
    size_t total = 0, count;
    int64_t after = 0;
    while ((count = history_get_outbox(dispatch->history, webhook, after, entries, COMBINED_MOST)) > 0) {
        for (size_t i = 0; i < count; i++) {
            history_put_delivery(dispatch->history, entries[i].id, "superseded", entries[i].attempts, 0, 0,
                                 "the webhook is no longer configured");
            message_free(entries[i].message);
        }
        after = entries[count - 1].id;
        total += count;
    }
    return total;
}

static bool webhook_is_configured(const struct dispatch *dispatch, const char *webhook)
{
    for (size_t i = 0; i <= dispatch->webhook_count; i++)
        if (strcmp(dispatch->receivers[i].name, webhook) == 0)
            return true;
    return false;
}

void stuck_abandon(struct dispatch *dispatch)
{
    struct strbuf name = { 0 };
    while (history_next_webhook(dispatch->history, strbuf_text(&name), &name)) {
        if (webhook_is_configured(dispatch, strbuf_text(&name)))
            continue;
        size_t count = abandon_webhook(dispatch, strbuf_text(&name));
        if (count > 0)
            say_warning("webhook %s is no longer configured: %zu notification%s that waited for it %s given up",
                        strbuf_text(&name), count, count == 1 ? "" : "s", count == 1 ? "is" : "are");
    }
    strbuf_free(&name);
}

static int64_t stuck_waiting_ms(const struct receiver *receiver)
{
    return receiver->count > 0 ? receiver->entries[0].created_ms + STUCK_MS : INT64_MAX;
}

/*
 * A single refusal may be the fault of that message. The webhook is to blame if several messages in a row are refused, or if none is
 * taken for ten minutes after it.
 */
static int64_t stuck_refused_ms(const struct receiver *receiver)
{
    if (receiver->refused_in_a_row == 0)
        return INT64_MAX;
    return receiver->refused_since_ms + (receiver->refused_in_a_row < REFUSED_MOST ? STUCK_MS : 0);
}

void stuck_refused(struct receiver *receiver, const struct delivery_result *result)
{
    if (receiver->refused_in_a_row == 0)
        receiver->refused_since_ms = result->at_ms;
    receiver->refused_in_a_row += (int64_t)receiver->count;
    cut_copy(result->error, receiver->error, sizeof receiver->error);
}

int64_t stuck_next_ms(const struct receiver *receiver)
{
    if (!receiver->webhook || receiver->stuck)
        return INT64_MAX;
    int64_t waiting_ms = receiver->tried ? stuck_waiting_ms(receiver) : INT64_MAX,
            refused_ms = stuck_refused_ms(receiver);
    return waiting_ms < refused_ms ? waiting_ms : refused_ms;
}

bool dispatch_stuck_news(struct dispatch *dispatch, int64_t now_ms, struct strbuf *words)
{
    bool changed = false, known = true;
    for (size_t i = 0; i < dispatch->webhook_count; i++) {
        struct receiver *receiver = &dispatch->receivers[i];
        bool old = stuck_waiting_ms(receiver) <= now_ms;
        bool waits = old && (receiver->tried || receiver->stuck); /* once stuck, until it has caught up */
        bool stuck = waits || stuck_refused_ms(receiver) <= now_ms;
        /* What an earlier process left must be tried before anything can be said about the webhook. */
        known = known && (!old || receiver->tried) && (receiver->count > 0 || !receiver->waiting);
        changed = changed || stuck != receiver->stuck;
        receiver->stuck = stuck;
        if (stuck)
            strbuf_printf(words, "%swebhook %s %s: %s", words->len ? "; " : "", receiver->name,
                          waits ? "takes nothing" : "refuses what it is sent", receiver->error);
    }
    bool news = changed || (known && !dispatch->judged);
    dispatch->judged = dispatch->judged || news;
    return news;
}

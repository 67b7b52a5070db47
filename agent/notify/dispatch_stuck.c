/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"
#include "base/say.h"
#include "dispatch_private.h"

static size_t abandon(struct dispatch *dispatch, const char *webhook)
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

static bool is_configured(const struct dispatch *dispatch, const char *webhook)
{
    for (size_t i = 0; i <= dispatch->webhook_count; i++)
        if (strcmp(dispatch->routes[i].name, webhook) == 0)
            return true;
    return false;
}

void stuck_abandon(struct dispatch *dispatch)
{
    struct strbuf name = { 0 };
    while (history_next_webhook(dispatch->history, strbuf_text(&name), &name)) {
        if (is_configured(dispatch, strbuf_text(&name)))
            continue;
        size_t count = abandon(dispatch, strbuf_text(&name));
        if (count > 0)
            say_warning("webhook %s is no longer configured: %zu notification%s that waited for it %s given up",
                        strbuf_text(&name), count, count == 1 ? "" : "s", count == 1 ? "is" : "are");
    }
    strbuf_free(&name);
}

static int64_t waiting_due_ms(const struct route *route)
{
    return route->count > 0 ? route->entries[0].created_ms + STUCK_MS : INT64_MAX;
}

/* One that is refused may be to blame itself; several, or one that nothing follows, speak against the webhook. */
static int64_t refused_due_ms(const struct route *route)
{
    if (route->refused_in_a_row == 0)
        return INT64_MAX;
    return route->refused_since_ms + (route->refused_in_a_row < REFUSED_MOST ? STUCK_MS : 0);
}

void stuck_refused(struct route *route, const struct delivery_result *result)
{
    if (route->refused_in_a_row == 0)
        route->refused_since_ms = result->at_ms;
    route->refused_in_a_row += (int64_t)route->count;
    cut_copy(result->error, route->error, sizeof route->error);
}

int64_t stuck_next_ms(const struct route *route)
{
    if (!route->webhook || route->stuck)
        return INT64_MAX;
    int64_t waiting_ms = route->tried ? waiting_due_ms(route) : INT64_MAX, refused_ms = refused_due_ms(route);
    return waiting_ms < refused_ms ? waiting_ms : refused_ms;
}

bool dispatch_stuck_news(struct dispatch *dispatch, int64_t now_ms, struct strbuf *words)
{
    bool changed = false, known = true;
    for (size_t i = 0; i < dispatch->webhook_count; i++) {
        struct route *route = &dispatch->routes[i];
        bool old = waiting_due_ms(route) <= now_ms;
        bool waits = old && (route->tried || route->stuck); /* well again only once it has caught up */
        bool stuck = waits || refused_due_ms(route) <= now_ms;
        /* Taken over from an earlier life, and not tried yet in this one. */
        known = known && (!old || route->tried) && (route->count > 0 || !route->waiting);
        changed = changed || stuck != route->stuck;
        route->stuck = stuck;
        if (stuck)
            strbuf_printf(words, "%swebhook %s %s: %s", words->len ? "; " : "", route->name,
                          waits ? "takes nothing" : "refuses what it is sent", route->error);
    }
    bool news = changed || (known && !dispatch->judged);
    dispatch->judged = dispatch->judged || news;
    return news;
}

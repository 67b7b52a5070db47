/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/say.h"
#include "dispatch_private.h"

/*
 * An Alertmanager keeps its alerts in memory, and one of a cluster is told by nobody else: whatever is open is told again
 * every so often, and what ended for a while. Each push says everything, so none depends on another, and what was refused
 * (a token that expired) arrives with a later one. Nothing is written for it, and nothing wakes us while nothing is shown.
 */

enum { TOLD_MOST = 500 };

bool upkeep_wanted(const struct route *route)
{
    return route->webhook && route->webhook->format == FORMAT_ALERTMANAGER;
}

/* For `agent status`: why the Alertmanager could not be told again; empty when it could. Written only when that changes. */
static void keep_error(struct dispatch *dispatch, const struct route *route, const char *error)
{
    struct strbuf key = { 0 };
    strbuf_printf(&key, "%s%s", STATE_REFRESH, route->name);
    history_put_state(dispatch->history, strbuf_text(&key), slice_of(error));
    strbuf_free(&key);
}

static bool had_error(struct dispatch *dispatch, const struct route *route)
{
    struct strbuf key = { 0 }, error = { 0 };
    strbuf_printf(&key, "%s%s", STATE_REFRESH, route->name);
    bool had = history_get_state(dispatch->history, strbuf_text(&key), &error) && error.len > 0;
    strbuf_free(&key);
    strbuf_free(&error);
    return had;
}

void upkeep_begin(struct dispatch *dispatch, struct route *route, int64_t now_ms)
{
    struct message *told[TOLD_MOST];
    size_t count = history_get_told(dispatch->history, route->name, now_ms - SHOWN_ENDED_MS, told, TOLD_MOST);
    for (size_t i = 0; i < count; i++) {
        shown_take(&route->shown, told[i]);
        message_free(told[i]);
    }
    route->refresh_ms = now_ms;
    route->refresh_failed = had_error(dispatch, route);
}

void upkeep_render(struct dispatch *dispatch, struct route *route, int64_t now_ms, struct strbuf *body)
{
    const struct payload_origin origin = dispatch_origin(dispatch);
    for (size_t i = 0; i < route->count; i++)
        shown_take(&route->shown, route->entries[i].message);
    payload_render(dispatch->maker, FORMAT_ALERTMANAGER, &origin, (const struct message *const *)route->shown.alerts,
                   route->shown.count, route->shortened, now_ms, body);
}

/* A time further ahead than one period was set before the clock was set back. */
static int64_t refresh_at(const struct route *route, int64_t now_ms)
{
    int64_t latest_ms = now_ms + route->webhook->resend_ms;
    return route->refresh_ms < latest_ms ? route->refresh_ms : latest_ms;
}

int64_t upkeep_next_ms(const struct route *route, int64_t now_ms)
{
    bool busy = route->count > 0 || route->refreshing; /* it says everything itself */
    return !upkeep_wanted(route) || busy || route->shown.count == 0 ? INT64_MAX : refresh_at(route, now_ms);
}

void upkeep_run(struct dispatch *dispatch, size_t index, int64_t now_ms)
{
    struct route *route = &dispatch->routes[index];
    struct strbuf body = { 0 };
    if (upkeep_next_ms(route, now_ms) > now_ms)
        return;
    shown_forget(&route->shown, now_ms);
    if (route->shown.count == 0)
        return;
    upkeep_render(dispatch, route, now_ms, &body);
    sender_submit(dispatch->sender, &(struct delivery){
                                        .id = REFRESH_ID,
                                        .webhook = index,
                                        .body = body.at,
                                        .body_len = body.len,
                                        .effort = DELIVERY_ONCE,
                                    });
    route->refreshing = true;
}

void upkeep_done(struct dispatch *dispatch, struct route *route, const struct delivery_result *result)
{
    bool failed = result->outcome != DELIVERY_DONE;
    if (failed != route->refresh_failed)
        keep_error(dispatch, route, failed ? result->error : "");
    route->refreshing = false;
    route->refresh_ms = result->at_ms + route->webhook->resend_ms;
    if (failed && !route->refresh_failed)
        say_warning("webhook %s: cannot tell again what is open: %s; not said again until it can", route->name,
                    result->error);
    else if (!failed && route->refresh_failed)
        say_warning("webhook %s: told again what is open", route->name);
    route->refresh_failed = failed;
}

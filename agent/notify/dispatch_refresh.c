/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/say.h"
#include "dispatch_private.h"

/*
 * An Alertmanager keeps its alerts in memory only, and may forget them. So it is told again at intervals what is open, and for a while
 * what ended. Each request tells everything and none depends on another, so what was refused once (because a token had expired) arrives
 * with a later one. Nothing is written to disk for it, and while there is no alert the agent does not wake up for it.
 */

enum { REFRESH_TOLD_MOST = 500 }; /* messages that are loaded */

bool refresh_is_needed(const struct receiver *receiver)
{
    return receiver->webhook && receiver->webhook->format == FORMAT_ALERTMANAGER;
}

/* Stores why the Alertmanager could not be told again ("": it could), for `agent status`. */
static void refresh_keep_error(struct dispatch *dispatch, const struct receiver *receiver, const char *error)
{
    struct strbuf key = { 0 };
    strbuf_printf(&key, "%s%s", STATE_REFRESH, receiver->name);
    history_put_state(dispatch->history, strbuf_text(&key), slice_of(error));
    strbuf_free(&key);
}

static bool refresh_had_error(struct dispatch *dispatch, const struct receiver *receiver)
{
    struct strbuf key = { 0 }, error = { 0 };
    strbuf_printf(&key, "%s%s", STATE_REFRESH, receiver->name);
    bool had = history_get_state(dispatch->history, strbuf_text(&key), &error) && error.len > 0;
    strbuf_free(&key);
    strbuf_free(&error);
    return had;
}

void refresh_begin(struct dispatch *dispatch, struct receiver *receiver, int64_t now_ms)
{
    struct message *told[REFRESH_TOLD_MOST];
    size_t count =
        history_get_told(dispatch->history, receiver->name, now_ms - ALERTMANAGER_ENDED_MS, told, REFRESH_TOLD_MOST);
    for (size_t i = 0; i < count; i++) {
        alertmanager_alerts_take(&receiver->alerts, told[i]);
        message_free(told[i]);
    }
    receiver->refresh_ms = now_ms;
    receiver->refresh_failed = refresh_had_error(dispatch, receiver);
}

void refresh_render(struct dispatch *dispatch, struct receiver *receiver, int64_t now_ms, struct strbuf *body)
{
    const struct payload_origin origin = dispatch_origin(dispatch);
    for (size_t i = 0; i < receiver->count; i++)
        alertmanager_alerts_take(&receiver->alerts, receiver->entries[i].message);
    payload_render(dispatch->masker, receiver->webhook, &origin, (const struct message *const *)receiver->alerts.alerts,
                   receiver->alerts.count, receiver->length, now_ms, body);
}

/* A time more than one interval ahead was set before the clock was set back, so one interval is enough. */
static int64_t refresh_due_ms(const struct receiver *receiver, int64_t now_ms)
{
    int64_t latest_ms = now_ms + receiver->webhook->resend_ms;
    return receiver->refresh_ms < latest_ms ? receiver->refresh_ms : latest_ms;
}

int64_t refresh_next_ms(const struct receiver *receiver, int64_t now_ms)
{
    bool busy = receiver->count > 0 || receiver->refreshing; /* with a request that tells everything */
    return !refresh_is_needed(receiver) || busy || receiver->alerts.count == 0 ? INT64_MAX
                                                                               : refresh_due_ms(receiver, now_ms);
}

void refresh_run(struct dispatch *dispatch, size_t index, int64_t now_ms)
{
    struct receiver *receiver = &dispatch->receivers[index];
    struct strbuf body = { 0 };
    if (refresh_next_ms(receiver, now_ms) > now_ms)
        return;
    alertmanager_alerts_forget(&receiver->alerts, now_ms);
    if (receiver->alerts.count == 0)
        return;
    refresh_render(dispatch, receiver, now_ms, &body);
    sender_submit(dispatch->sender, &(struct delivery){
                                        .id = REFRESH_ID,
                                        .webhook = index,
                                        .body = body.at,
                                        .body_len = body.len,
                                        .effort = DELIVERY_ONCE,
                                    });
    receiver->refreshing = true;
}

void refresh_done(struct dispatch *dispatch, struct receiver *receiver, const struct delivery_result *result)
{
    bool failed = result->outcome != DELIVERY_DONE;
    if (failed != receiver->refresh_failed)
        refresh_keep_error(dispatch, receiver, failed ? result->error : "");
    receiver->refreshing = false;
    receiver->refresh_ms = result->at_ms + receiver->webhook->resend_ms;
    if (failed && !receiver->refresh_failed)
        say_warning("webhook %s: cannot tell again what is open: %s; not said again until it can", receiver->name,
                    result->error);
    else if (!failed && receiver->refresh_failed)
        say_note("webhook %s: told again what is open", receiver->name);
    receiver->refresh_failed = failed;
}

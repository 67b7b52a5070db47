/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cut.h"
#include "base/mask.h"
#include "base/say.h"
#include "dispatch_private.h"

/* The name of standard output's receiver in the outbox. */
static const char STDOUT_NAME[] = "stdout";

struct payload_origin dispatch_origin(const struct dispatch *dispatch)
{
    return (struct payload_origin){
        .host = dispatch->told_as.host,
        .log_path = dispatch->told_as.log_path,
        .version = AGENT_VERSION,
        .links = &dispatch->config->links,
    };
}

static void dispatch_choose_told_as(struct dispatch *dispatch)
{
    struct told_as *told_as = &dispatch->told_as;
    bool kept = told_as_choose(told_as, dispatch->history, dispatch->config);
    if (kept && !dispatch->told_as_kept)
        say_warning("notifications go on as from host %s, log %s, until the open incidents are over", told_as->host,
                    told_as->log_path);
    dispatch->told_as_kept = kept;
}

void dispatch_review(struct dispatch *dispatch)
{
    if (dispatch->told_as_kept)
        dispatch_choose_told_as(dispatch);
}

void receiver_record(struct dispatch *dispatch, struct receiver *receiver, const char *status,
                     const struct delivery_result *result)
{
    for (size_t i = 0; i < receiver->count; i++) {
        history_put_delivery(dispatch->history, receiver->entries[i].id, status, result->attempts,
                             result->next_attempt_ms, strcmp(status, "delivered") == 0 ? result->at_ms : 0,
                             result->error[0] ? result->error : NULL);
    }
}

void receiver_clear(struct receiver *receiver)
{
    for (size_t i = 0; i < receiver->count; i++)
        message_free(receiver->entries[i].message);
    receiver->count = 0;
    receiver->length = PAYLOAD_FULL;
    receiver->tried = false;
}

void receiver_finish(struct receiver *receiver)
{
    receiver->handled_id = receiver->entries[receiver->count - 1].id;
    receiver->waiting = true;
    receiver_clear(receiver);
}

/* --- Who hears a message ------------------------------------------------------------------------------------- */

/*
 * Whoever was told of an incident is told what becomes of it, whatever table or alert it has by then. A webhook that is told nothing but what
 * falls back to it is told the end only, since the other webhook may take the rest again.
 */
static bool receiver_was_told(const struct dispatch *dispatch, const struct receiver *receiver,
                              const struct message *message)
{
    bool is_spare = (int)receiver->webhook->min_severity == SEVERITY_NEVER;
    return (message->status == NOTIFY_RESOLVED || !is_spare) && message->incident_id != 0 &&
           history_find_outbox(dispatch->history, receiver->name, message->incident_id, 0);
}

/*
 * The news that a webhook is stuck goes to the other webhooks and to standard output. The news that it works again goes to all, so
 * that its own readers learn that something came late.
 */
static bool receiver_wants(const struct dispatch *dispatch, const struct receiver *receiver,
                           const struct message *message)
{
    bool stuck_news = message->alert == ALERT_NOTIFICATIONS_STUCK;
    if (!receiver->webhook)
        return stuck_news || dispatch->webhook_count == 0;
    if (stuck_news && receiver->stuck && message->status != NOTIFY_RESOLVED)
        return false;
    return route_takes(receiver->webhook, message) || receiver_was_told(dispatch, receiver, message);
}

/* Returns true for a receiver that keeps an alert open until it is told the end. */
static bool receiver_keeps_state(const struct receiver *receiver)
{
    return receiver->webhook &&
           (receiver->webhook->format == FORMAT_ALERTMANAGER || receiver->webhook->format == FORMAT_PAGERDUTY);
}

/*
 * Returns true for a receiver that gets each message of a group instead of the one that names them all. That one has the alert, table
 * and severity of one incident only, so a route cannot be asked of it.
 */
static bool receiver_gets_each(const struct receiver *receiver)
{
    return receiver_keeps_state(receiver) || (receiver->webhook && route_is_narrow(receiver->webhook));
}

static bool receiver_hears(const struct dispatch *dispatch, const struct receiver *receiver,
                           const struct message *message, enum hearing hearing)
{
    bool meant = hearing == HEARD_BY_ALL || (hearing == HEARD_BY_KEEPERS && receiver_keeps_state(receiver)) ||
                 (hearing == HEARD_IN_COMBINED && receiver_gets_each(receiver)) ||
                 (hearing == HEARD_AS_COMBINED && !receiver_gets_each(receiver));
    return meant && receiver_wants(dispatch, receiver, message);
}

static bool any_receiver_hears(const struct dispatch *dispatch, const struct message *message, enum hearing hearing)
{
    bool any = false;
    for (size_t i = 0; i <= dispatch->webhook_count; i++)
        any = any || receiver_hears(dispatch, &dispatch->receivers[i], message, hearing);
    return any;
}

void dispatch_put(struct dispatch *dispatch, const struct message *message, enum hearing hearing)
{
    if ((hearing == HEARD_BY_KEEPERS || hearing == HEARD_AS_COMBINED) &&
        !any_receiver_hears(dispatch, message, hearing))
        return;
    int64_t id = history_put_message(dispatch->history, message, hearing == HEARD_BY_NONE);
    for (size_t i = 0; i <= dispatch->webhook_count; i++) {
        struct receiver *receiver = &dispatch->receivers[i];
        if (!receiver_hears(dispatch, receiver, message, hearing))
            continue;
        history_put_outbox(dispatch->history, id, message->incident_id, receiver->name, message->time_ms);
        receiver->waiting = true;
    }
}

/* --- What goes out ------------------------------------------------------------------------------------------- */

static void receiver_render(struct dispatch *dispatch, struct receiver *receiver, int64_t now_ms, struct strbuf *body)
{
    const struct payload_origin origin = dispatch_origin(dispatch);
    const struct message *messages[COMBINED_MOST];
    if (refresh_is_needed(receiver)) {
        refresh_render(dispatch, receiver, now_ms, body);
        return;
    }
    for (size_t i = 0; i < receiver->count; i++)
        messages[i] = receiver->entries[i].message;
    payload_render(dispatch->masker, receiver->webhook, &origin, messages, receiver->count, receiver->length, now_ms,
                   body);
}

static void receiver_submit(struct dispatch *dispatch, size_t index, int64_t now_ms)
{
    struct receiver *receiver = &dispatch->receivers[index];
    const struct outbox_entry *oldest = &receiver->entries[0];
    const struct message *newest = receiver->entries[receiver->count - 1].message;
    const struct payload_origin origin = dispatch_origin(dispatch);
    struct strbuf body = { 0 }, key = { 0 };

    receiver_render(dispatch, receiver, now_ms, &body);
    receiver->refresh_ms = now_ms; /* so that another refresh follows soon if this request fails or takes long */
    payload_dedup_key(&origin, newest, &key);
    strbuf_printf(&key, "/%lld", (long long)newest->sequence);
    sender_submit(dispatch->sender, &(struct delivery){
                                        .id = oldest->id,
                                        .webhook = index,
                                        .body = body.at,
                                        .body_len = body.len,
                                        .idempotency_key = key.at,
                                        .attempts = oldest->attempts,
                                        .not_before_ms = oldest->next_attempt_ms,
                                    });
}

/* Returns how many of the waiting entries go into one request: one, or all if the oldest has waited for long. */
static size_t receiver_combined(const struct receiver *receiver, int64_t now_ms)
{
    bool stale = now_ms - receiver->entries[0].created_ms > STALE_MS;
    return stale && payload_combines(receiver->webhook->format) ? receiver->count : 1;
}

static void receiver_hand_over(struct dispatch *dispatch, size_t index, int64_t now_ms)
{
    struct receiver *receiver = &dispatch->receivers[index];
    receiver->count =
        history_get_outbox(dispatch->history, receiver->name, receiver->handled_id, receiver->entries, COMBINED_MOST);
    if (receiver->count == 0) {
        receiver->waiting = false;
        return;
    }
    size_t taken = receiver_combined(receiver, now_ms);
    while (receiver->count > taken)
        message_free(receiver->entries[--receiver->count].message);
    receiver_submit(dispatch, index, now_ms);
}

/* --- What came of it ----------------------------------------------------------------------------------------- */

static void dispatch_take_beat(struct dispatch *dispatch, const struct delivery_result *result)
{
    bool failed = result->outcome != DELIVERY_DONE;
    struct strbuf url = { 0 };

    mask_url(dispatch->config->heartbeat_url, &url);
    if (failed && !dispatch->beat_failed)
        say_error("heartbeat %s: %s; not said again until one arrives", strbuf_text(&url), result->error);
    else if (!failed && dispatch->beat_failed)
        say_note("heartbeat %s: arriving again", strbuf_text(&url));
    dispatch->beat_failed = failed;
    strbuf_free(&url);
}

static void receiver_take_refusal(struct dispatch *dispatch, struct receiver *receiver,
                                  const struct delivery_result *result)
{
    if (receiver->length == PAYLOAD_FULL) {
        receiver->length = PAYLOAD_SHORTEST;
        receiver->entries[0].attempts = result->attempts;
        receiver->entries[0].next_attempt_ms = 0;
        receiver_submit(dispatch, result->webhook, result->at_ms);
        return;
    }
    say_error("webhook %s: notification refused: %s", receiver->name, result->error);
    fallback_refused(dispatch, receiver, result->at_ms);
    receiver->refused += (int64_t)receiver->count;
    stuck_refused(receiver, result);
    receiver_record(dispatch, receiver, "refused", result);
    receiver_finish(receiver);
}

static void receiver_take_result(struct dispatch *dispatch, struct receiver *receiver,
                                 const struct delivery_result *result)
{
    switch (result->outcome) {
    case DELIVERY_DONE:
        if (refresh_is_needed(receiver))
            refresh_done(dispatch, receiver, result); /* each request tells all alerts */
        if (result->error[0] != '\0')
            say_warning("webhook %s: %s", receiver->name, result->error);
        receiver->delivered += (int64_t)receiver->count;
        receiver->refused_in_a_row = 0;
        receiver_record(dispatch, receiver, "delivered", result);
        receiver_finish(receiver);
        break;
    case DELIVERY_RETRY:
        receiver->tried = true;
        cut_copy(result->error, receiver->error, sizeof receiver->error);
        receiver->retried += (int64_t)receiver->count;
        receiver_record(dispatch, receiver, "pending", result);
        break;
    case DELIVERY_REFUSED: receiver_take_refusal(dispatch, receiver, result); break;
    }
}

static void dispatch_take_results(struct dispatch *dispatch)
{
    struct delivery_result result;
    while (sender_take_result(dispatch->sender, &result)) {
        struct receiver *receiver = &dispatch->receivers[result.webhook];
        if (result.webhook == dispatch->config->webhook_count)
            dispatch_take_beat(dispatch, &result);
        else if (result.id == REFRESH_ID)
            refresh_done(dispatch, receiver, &result);
        else if (receiver->count > 0 && receiver->entries[0].id == result.id)
            receiver_take_result(dispatch, receiver, &result);
    }
}

/* --- Its life ------------------------------------------------------------------------------------------------ */

struct dispatch *dispatch_open(const struct config *config, struct history *history, void (*wake)(void),
                               struct strbuf *error)
{
    size_t count = config->webhook_count;
    struct dispatch *dispatch = must_alloc(sizeof *dispatch);
    *dispatch = (struct dispatch){ .config = config, .history = history, .webhook_count = count };
    dispatch->receivers = must_alloc((count + 1) * sizeof *dispatch->receivers);
    for (size_t i = 0; i < count; i++)
        dispatch->receivers[i] =
            (struct receiver){ .name = config->webhooks[i].name, .webhook = &config->webhooks[i], .waiting = true };
    dispatch->receivers[count] = (struct receiver){ .name = STDOUT_NAME, .waiting = true };
    dispatch->masker = masker_open();
    bool sends = count > 0 || config->heartbeat_url;
    if (sends)
        dispatch->sender = sender_open(config, wake, error);
    if (sends && !dispatch->sender) {
        dispatch_close(dispatch);
        return NULL;
    }
    return dispatch;
}

void dispatch_stop(struct dispatch *dispatch)
{
    if (!dispatch->sender)
        return;
    sender_stop(dispatch->sender);
    dispatch_take_results(dispatch); /* what was delivered at the last moment must not be sent again */
}

void dispatch_close(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    dispatch_stop(dispatch);
    sender_close(dispatch->sender);
    for (size_t i = 0; i <= dispatch->webhook_count; i++) {
        receiver_clear(&dispatch->receivers[i]);
        alertmanager_alerts_free(&dispatch->receivers[i].alerts);
    }
    masker_close(dispatch->masker);
    told_as_free(&dispatch->told_as);
    free(dispatch->receivers);
    free(dispatch);
}

/*
 * Takes up what waits in the outbox. This happens after the first commit: by then the results of a dispatch that a reload replaced are
 * on disk, and a dispatch that was opened for a reload that failed has left no trace.
 */
static void dispatch_begin(struct dispatch *dispatch, int64_t now_ms)
{
    dispatch_choose_told_as(dispatch);
    for (size_t i = 0; i < dispatch->webhook_count; i++)
        if (refresh_is_needed(&dispatch->receivers[i]))
            refresh_begin(dispatch, &dispatch->receivers[i], now_ms);
    stuck_abandon(dispatch);
    dispatch->begun = true;
}

void dispatch_run(struct dispatch *dispatch, int64_t now_ms)
{
    if (!dispatch->begun)
        dispatch_begin(dispatch, now_ms);
    if (dispatch->sender)
        dispatch_take_results(dispatch);
    for (size_t i = 0; i < dispatch->webhook_count; i++)
        fallback_run(dispatch, &dispatch->receivers[i], now_ms);
    for (size_t i = 0; i < dispatch->webhook_count; i++) {
        struct receiver *receiver = &dispatch->receivers[i];
        if (receiver->waiting && receiver->count == 0 && !receiver->fell_now)
            receiver_hand_over(dispatch, i, now_ms);
        receiver->fell_now = false;
        refresh_run(dispatch, i, now_ms);
    }
    dispatch_print(dispatch, now_ms);
}

int64_t dispatch_next_ms(const struct dispatch *dispatch, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i <= dispatch->webhook_count; i++) {
        const struct receiver *receiver = &dispatch->receivers[i];
        int64_t times[] = { refresh_next_ms(receiver, now_ms), stuck_next_ms(receiver),
                            fallback_next_ms(receiver, now_ms), receiver->print_ms ? receiver->print_ms : INT64_MAX };
        for (size_t t = 0; t < sizeof times / sizeof times[0]; t++)
            next_ms = times[t] < next_ms ? times[t] : next_ms;
    }
    return next_ms;
}

/* Returns false if the last message was not taken: it was refused, or it is still being tried after a failure. */
static bool receiver_takes(const struct receiver *receiver)
{
    bool failing = receiver->count > 0 && receiver->tried;
    return !receiver->stuck && !failing && receiver->refused_in_a_row == 0;
}

bool dispatch_can_tell(const struct dispatch *dispatch)
{
    if (dispatch->webhook_count == 0)
        return receiver_takes(&dispatch->receivers[0]);
    for (size_t i = 0; i < dispatch->webhook_count; i++)
        if (receiver_takes(&dispatch->receivers[i]))
            return true;
    return false;
}

void dispatch_beat(struct dispatch *dispatch)
{
    sender_beat(dispatch->sender);
}

bool dispatch_counts(const struct dispatch *dispatch, size_t index, struct dispatch_counts *counts)
{
    if (index >= (dispatch->webhook_count ? dispatch->webhook_count : 1))
        return false;
    const struct receiver *receiver = &dispatch->receivers[index];
    *counts = (struct dispatch_counts){ receiver->name, receiver->delivered, receiver->retried, receiver->refused };
    return true;
}

void dispatch_count_on(struct dispatch *dispatch, const struct dispatch *ended)
{
    for (size_t i = 0; i <= dispatch->webhook_count; i++) {
        struct receiver *receiver = &dispatch->receivers[i];
        struct dispatch_counts counts;
        for (size_t j = 0; dispatch_counts(ended, j, &counts); j++) {
            if (strcmp(counts.webhook, receiver->name) != 0)
                continue;
            receiver->delivered += counts.delivered;
            receiver->retried += counts.retried;
            receiver->refused += counts.refused;
        }
    }
}

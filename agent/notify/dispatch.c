/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cut.h"
#include "base/mask.h"
#include "base/say.h"
#include "dispatch_private.h"

static const char printed[] = "stdout";

struct payload_origin dispatch_origin(const struct dispatch *dispatch)
{
    return (struct payload_origin){ dispatch->origin.host, dispatch->origin.log_path, AGENT_VERSION };
}

static void choose_origin(struct dispatch *dispatch)
{
    struct origin *origin = &dispatch->origin;
    bool kept = origin_choose(origin, dispatch->history, dispatch->config);
    if (kept && !dispatch->origin_kept)
        say_warning("notifications go on as from host %s, log %s, until the open incidents are over", origin->host,
                    origin->log_path);
    dispatch->origin_kept = kept;
}

void dispatch_review(struct dispatch *dispatch)
{
    if (dispatch->origin_kept)
        choose_origin(dispatch);
}

struct dispatch *dispatch_open(const struct config *config, struct history *history, void (*wake)(void),
                               struct strbuf *error)
{
    struct dispatch *dispatch = must_alloc(sizeof *dispatch);
    *dispatch = (struct dispatch){
        .config = config,
        .history = history,
        .webhook_count = config->webhook_count,
    };
    dispatch->routes = must_alloc((config->webhook_count + 1) * sizeof *dispatch->routes);
    for (size_t i = 0; i < config->webhook_count; i++)
        dispatch->routes[i] =
            (struct route){ .name = config->webhooks[i].name, .webhook = &config->webhooks[i], .waiting = true };
    dispatch->routes[config->webhook_count] = (struct route){ .name = printed, .waiting = true };
    bool sends = config->webhook_count > 0 || config->heartbeat_url;
    dispatch->maker = payload_maker_open();
    if (sends)
        dispatch->sender = sender_open(config, wake, error);
    if (sends && !dispatch->sender) {
        dispatch_close(dispatch);
        return NULL;
    }
    return dispatch;
}

void route_clear(struct route *route)
{
    for (size_t i = 0; i < route->count; i++)
        message_free(route->entries[i].message);
    route->count = 0;
    route->shortened = route->tried = false;
}

static void take_results(struct dispatch *dispatch);

void dispatch_stop(struct dispatch *dispatch)
{
    if (!dispatch->sender)
        return;
    sender_stop(dispatch->sender);
    take_results(dispatch); /* what arrived in the last moment is not sent again */
}

void dispatch_close(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    dispatch_stop(dispatch);
    sender_close(dispatch->sender);
    for (size_t i = 0; i <= dispatch->webhook_count; i++) {
        route_clear(&dispatch->routes[i]);
        shown_free(&dispatch->routes[i].shown);
    }
    payload_maker_free(dispatch->maker);
    origin_free(&dispatch->origin);
    free(dispatch->routes);
    free(dispatch);
}

/*
 * That webhooks take nothing is for the others, and for standard output; that they do again is for all, so that whoever
 * reads there learns what came late.
 */
static bool takes(const struct dispatch *dispatch, const struct route *route, const struct message *message)
{
    bool stuck_news = message->alert == ALERT_NOTIFICATIONS_STUCK;
    if (!route->webhook)
        return stuck_news || dispatch->webhook_count == 0;
    if (stuck_news && route->stuck && message->status != NOTIFY_RESOLVED)
        return false;
    return message->severity >= route->webhook->min_severity;
}

/* An alert that is never told to have ended stays open there for ever. */
static bool keeps_state(const struct route *route)
{
    return route->webhook &&
           (route->webhook->format == FORMAT_ALERTMANAGER || route->webhook->format == FORMAT_PAGERDUTY);
}

static bool hears(const struct dispatch *dispatch, const struct route *route, const struct message *message,
                  enum hearing hearing)
{
    bool meant = hearing == HEARD_BY_ALL || (hearing == HEARD_BY_KEEPERS && keeps_state(route));
    return meant && takes(dispatch, route, message);
}

static bool any_hears(const struct dispatch *dispatch, const struct message *message, enum hearing hearing)
{
    bool any = false;
    for (size_t i = 0; i <= dispatch->webhook_count; i++)
        any = any || hears(dispatch, &dispatch->routes[i], message, hearing);
    return any;
}

void dispatch_put(struct dispatch *dispatch, const struct message *message, enum hearing hearing)
{
    if (hearing == HEARD_BY_KEEPERS && !any_hears(dispatch, message, hearing))
        return;
    int64_t id = history_put_message(dispatch->history, message, hearing == HEARD_BY_NONE);
    for (size_t i = 0; i <= dispatch->webhook_count; i++) {
        struct route *route = &dispatch->routes[i];
        if (!hears(dispatch, route, message, hearing))
            continue;
        history_put_outbox(dispatch->history, id, message->incident_id, route->name, message->time_ms);
        route->waiting = true;
    }
}

/* --- what came of it --------------------------------------------------------------------------------------- */

void route_record(struct dispatch *dispatch, struct route *route, const char *status,
                  const struct delivery_result *result)
{
    for (size_t i = 0; i < route->count; i++) {
        history_put_delivery(dispatch->history, route->entries[i].id, status, result->attempts, result->next_attempt_ms,
                             strcmp(status, "delivered") == 0 ? result->at_ms : 0,
                             result->error[0] ? result->error : NULL);
    }
}

void route_done(struct route *route)
{
    route->handled = route->entries[route->count - 1].id;
    route->waiting = true;
    route_clear(route);
}

static void submit(struct dispatch *dispatch, size_t index, int64_t now_ms);

static void take_beat_result(struct dispatch *dispatch, const struct delivery_result *result)
{
    bool failed = result->outcome != DELIVERY_DONE;
    struct strbuf url = { 0 };

    mask_url(dispatch->config->heartbeat_url, &url);
    if (failed && !dispatch->beat_failed)
        say_error("heartbeat %s: %s; not said again until one arrives", strbuf_text(&url), result->error);
    else if (!failed && dispatch->beat_failed)
        say_warning("heartbeat %s: arriving again", strbuf_text(&url));
    dispatch->beat_failed = failed;
    strbuf_free(&url);
}

static void take_result(struct dispatch *dispatch, const struct delivery_result *result)
{
    if (result->webhook == dispatch->config->webhook_count) {
        take_beat_result(dispatch, result);
        return;
    }
    struct route *route = &dispatch->routes[result->webhook];
    if (result->id == REFRESH_ID) {
        upkeep_done(dispatch, route, result);
        return;
    }
    if (route->count == 0 || route->entries[0].id != result->id)
        return;
    switch (result->outcome) {
    case DELIVERY_DONE:
        if (upkeep_wanted(route))
            upkeep_done(dispatch, route, result); /* it said everything */
        route->delivered += (int64_t)route->count;
        route->refused_in_a_row = 0;
        route_record(dispatch, route, "delivered", result);
        route_done(route);
        break;
    case DELIVERY_RETRY:
        route->tried = true;
        cut_copy(result->error, route->error, sizeof route->error);
        route->retried += (int64_t)route->count;
        route_record(dispatch, route, "pending", result);
        break;
    case DELIVERY_REFUSED:
        if (!route->shortened) {
            route->shortened = true;
            route->entries[0].attempts = result->attempts;
            route->entries[0].next_attempt_ms = 0;
            submit(dispatch, result->webhook, result->at_ms);
            break;
        }
        say_error("webhook %s: notification refused: %s", route->name, result->error);
        route->refused += (int64_t)route->count;
        stuck_refused(route, result);
        route_record(dispatch, route, "refused", result);
        route_done(route);
        break;
    }
}

static void take_results(struct dispatch *dispatch)
{
    struct delivery_result result;
    while (sender_take_result(dispatch->sender, &result))
        take_result(dispatch, &result);
}

/* --- what goes out ----------------------------------------------------------------------------------------- */

static void render(struct dispatch *dispatch, struct route *route, int64_t now_ms, struct strbuf *body)
{
    const struct payload_origin origin = dispatch_origin(dispatch);
    const struct message *messages[COMBINED_MOST];
    if (upkeep_wanted(route)) {
        upkeep_render(dispatch, route, now_ms, body);
        return;
    }
    for (size_t i = 0; i < route->count; i++)
        messages[i] = route->entries[i].message;
    payload_render(dispatch->maker, route->webhook->format, &origin, messages, route->count, route->shortened, now_ms,
                   body);
}

static void submit(struct dispatch *dispatch, size_t index, int64_t now_ms)
{
    struct route *route = &dispatch->routes[index];
    const struct message *newest = route->entries[route->count - 1].message;
    const struct payload_origin origin = dispatch_origin(dispatch);
    struct strbuf body = { 0 }, key = { 0 };

    render(dispatch, route, now_ms, &body);
    route->refresh_ms = now_ms; /* one that is refused or was long in coming is soon followed by another */
    payload_dedup_key(&origin, newest, &key);
    strbuf_printf(&key, "/%lld", (long long)newest->sequence);
    sender_submit(dispatch->sender, &(struct delivery){
                                        .id = route->entries[0].id,
                                        .webhook = index,
                                        .body = body.at,
                                        .body_len = body.len,
                                        .idempotency_key = key.at,
                                        .attempts = route->entries[0].attempts,
                                        .not_before_ms = route->entries[0].next_attempt_ms,
                                    });
}

/* How many of the waiting entries go into one request: all, if the oldest became stale while the receiver was away. */
static size_t combined(const struct dispatch *dispatch, size_t index, int64_t now_ms)
{
    const struct route *route = &dispatch->routes[index];
    bool stale = now_ms - route->entries[0].created_ms > STALE_MS;
    /* PagerDuty takes one event a request. */
    return stale && route->webhook->format != FORMAT_PAGERDUTY ? route->count : 1;
}

static void hand_over(struct dispatch *dispatch, size_t index, int64_t now_ms)
{
    struct route *route = &dispatch->routes[index];
    route->count = history_get_outbox(dispatch->history, route->name, route->handled, route->entries, COMBINED_MOST);
    if (route->count == 0) {
        route->waiting = false;
        return;
    }
    size_t taken = combined(dispatch, index, now_ms);
    while (route->count > taken)
        message_free(route->entries[--route->count].message);
    submit(dispatch, index, now_ms);
}

/* Not before the first commit: what another dispatch brought back last (a reload) is then on disk, and a refused one left no trace. */
static void begin(struct dispatch *dispatch, int64_t now_ms)
{
    choose_origin(dispatch);
    for (size_t i = 0; i < dispatch->webhook_count; i++)
        if (upkeep_wanted(&dispatch->routes[i]))
            upkeep_begin(dispatch, &dispatch->routes[i], now_ms);
    stuck_abandon(dispatch);
    dispatch->begun = true;
}

void dispatch_run(struct dispatch *dispatch, int64_t now_ms)
{
    if (!dispatch->begun)
        begin(dispatch, now_ms);
    if (dispatch->sender)
        take_results(dispatch);
    for (size_t i = 0; i < dispatch->webhook_count; i++) {
        if (dispatch->routes[i].waiting && dispatch->routes[i].count == 0)
            hand_over(dispatch, i, now_ms);
        upkeep_run(dispatch, i, now_ms);
    }
    dispatch_print(dispatch, now_ms);
}

int64_t dispatch_next_ms(const struct dispatch *dispatch, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i <= dispatch->webhook_count; i++) {
        const struct route *route = &dispatch->routes[i];
        int64_t times[] = { upkeep_next_ms(route, now_ms), stuck_next_ms(route),
                            route->print_ms ? route->print_ms : INT64_MAX };
        for (size_t t = 0; t < sizeof times / sizeof times[0]; t++)
            next_ms = times[t] < next_ms ? times[t] : next_ms;
    }
    return next_ms;
}

void dispatch_beat(struct dispatch *dispatch)
{
    sender_beat(dispatch->sender);
}

bool dispatch_counts(const struct dispatch *dispatch, size_t index, struct dispatch_counts *counts)
{
    if (index >= (dispatch->webhook_count ? dispatch->webhook_count : 1))
        return false;
    const struct route *route = &dispatch->routes[index];
    *counts = (struct dispatch_counts){ route->name, route->delivered, route->retried, route->refused };
    return true;
}

void dispatch_count_on(struct dispatch *dispatch, const struct dispatch *ended)
{
    for (size_t i = 0; i <= dispatch->webhook_count; i++) {
        struct route *route = &dispatch->routes[i];
        struct dispatch_counts counts;
        for (size_t j = 0; dispatch_counts(ended, j, &counts); j++) {
            if (strcmp(counts.webhook, route->name) != 0)
                continue;
            route->delivered += counts.delivered;
            route->retried += counts.retried;
            route->refused += counts.refused;
        }
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "origin.h"
#include "shell/mask.h"
#include "shell/payload.h"
#include "shell/say.h"
#include "shell/secret.h"
#include "shell/sender.h"

enum {
    COMBINED_MOST = 50,                  /* messages in one request */
    STALE_MS = 10 * 60 * 1000,           /* older than that, what waits goes out as one message */
};

static const char printed[] = "stdout";

/* What is on its way to one webhook: one request, of one or more outbox entries. */
struct route {
    const char *name;
    bool waiting;            /* the outbox may have more for it */
    bool shortened;          /* the request was refused once already and goes in its shortest form */
    int64_t handled;         /* the outbox is done up to this id */
    struct outbox_entry entries[COMBINED_MOST];
    size_t count;            /* 0: nothing on its way */
    int64_t delivered, retried, refused;
};

struct dispatch {
    const struct config *config;
    struct history *history;
    struct json_maker *json;
    struct sender *sender;   /* NULL: neither webhook nor heartbeat */
    struct origin origin;
    bool origin_kept;        /* another than the configured one, for the incidents that are open */
    struct route *routes;
    size_t route_count;
    bool beat_failed;        /* and that was said */
};

/* Without a webhook, standard output is the only route. */
static bool prints(const struct dispatch *dispatch)
{
    return dispatch->config->webhook_count == 0;
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
        .route_count = config->webhook_count ? config->webhook_count : 1,
    };
    dispatch->routes = must_alloc(dispatch->route_count * sizeof *dispatch->routes);
    for (size_t i = 0; i < dispatch->route_count; i++) {
        dispatch->routes[i].name = config->webhook_count ? config->webhooks[i].name : printed;
        dispatch->routes[i].waiting = true;
    }
    choose_origin(dispatch);
    bool sends = config->webhook_count > 0 || config->heartbeat_url;
    dispatch->json = json_maker_open(error);
    if (dispatch->json && sends)
        dispatch->sender = sender_open(config, wake, error);
    if (!dispatch->json || (sends && !dispatch->sender)) {
        dispatch_close(dispatch);
        return NULL;
    }
    return dispatch;
}

static void route_clear(struct route *route)
{
    for (size_t i = 0; i < route->count; i++)
        message_free(route->entries[i].message);
    route->count = 0;
    route->shortened = false;
}

static void take_results(struct dispatch *dispatch);

void dispatch_stop(struct dispatch *dispatch)
{
    if (!dispatch->sender)
        return;
    sender_stop(dispatch->sender);
    take_results(dispatch);   /* what arrived in the last moment is not sent again */
}

void dispatch_close(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    dispatch_stop(dispatch);
    sender_close(dispatch->sender);
    for (size_t i = 0; i < dispatch->route_count; i++)
        route_clear(&dispatch->routes[i]);
    if (dispatch->json)
        json_maker_free(dispatch->json);
    origin_free(&dispatch->origin);
    free(dispatch->routes);
    free(dispatch);
}

static enum severity least_severity(const struct dispatch *dispatch, size_t route)
{
    return prints(dispatch) ? SEVERITY_WARNING : dispatch->config->webhooks[route].min_severity;
}

void dispatch_put(struct dispatch *dispatch, const struct message *message, bool silenced)
{
    int64_t id = history_put_message(dispatch->history, message, silenced);
    for (size_t i = 0; !silenced && i < dispatch->route_count; i++) {
        if (message->severity < least_severity(dispatch, i))
            continue;
        history_put_outbox(dispatch->history, id, message->incident_id, dispatch->routes[i].name, message->time_ms);
        dispatch->routes[i].waiting = true;
    }
}

/* --- what came of it --------------------------------------------------------------------------------------- */

/* All entries of the request have the same fate. */
static void record(struct dispatch *dispatch, struct route *route, const char *status, const struct delivery_result *result)
{
    for (size_t i = 0; i < route->count; i++) {
        history_put_delivery(dispatch->history, route->entries[i].id, status, result->attempts, result->next_attempt_ms,
                             strcmp(status, "delivered") == 0 ? result->at_ms : 0, result->error[0] ? result->error : NULL);
    }
}

static void route_done(struct route *route)
{
    route->handled = route->entries[route->count - 1].id;
    route->waiting = true;
    route_clear(route);
}

static void submit(struct dispatch *dispatch, size_t index);

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
    if (route->count == 0 || route->entries[0].id != result->id)
        return;
    switch (result->outcome) {
    case DELIVERY_DONE:
        route->delivered += (int64_t)route->count;
        record(dispatch, route, "delivered", result);
        route_done(route);
        break;
    case DELIVERY_RETRY:
        route->retried += (int64_t)route->count;
        record(dispatch, route, "pending", result);
        break;
    case DELIVERY_REFUSED:
        if (!route->shortened) {
            route->shortened = true;
            route->entries[0].attempts = result->attempts;
            route->entries[0].next_attempt_ms = 0;
            submit(dispatch, result->webhook);
            break;
        }
        say_error("webhook %s: notification refused: %s", route->name, result->error);
        route->refused += (int64_t)route->count;
        record(dispatch, route, "refused", result);
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

/* Read anew each time, so that a rotated key is used at once. */
static void read_routing_key(const struct webhook_config *webhook, struct strbuf *key)
{
    struct strbuf error = { 0 };
    if (webhook->routing_key_file && !secret_read(webhook->routing_key_file, key, &error))
        say_error("webhook %s: %s", webhook->name, strbuf_text(&error));
    strbuf_free(&error);
}

static void submit(struct dispatch *dispatch, size_t index)
{
    const struct webhook_config *webhook = &dispatch->config->webhooks[index];
    struct route *route = &dispatch->routes[index];
    const struct payload_origin origin = { dispatch->origin.host, dispatch->origin.log_path, AGENT_VERSION };
    const struct message *messages[COMBINED_MOST];
    struct strbuf body = { 0 }, key = { 0 }, routing_key = { 0 };

    read_routing_key(webhook, &routing_key);
    for (size_t i = 0; i < route->count; i++)
        messages[i] = route->entries[i].message;
    payload_render(dispatch->json, webhook->format, &origin, messages, route->count, route->shortened,
                   routing_key.len ? strbuf_text(&routing_key) : NULL, &body);
    payload_dedup_key(&origin, messages[route->count - 1], &key);
    strbuf_printf(&key, "/%lld", (long long)messages[route->count - 1]->sequence);
    sender_submit(dispatch->sender, &(struct delivery){
        .id = route->entries[0].id,
        .webhook = index,
        .body = body.at,
        .body_len = body.len,
        .idempotency_key = key.at,
        .attempts = route->entries[0].attempts,
        .not_before_ms = route->entries[0].next_attempt_ms,
    });
    strbuf_free(&routing_key);
}

/* How many of the waiting entries go into one request: all, if the oldest became stale while the receiver was away. */
static size_t combined(const struct dispatch *dispatch, size_t index, int64_t now_ms)
{
    const struct route *route = &dispatch->routes[index];
    bool stale = now_ms - route->entries[0].created_ms > STALE_MS;
    /* One event a request is all that PagerDuty and Alertmanager's API take per incident. */
    enum payload_format format = dispatch->config->webhooks[index].format;
    bool combinable = format == FORMAT_GENERIC || format == FORMAT_SLACK;
    return stale && combinable ? route->count : 1;
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
    submit(dispatch, index);
}

static void print_waiting(struct dispatch *dispatch, int64_t now_ms)
{
    struct route *route = &dispatch->routes[0];
    while (route->waiting) {
        struct strbuf line = { 0 };
        route->count = history_get_outbox(dispatch->history, route->name, route->handled, route->entries, 1);
        if (route->count == 0) {
            route->waiting = false;
            return;
        }
        message_text(route->entries[0].message, &line);
        strbuf_puts(&line, "\n");
        bool printed_it = fputs(strbuf_text(&line), stdout) != EOF && fflush(stdout) == 0;
        strbuf_free(&line);
        if (!printed_it) {
            say_error("standard output: %s; the notification waits", strerror(errno));
            clearerr(stdout);
            route_clear(route);
            route->waiting = false;   /* until the next notification, or the next start */
            return;
        }
        record(dispatch, route, "delivered", &(struct delivery_result){ .attempts = 1, .at_ms = now_ms });
        route_done(route);
    }
}

void dispatch_run(struct dispatch *dispatch, int64_t now_ms)
{
    if (dispatch->sender)
        take_results(dispatch);
    if (prints(dispatch)) {
        print_waiting(dispatch, now_ms);
        return;
    }
    for (size_t i = 0; i < dispatch->route_count; i++) {
        if (dispatch->routes[i].waiting && dispatch->routes[i].count == 0)
            hand_over(dispatch, i, now_ms);
    }
}

void dispatch_beat(struct dispatch *dispatch)
{
    sender_beat(dispatch->sender);
}

bool dispatch_counts(const struct dispatch *dispatch, size_t index, struct dispatch_counts *counts)
{
    if (index >= dispatch->route_count)
        return false;
    const struct route *route = &dispatch->routes[index];
    *counts = (struct dispatch_counts){ route->name, route->delivered, route->retried, route->refused };
    return true;
}

void dispatch_count_on(struct dispatch *dispatch, const struct dispatch *ended)
{
    for (size_t i = 0; i < dispatch->route_count; i++) {
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

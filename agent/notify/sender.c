/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sender.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "base/clock.h"
#include "base/cut.h"
#include "base/thread.h"
#include "webhook_request.h"

enum {
    STOP_GRACE_MS = 700, /* how long a request in flight may still take when the sender is stopped */
    BEAT_TIMEOUT_MS = 10000
};

struct result_node {
    struct delivery_result result;
    struct result_node *next;
};

/* The lock guards the requests' queues, the results and stopping. All else belongs to the thread. */
struct sender {
    pthread_t thread;
    bool joined;
    pthread_mutex_t lock;
    bool stopping;
    struct result_node *first_result, *last_result;

    void (*wake)(void);
    CURLM *multi;                     /* others than the thread may only call curl_multi_wakeup() on it */
    struct webhook_request *requests; /* the webhooks', then the heartbeat's if there is one */
    size_t request_count;
    struct webhook_config heartbeat; /* for its request; the strings are borrowed */
};

/* How long it is until an instant of the wall clock. The wait itself is measured on CLOCK_MONOTONIC, which nobody sets. */
static int64_t ms_until(int64_t wall_ms)
{
    int64_t wait_ms = wall_ms - clock_now_ms();

    return wall_ms > 0 && wait_ms > 0 ? wait_ms : 0;
}

static void queued_delivery_free(struct queued_delivery *queued)
{
    free(queued->delivery.body);
    free(queued->delivery.idempotency_key);
    free(queued);
}

static void sender_put_result(struct sender *sender, const struct delivery_result *result)
{
    struct result_node *node = must_alloc(sizeof *node);

    node->result = *result;
    if (sender->last_result)
        sender->last_result->next = node;
    else
        sender->first_result = node;
    sender->last_result = node;
}

/* The first delivery of the queue was tried. It leaves the queue, or it waits for its next attempt and all later ones behind it. */
static void delivery_settle(struct sender *sender, struct webhook_request *request, struct delivery_result *result,
                            int64_t retry_after_s)
{
    struct queued_delivery *queued = request->first;

    queued->delivery.attempts++;
    result->id = queued->delivery.id;
    result->webhook = request->index;
    result->attempts = queued->delivery.attempts;
    result->at_ms = clock_now_ms();
    int64_t wait_ms = backoff_wait_ms(queued->delivery.attempts, retry_after_s);

    pthread_mutex_lock(&sender->lock);
    request->in_flight = false;
    if (result->outcome == DELIVERY_RETRY && queued->delivery.effort == DELIVERY_UNTIL_TAKEN) {
        queued->due_ms = clock_running_ms() + wait_ms;
        result->next_attempt_ms = result->at_ms + wait_ms;
    } else {
        request->first = queued->next;
        request->last = request->first ? request->last : NULL;
        queued_delivery_free(queued);
    }
    sender_put_result(sender, result);
    pthread_mutex_unlock(&sender->lock);
    sender->wake();
}

static void delivery_settle_unsent(struct sender *sender, struct webhook_request *request, const char *why)
{
    struct delivery_result result = { .outcome = DELIVERY_RETRY };

    cut_copy(why, result.error, sizeof result.error);
    delivery_settle(sender, request, &result, 0);
}

static void delivery_begin(struct sender *sender, struct webhook_request *request, const struct queued_delivery *queued)
{
    struct strbuf error = { 0 };

    if (!webhook_request_prepare(request, &queued->delivery, &error)) {
        delivery_settle_unsent(sender, request, strbuf_text(&error));
    } else {
        CURLMcode code = curl_multi_add_handle(sender->multi, request->easy);
        if (code != CURLM_OK)
            delivery_settle_unsent(sender, request, curl_multi_strerror(code));
    }
    strbuf_free(&error);
}

/* Begins each delivery that is due. Returns how long to sleep until the next one is, in milliseconds. */
static int64_t sender_begin_due(struct sender *sender)
{
    int64_t sleep_ms = INT_MAX;

    for (size_t i = 0; i < sender->request_count; i++) {
        struct webhook_request *request = &sender->requests[i];
        struct queued_delivery *due = NULL;

        pthread_mutex_lock(&sender->lock);
        if (!request->in_flight && request->first && !sender->stopping) {
            int64_t wait_ms = request->first->due_ms - clock_running_ms();
            if (wait_ms <= 0) {
                due = request->first;
                request->in_flight = true;
            } else if (wait_ms < sleep_ms) {
                sleep_ms = wait_ms;
            }
        }
        pthread_mutex_unlock(&sender->lock);
        if (due) {
            delivery_begin(sender, request, due);
            sleep_ms = 0;
        }
    }
    return sleep_ms;
}

/* Takes the requests that have ended off the multi handle. Returns true if there was one, so that the next ones begin at once. */
static bool sender_finish_done(struct sender *sender)
{
    bool any = false;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
        struct webhook_request *request;
        struct delivery_result result = { 0 };
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&request);
        int64_t retry_after_s = webhook_request_judge(request, code, &result);
        curl_multi_remove_handle(sender->multi, easy);
        delivery_settle(sender, request, &result, retry_after_s);
        any = true;
    }
    return any;
}

static bool sender_is_stopping(struct sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    bool stopping = sender->stopping;
    pthread_mutex_unlock(&sender->lock);
    return stopping;
}

static void *sender_thread(void *user)
{
    struct sender *sender = user;
    int64_t stop_at_ms = 0;
    int running = 0;

    for (;;) {
        int64_t sleep_ms = sender_begin_due(sender);
        curl_multi_perform(sender->multi, &running);
        if (sender_finish_done(sender))
            continue;
        if (sender_is_stopping(sender)) {
            stop_at_ms = stop_at_ms != 0 ? stop_at_ms : clock_running_ms() + STOP_GRACE_MS;
            sleep_ms = stop_at_ms - clock_running_ms();
            if (running == 0 || sleep_ms <= 0)
                return NULL;
        }
        curl_multi_poll(sender->multi, NULL, 0, (int)sleep_ms, NULL);
    }
}

static bool sender_start_thread(struct sender *sender, struct strbuf *error)
{
    int code = thread_begin(&sender->thread, sender_thread, sender);

    if (code != 0)
        strbuf_printf(error, "the sender's thread: %s", strerror(code));
    return code == 0;
}

static void sender_free(struct sender *sender)
{
    for (size_t i = 0; i < sender->request_count; i++) {
        struct webhook_request *request = &sender->requests[i];
        if (sender->multi && request->in_flight)
            curl_multi_remove_handle(sender->multi, request->easy);
        while (request->first) {
            struct queued_delivery *queued = request->first;
            request->first = queued->next;
            queued_delivery_free(queued);
        }
        webhook_request_close(request);
    }
    while (sender->first_result) {
        struct result_node *node = sender->first_result;
        sender->first_result = node->next;
        free(node);
    }
    curl_multi_cleanup(sender->multi);
    pthread_mutex_destroy(&sender->lock);
    free(sender->requests);
    free(sender);
    curl_global_cleanup();
}

/* Opens a request for each webhook and for the heartbeat. */
static bool sender_open_requests(struct sender *sender, const struct config *config)
{
    size_t count = config->webhook_count;
    bool good = true;
    sender->requests = must_alloc((count + 1) * sizeof *sender->requests);
    for (size_t i = 0; i < count && good; i++)
        good =
            webhook_request_open(&sender->requests[sender->request_count++], REQUEST_WEBHOOK, &config->webhooks[i], i);
    if (good && config->heartbeat_url) {
        sender->heartbeat = (struct webhook_config){ .url = config->heartbeat_url, .timeout_ms = BEAT_TIMEOUT_MS };
        good = webhook_request_open(&sender->requests[sender->request_count++], REQUEST_HEARTBEAT, &sender->heartbeat,
                                    count);
    }
    return good;
}

struct sender *sender_open(const struct config *config, void (*wake)(void), struct strbuf *error)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        strbuf_puts(error, "libcurl cannot be initialised");
        return NULL;
    }
    struct sender *sender = must_alloc(sizeof *sender);
    bool good = false;
    sender->wake = wake;
    pthread_mutex_init(&sender->lock, NULL);
    sender->multi = curl_multi_init();
#if LIBCURL_VERSION_NUM >= 0x081400
    /* From 8.20 on the threads that resolve names belong to the multi handle. Its cleanup would wait for a deaf name server. */
    if (sender->multi)
        curl_multi_setopt(sender->multi, CURLMOPT_QUICK_EXIT, 1L);
#endif
    /* Resolving synchronously, a name server that does not answer would hold up every webhook, and its timeout would need a signal. */
    if ((curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) == 0)
        strbuf_puts(error, "this libcurl resolves names synchronously; the threaded or the c-ares resolver is needed");
    else if (!sender->multi || !sender_open_requests(sender, config))
        strbuf_puts(error, "libcurl has no memory for a handle");
    else
        good = sender_start_thread(sender, error);
    if (good)
        return sender;
    sender_free(sender);
    return NULL;
}

void sender_stop(struct sender *sender)
{
    if (sender->joined)
        return;
    pthread_mutex_lock(&sender->lock);
    sender->stopping = true;
    pthread_mutex_unlock(&sender->lock);
    curl_multi_wakeup(sender->multi);
    pthread_join(sender->thread, NULL);
    sender->joined = true;
}

void sender_close(struct sender *sender)
{
    if (sender) {
        sender_stop(sender);
        sender_free(sender);
    }
}

/* The caller holds the lock. */
static void append_to_queue(struct webhook_request *request, struct queued_delivery *queued)
{
    if (request->last)
        request->last->next = queued;
    else
        request->first = queued;
    request->last = queued;
}

void sender_submit(struct sender *sender, const struct delivery *delivery)
{
    struct queued_delivery *queued = must_alloc(sizeof *queued);

    queued->delivery = *delivery;
    queued->due_ms = clock_running_ms() + ms_until(delivery->not_before_ms);
    pthread_mutex_lock(&sender->lock);
    append_to_queue(&sender->requests[delivery->webhook], queued);
    pthread_mutex_unlock(&sender->lock);
    curl_multi_wakeup(sender->multi);
}

void sender_beat(struct sender *sender)
{
    struct webhook_request *request = &sender->requests[sender->request_count - 1];

    pthread_mutex_lock(&sender->lock);
    if (!request->first) {
        struct queued_delivery *queued = must_alloc(sizeof *queued);
        queued->delivery.effort = DELIVERY_ONCE;
        queued->due_ms = clock_running_ms();
        append_to_queue(request, queued);
    }
    pthread_mutex_unlock(&sender->lock);
    curl_multi_wakeup(sender->multi);
}

bool sender_take_result(struct sender *sender, struct delivery_result *result)
{
    pthread_mutex_lock(&sender->lock);
    struct result_node *node = sender->first_result;
    if (node) {
        sender->first_result = node->next;
        sender->last_result = node->next ? sender->last_result : NULL;
    }
    pthread_mutex_unlock(&sender->lock);
    if (!node)
        return false;
    *result = node->result;
    free(node);
    return true;
}

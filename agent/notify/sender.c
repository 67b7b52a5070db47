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
    STOP_GRACE_MS = 700, /* what a request in flight may still take when the sender is stopped */
    BEAT_TIMEOUT_MS = 10000
};

struct result_node {
    struct delivery_result result;
    struct result_node *next;
};

/* The lock guards the lanes' lists, the results and stopping; all else belongs to the thread. */
struct sender {
    pthread_t thread;
    bool joined;
    pthread_mutex_t lock;
    bool stopping;
    struct result_node *first_result, *last_result;

    void (*wake)(void);
    CURLM *multi;       /* touched by the thread only, but for curl_multi_wakeup */
    struct lane *lanes; /* the webhooks', then the heartbeat's if there is one */
    size_t lane_count;
    struct webhook_config heartbeat; /* what its lane is told; borrowed strings */
};

/* How far ahead an instant of the wall clock lies. Waits are monotonic from here on: setting the clock moves none. */
static int64_t ms_until(int64_t wall_ms)
{
    int64_t wait_ms = wall_ms - clock_now_ms();

    return wall_ms > 0 && wait_ms > 0 ? wait_ms : 0;
}

static void free_job(struct job *job)
{
    free(job->delivery.body);
    free(job->delivery.idempotency_key);
    free(job);
}

static void put_result(struct sender *sender, const struct delivery_result *result)
{
    struct result_node *node = must_alloc(sizeof *node);

    node->result = *result;
    if (sender->last_result)
        sender->last_result->next = node;
    else
        sender->first_result = node;
    sender->last_result = node;
}

/* The first of the lane was tried: it leaves the queue or waits for its next turn, ahead of all that came later. */
static void settle(struct sender *sender, struct lane *lane, struct delivery_result *result, int64_t retry_after_s)
{
    struct job *job = lane->first;

    job->delivery.attempts++;
    result->id = job->delivery.id;
    result->webhook = lane->index;
    result->attempts = job->delivery.attempts;
    result->at_ms = clock_now_ms();
    int64_t wait_ms = backoff_wait_ms(job->delivery.attempts, retry_after_s);

    pthread_mutex_lock(&sender->lock);
    lane->in_flight = false;
    if (result->outcome == DELIVERY_RETRY && job->delivery.effort == DELIVERY_UNTIL_TAKEN) {
        job->due_ms = clock_running_ms() + wait_ms;
        result->next_attempt_ms = result->at_ms + wait_ms;
    } else {
        lane->first = job->next;
        lane->last = lane->first ? lane->last : NULL;
        free_job(job);
    }
    put_result(sender, result);
    pthread_mutex_unlock(&sender->lock);
    sender->wake();
}

static void settle_failed_start(struct sender *sender, struct lane *lane, const char *why)
{
    struct delivery_result result = { .outcome = DELIVERY_RETRY };

    cut_copy(why, result.error, sizeof result.error);
    settle(sender, lane, &result, 0);
}

static void start_request(struct sender *sender, struct lane *lane, const struct job *job)
{
    struct strbuf error = { 0 };

    if (!lane_prepare(lane, job, &error)) {
        settle_failed_start(sender, lane, strbuf_text(&error));
    } else {
        CURLMcode code = curl_multi_add_handle(sender->multi, lane->easy);
        if (code != CURLM_OK)
            settle_failed_start(sender, lane, curl_multi_strerror(code));
    }
    strbuf_free(&error);
}

/* Begins what is due in idle lanes. Returns how long to sleep until the next one is. */
static int64_t start_due(struct sender *sender)
{
    int64_t sleep_ms = INT_MAX;

    for (size_t i = 0; i < sender->lane_count; i++) {
        struct lane *lane = &sender->lanes[i];
        struct job *due = NULL;

        pthread_mutex_lock(&sender->lock);
        if (!lane->in_flight && lane->first && !sender->stopping) {
            int64_t wait_ms = lane->first->due_ms - clock_running_ms();
            if (wait_ms <= 0) {
                due = lane->first;
                lane->in_flight = true;
            } else if (wait_ms < sleep_ms) {
                sleep_ms = wait_ms;
            }
        }
        pthread_mutex_unlock(&sender->lock);
        if (due) {
            start_request(sender, lane, due);
            sleep_ms = 0;
        }
    }
    return sleep_ms;
}

/* Takes what has ended off the multi handle. True if there was anything, so that the next in line begin at once. */
static bool finish_done(struct sender *sender)
{
    bool any = false;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
        struct lane *lane;
        struct delivery_result result = { 0 };
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&lane);
        int64_t retry_after_s = lane_judge(lane, code, &result);
        curl_multi_remove_handle(sender->multi, easy);
        settle(sender, lane, &result, retry_after_s);
        any = true;
    }
    return any;
}

static bool is_stopping(struct sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    bool stopping = sender->stopping;
    pthread_mutex_unlock(&sender->lock);
    return stopping;
}

static void *carry(void *user)
{
    struct sender *sender = user;
    int64_t stop_at_ms = 0;
    int running = 0;

    for (;;) {
        int64_t sleep_ms = start_due(sender);
        curl_multi_perform(sender->multi, &running);
        if (finish_done(sender))
            continue;
        if (is_stopping(sender)) {
            stop_at_ms = stop_at_ms != 0 ? stop_at_ms : clock_running_ms() + STOP_GRACE_MS;
            sleep_ms = stop_at_ms - clock_running_ms();
            if (running == 0 || sleep_ms <= 0)
                return NULL;
        }
        curl_multi_poll(sender->multi, NULL, 0, (int)sleep_ms, NULL);
    }
}

static bool start_thread(struct sender *sender, struct strbuf *error)
{
    int code = thread_begin(&sender->thread, carry, sender);

    if (code != 0)
        strbuf_printf(error, "the sender's thread: %s", strerror(code));
    return code == 0;
}

static void free_sender(struct sender *sender)
{
    for (size_t i = 0; i < sender->lane_count; i++) {
        struct lane *lane = &sender->lanes[i];
        if (sender->multi && lane->in_flight)
            curl_multi_remove_handle(sender->multi, lane->easy);
        while (lane->first) {
            struct job *job = lane->first;
            lane->first = job->next;
            free_job(job);
        }
        lane_close(lane);
    }
    while (sender->first_result) {
        struct result_node *node = sender->first_result;
        sender->first_result = node->next;
        free(node);
    }
    curl_multi_cleanup(sender->multi);
    pthread_mutex_destroy(&sender->lock);
    free(sender->lanes);
    free(sender);
    curl_global_cleanup();
}

struct sender *sender_open(const struct config *config, void (*wake)(void), struct strbuf *error)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        strbuf_puts(error, "libcurl cannot be initialised");
        return NULL;
    }
    struct sender *sender = must_alloc(sizeof *sender);
    sender->wake = wake;
    pthread_mutex_init(&sender->lock, NULL);
    sender->lanes = must_alloc((config->webhook_count + 1) * sizeof *sender->lanes);
    sender->multi = curl_multi_init();

    /* A name server that does not answer would hold up every webhook, and its timeout would need a signal. */
    bool good = (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) != 0;
    if (!good) {
        strbuf_puts(error, "this libcurl resolves names synchronously: it needs the threaded or c-ares resolver");
        goto cleanup;
    }
    good = sender->multi != NULL;
    for (size_t i = 0; i < config->webhook_count && good; i++) {
        good = lane_open(&sender->lanes[i], LANE_WEBHOOK, &config->webhooks[i], i);
        sender->lane_count++;
    }
    if (good && config->heartbeat_url) {
        sender->heartbeat = (struct webhook_config){ .url = config->heartbeat_url, .timeout_ms = BEAT_TIMEOUT_MS };
        good =
            lane_open(&sender->lanes[config->webhook_count], LANE_HEARTBEAT, &sender->heartbeat, config->webhook_count);
        sender->lane_count++;
    }
    if (!good) {
        strbuf_puts(error, "libcurl has no memory for a handle");
        goto cleanup;
    }
    good = start_thread(sender, error);
cleanup:
    if (!good) {
        free_sender(sender);
        return NULL;
    }
    return sender;
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
        free_sender(sender);
    }
}

/* With the lock held. */
static void append_job(struct lane *lane, struct job *job)
{
    if (lane->last)
        lane->last->next = job;
    else
        lane->first = job;
    lane->last = job;
}

void sender_submit(struct sender *sender, const struct delivery *delivery)
{
    struct job *job = must_alloc(sizeof *job);

    job->delivery = *delivery;
    job->due_ms = clock_running_ms() + ms_until(delivery->not_before_ms);
    pthread_mutex_lock(&sender->lock);
    append_job(&sender->lanes[delivery->webhook], job);
    pthread_mutex_unlock(&sender->lock);
    curl_multi_wakeup(sender->multi);
}

void sender_beat(struct sender *sender)
{
    struct lane *lane = &sender->lanes[sender->lane_count - 1];

    pthread_mutex_lock(&sender->lock);
    if (!lane->first) {
        struct job *job = must_alloc(sizeof *job);
        job->delivery.effort = DELIVERY_ONCE;
        job->due_ms = clock_running_ms();
        append_job(lane, job);
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_WEBHOOK_REQUEST_H
#define NOTIFY_WEBHOOK_REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/budgets.h"
#include "sender.h"

/* A delivery that waits or is in flight. */
struct queued_delivery {
    struct delivery delivery;
    int64_t due_ms; /* on CLOCK_MONOTONIC */
    struct queued_delivery *next;
};

enum webhook_request_kind {
    REQUEST_WEBHOOK,  /* a POST */
    REQUEST_HEARTBEAT /* a GET */
};

/*
 * The one request that a webhook (or the heartbeat) has at a time, and the deliveries that wait for it. The sender's lock guards the
 * queue and in_flight; all else belongs to the sender's thread.
 */
struct webhook_request {
    enum webhook_request_kind kind;
    const struct webhook_config *webhook; /* borrowed */
    size_t index;
    struct queued_delivery *first, *last;
    bool in_flight; /* the first of the queue is */

    CURL *easy;
    struct curl_slist *headers;
    struct strbuf token, routing_key; /* as sent: the answer may repeat them */
    struct strbuf keyed_body;         /* the body with the routing key in it; empty without one */
    struct strbuf url;                /* with Telegram's token in it; empty: the webhook's own */

    /* The rest is for e-mail. */
    struct slice unsent;           /* of the body */
    struct curl_slist *recipients; /* of this attempt, count of them */
    size_t recipient_count;
    bool *settled; /* owned, one for each of the webhook's recipients: it has the message, or was refused for good */
    int *codes;    /* owned: of the newest answers, as many as there are recipients; a ring */
    size_t code_count; /* of answers so far */
    bool greeted;      /* the server said 250 */
    bool judged;       /* it answered to all recipients, and codes holds what */
    int64_t taken_ms;  /* when it took the message, on CLOCK_MONOTONIC; 0: not yet */
    char curl_error[CURL_ERROR_SIZE];
    char answer[ANSWER_KEPT_BYTES]; /* the beginning of its body */
    size_t answer_len;
    size_t received, header_count; /* bytes and headers so far */
    bool cut;                      /* the answer was too long, so we ended the request */
    bool head_cut;                 /* likewise, before its headers had ended */
};

/* Returns false if there is no memory. webhook is borrowed. */
bool webhook_request_open(struct webhook_request *request, enum webhook_request_kind kind,
                          const struct webhook_config *webhook, size_t index);
/* Frees all but the queue, which is the sender's. */
void webhook_request_close(struct webhook_request *request);

/* Prepares request->easy for the delivery. Returns false, with the reason in *error, if the attempt cannot even begin. */
bool webhook_request_prepare(struct webhook_request *request, const struct delivery *delivery, struct strbuf *error);

/* Adds what the receiver or libcurl said. Many receivers repeat the path of the request, which is the secret, or even the token. */
void webhook_request_add_answer(struct webhook_request *request, const char *text, size_t len, struct strbuf *out);

/* Sets the outcome, http_status and error of *result. Returns the answer's Retry-After in seconds, 0 if it has none. */
int64_t webhook_request_judge(struct webhook_request *request, CURLcode code, struct delivery_result *result);

#endif

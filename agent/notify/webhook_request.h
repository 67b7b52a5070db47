/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_WEBHOOK_REQUEST_H
#define NOTIFY_WEBHOOK_REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "sender.h"

/* One delivery, waiting or in flight. */
struct job {
    struct delivery delivery;
    int64_t due_ms; /* on the monotonic clock */
    struct job *next;
};

enum { LANE_KEPT_BYTES = 1024 };

/* POSTs that are tried until they arrive, or GETs that are worth one try each. */
enum lane_kind { LANE_WEBHOOK, LANE_HEARTBEAT };

/* A webhook's queue and its one request at a time. The list belongs to the sender's lock, the rest to its thread. */
struct lane {
    enum lane_kind kind;
    const struct webhook_config *webhook;
    size_t index;
    struct job *first, *last;
    bool in_flight; /* first is */

    CURL *easy;
    struct curl_slist *headers;
    struct strbuf token, routing_key; /* of the request in flight: an answer may repeat them */
    struct strbuf body;               /* with the routing key in it */
    char curl_error[CURL_ERROR_SIZE];
    char kept[LANE_KEPT_BYTES]; /* the beginning of the answer */
    size_t kept_len;
    size_t received;
    bool cut; /* the answer was too long: ended by us */
};

bool lane_open(struct lane *lane, enum lane_kind kind, const struct webhook_config *webhook, size_t index);
/* Frees what belongs to the thread; the list is the sender's. */
void lane_close(struct lane *lane);

/* Prepares lane->easy for the job. False with the reason in *error: the attempt has failed before it began. */
bool lane_prepare(struct lane *lane, const struct job *job, struct strbuf *error);

/* Sets the outcome, http_status and error of *result. Returns Retry-After in seconds, 0 if not said. */
int64_t lane_judge(struct lane *lane, CURLcode code, struct delivery_result *result);

#endif

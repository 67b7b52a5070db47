/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SENDER_H
#define SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

/*
 * One thread with a libcurl multi handle carries deliveries away. The deliveries to one webhook go strictly in order; the webhooks
 * and the heartbeat do not wait for each other. The sender knows no database: what came of a delivery is a result, which the caller
 * takes and records.
 */
struct sender;

enum delivery_effort {
    DELIVERY_UNTIL_TAKEN, /* try until the receiver takes or refuses it */
    DELIVERY_ONCE         /* try once: a failure does not matter, because the same is soon sent again anyway */
};

struct delivery {
    int64_t id;            /* chosen by the caller; it comes back in the results */
    size_t webhook;        /* index into the configuration's webhooks */
    char *body;            /* owned: sender_submit() takes it over */
    size_t body_len;       /* bytes */
    char *idempotency_key; /* owned, likewise; NULL: none */
    int64_t attempts;      /* how often it was tried before, by an earlier process */
    int64_t not_before_ms; /* Unix time; 0: at once */
    enum delivery_effort effort;
};

enum delivery_outcome { DELIVERY_DONE, DELIVERY_RETRY, DELIVERY_REFUSED };

struct delivery_result {
    int64_t id;
    size_t webhook; /* the heartbeat's index is one past the last webhook's */
    enum delivery_outcome outcome;
    long http_status; /* for e-mail the code of SMTP; 0: no answer came */
    int64_t attempts;
    int64_t at_ms;           /* Unix time, as below */
    int64_t next_attempt_ms; /* for DELIVERY_RETRY: the sender keeps the delivery and tries it again by itself then */
    char error[256];         /* why it failed, with secrets masked; for DELIVERY_DONE who did not get it, mostly "" */
};

/*
 * Starts the thread. config is borrowed until sender_close(). wake is called from the thread whenever a result is ready; it must be
 * thread-safe and quick. Returns NULL on failure, with the reason in *error.
 */
struct sender *sender_open(const struct config *config, void (*wake)(void), struct strbuf *error);

/* Ends the thread within a second. A request in flight gets a moment to finish; no other begins. Results may be taken afterwards. */
void sender_stop(struct sender *sender);
/* Stops, if that was not done yet, and frees. Deliveries that were not made are dropped: the caller has them in its outbox. */
void sender_close(struct sender *sender);

/* Takes over the delivery's strings. The queue has no limit, so a caller submits more only after it took results. */
void sender_submit(struct sender *sender, const struct delivery *delivery);

/* Sends one GET to the heartbeat's URL, which must be configured. It is tried once, and not at all while the last one is in flight. */
void sender_beat(struct sender *sender);

/* Takes the oldest result into *result. Returns false if there is none. */
bool sender_take_result(struct sender *sender, struct delivery_result *result);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SENDER_H
#define SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

/*
 * One thread with a libcurl multi handle carries deliveries away: per webhook strictly in order, webhooks and the heartbeat
 * independent of each other. It knows no database: what came of a delivery comes back as results, which the owner of the history
 * records.
 */
struct sender;

enum delivery_effort {
    DELIVERY_UNTIL_TAKEN, /* tried until the receiver takes or refuses it */
    DELIVERY_ONCE         /* what is due again soon anyway: one try, whatever comes of it */
};

struct delivery {
    int64_t id;     /* the caller's: comes back in the results */
    size_t webhook; /* index into the configuration's webhooks */
    char *body;     /* owned; handed over by sender_submit */
    size_t body_len;
    char *idempotency_key; /* owned, likewise */
    int64_t attempts;      /* already made, in an earlier life */
    int64_t not_before_ms; /* Unix ms; 0: at once */
    enum delivery_effort effort;
};

enum delivery_outcome { DELIVERY_DONE, DELIVERY_RETRY, DELIVERY_REFUSED };

struct delivery_result {
    int64_t id;
    size_t webhook; /* the heartbeat's is one past the last */
    enum delivery_outcome outcome;
    long http_status; /* 0 if none */
    int64_t attempts;
    int64_t at_ms;
    int64_t next_attempt_ms; /* for DELIVERY_RETRY: the sender keeps it and tries again by itself, unless asked once */
    char error[256];         /* secrets masked; "" when done */
};

/*
 * config is borrowed for the sender's life. wake is called from the sender's thread whenever a result is ready; it
 * must be thread-safe and quick.
 */
struct sender *sender_open(const struct config *config, void (*wake)(void), struct strbuf *error);

/*
 * Ends the thread within a second: what is in flight gets a moment to finish, nothing new begins. Results may be
 * taken after it.
 */
void sender_stop(struct sender *sender);
/* Stops, if need be, and frees. What was not delivered stays the caller's, in its outbox. */
void sender_close(struct sender *sender);

/* Takes over the delivery's strings. Nothing bounds the queue: who submits waits for results, so that memory stays flat. */
void sender_submit(struct sender *sender, const struct delivery *delivery);

/* One GET of the heartbeat's URL, which must be set: no retry, and nothing while the one before is still on its way. */
void sender_beat(struct sender *sender);

/* False when there is none. */
bool sender_take_result(struct sender *sender, struct delivery_result *result);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "config.h"
#include "message.h"

/* Who speaks: labels that every payload carries. */
struct payload_origin {
    const char *host;
    const char *log_path;
    const char *version;
};

/* An alert that the receiver was told of once and that is over by itself: see payload_alertmanager.c. */
enum { PAYLOAD_TEST_MS = 5 * 60 * 1000 };

/* Makes payloads; what that takes is made ready once. One maker, one thread. */
struct payload_maker;
struct payload_maker *payload_maker_open(void);
void payload_maker_free(struct payload_maker *maker);

/* Stable over restarts and retries: the same for every notification of one incident. */
void payload_dedup_key(const struct payload_origin *origin, const struct message *message, struct strbuf *out);

/*
 * The request body for one or more messages (more than one: what became stale while a receiver was down, oldest first).
 * shortest: the smallest form that still says what matters, for a receiver that refused the full one.
 * PagerDuty takes one incident a request: only the first message counts; its routing key is added by the sender.
 * Alertmanager is told at now_ms, and each message as an alert of its own. Incident 0 is a test: it has a name of its own.
 */
void payload_render(struct payload_maker *maker, enum payload_format format, const struct payload_origin *origin,
                    const struct message *const *messages, size_t count, bool shortest, int64_t now_ms,
                    struct strbuf *out);

#endif

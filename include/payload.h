/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "base/mask.h"
#include "config.h"
#include "message.h"

/* The bodies of requests to webhooks. One file of agent/notify for each format: format_*.c. */

/* Who sends: every body names it. */
struct payload_origin {
    const char *host;
    const char *log_path;
    const char *version;
    const struct links *links; /* NULL: no pages to link to */
};

/* How long an Alertmanager shows the alert of `agent test-webhook`. */
enum { PAYLOAD_TEST_MS = 5 * 60 * 1000 };

/*
 * Appends the name by which a receiver recognises an incident. It is the same for all notifications of the incident, over retries
 * and restarts; at most 255 visible ASCII characters.
 */
void payload_dedup_key(const struct payload_origin *origin, const struct message *message, struct strbuf *out);

/* PAYLOAD_SHORTEST is the smallest body that still says what matters, for a receiver that refused the full one. */
enum payload_length { PAYLOAD_FULL, PAYLOAD_SHORTEST };

/* Returns false for a format of which a request tells one message only. */
bool payload_combines(enum payload_format format);

/*
 * Appends the body of a request that tells one or more messages, oldest first. There is more than one when a receiver was away and
 * old messages are combined. Where payload_combines() is false only the first message counts. The sender adds PagerDuty's routing key.
 * The body of an e-mail is the whole message with its headers. An Alertmanager gets an alert for each message, as of now_ms. A message
 * with incident 0 is a test. masker hides the secrets in texts from the log.
 */
void payload_render(struct masker *masker, const struct webhook_config *webhook, const struct payload_origin *origin,
                    const struct message *const *messages, size_t count, enum payload_length length, int64_t now_ms,
                    struct strbuf *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "history.h"
#include "message.h"

/*
 * Between the outbox and the sender: which notification goes to which webhook, one at a time and in order, and what came of
 * it goes back into the outbox. Without a webhook, notifications are printed on standard output; with one, only that a
 * webhook takes nothing.
 */
struct dispatch;

/* Starts the sender's thread if there is a webhook or a heartbeat. wake: see sender_open. NULL on failure, why in *error. */
struct dispatch *dispatch_open(const struct config *config, struct history *history, void (*wake)(void),
                               struct strbuf *error);
/* Stops the sender within a second and takes its last results; what is not delivered stays in the outbox. */
void dispatch_stop(struct dispatch *dispatch);
/* Stops, if need be, and frees. */
void dispatch_close(struct dispatch *dispatch);

/* Gathers a message and its outbox entries; what none shall hear is recorded only. Nothing is sent before dispatch_run. */
void dispatch_put(struct dispatch *dispatch, const struct message *message, enum hearing hearing);

/* Takes the sender's results, then hands over what waits. To be called after a commit: what is sent shall be on disk. */
void dispatch_run(struct dispatch *dispatch, int64_t now_ms);

/* Once in a while: a host's new name that waited for incidents to end is taken up when they have. */
void dispatch_review(struct dispatch *dispatch);

/* When dispatch_run or dispatch_stuck_news has something to do of its own accord, INT64_MAX if not. */
int64_t dispatch_next_ms(const struct dispatch *dispatch, int64_t now_ms);

/*
 * True when the webhooks that have taken nothing for ten minutes, or refuse what they are sent, are others than at the last
 * call: *words names them and says why; "" when there is none, also the first time that this is known. While a webhook is
 * stuck, dispatch_put keeps the news of it from that webhook. Refusals count from dispatch_open: who mended the
 * configuration and had it read again need not wait for the next notification.
 */
bool dispatch_stuck_news(struct dispatch *dispatch, int64_t now_ms, struct strbuf *words);

/* Sends a heartbeat, which must be configured; one that fails is said once, until they arrive again. */
void dispatch_beat(struct dispatch *dispatch);

/* What became of the notifications to the webhook of this index, since dispatch_open; false beyond the last. */
struct dispatch_counts {
    const char *webhook; /* its name; "stdout" without any */
    int64_t delivered, retried, refused;
};
bool dispatch_counts(const struct dispatch *dispatch, size_t index, struct dispatch_counts *counts);

/* Goes on counting where another one ended, for the webhooks that both know by name: after a reload. */
void dispatch_count_on(struct dispatch *dispatch, const struct dispatch *ended);

/* One line of JSON as `replay --format json` prints it, without a line end; times in the process's zone. */
void message_json(const struct message *message, struct strbuf *out);

/* One line of text for a terminal or a journal, without a line end, control characters made visible. */
void message_text(const struct message *message, struct strbuf *out);

#endif

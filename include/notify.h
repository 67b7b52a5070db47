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
 * The room agent/notify tells people. Notifications wait in the history's outbox; the dispatch hands them to the sender (sender.h)
 * one at a time and in order, and writes back into the outbox what came of each. Without a webhook notifications are printed on
 * standard output; with webhooks only the news that a webhook does not work is printed there.
 *
 * The room may use the history, the configuration and libcurl. It knows nothing of the log and decides nothing about incidents.
 */
struct dispatch;

/*
 * Starts the sender's thread if there is a webhook or a heartbeat. config and history are borrowed; wake is called from that thread,
 * see sender_open(). Returns NULL on failure, with the reason in *error.
 */
struct dispatch *dispatch_open(const struct config *config, struct history *history, void (*wake)(void),
                               struct strbuf *error);
/* Stops the sender within a second and takes its last results. What is not delivered stays in the outbox. */
void dispatch_stop(struct dispatch *dispatch);
/* Stops, if that was not done yet, and frees. */
void dispatch_close(struct dispatch *dispatch);

/*
 * Adds a message and its outbox entries to the history's next commit. A message that nobody is to hear is only recorded. Nothing is
 * sent before dispatch_run().
 */
void dispatch_put(struct dispatch *dispatch, const struct message *message, enum hearing hearing);

/* Takes the sender's results, then hands over what waits. Call it after a commit: what is sent must be on disk before. */
void dispatch_run(struct dispatch *dispatch, int64_t now_ms);

/*
 * Notifications keep the host's name under which open incidents were told, even if the configuration has another one by now. Call
 * this now and then: when those incidents are over, the new name is used.
 */
void dispatch_review(struct dispatch *dispatch);

/* When dispatch_run() or dispatch_stuck_news() has something to do even if nothing happens; INT64_MAX: not at all. */
int64_t dispatch_next_ms(const struct dispatch *dispatch, int64_t now_ms);

/*
 * A webhook is stuck when it has taken nothing for ten minutes, or refuses what it is sent. Returns true if other webhooks are stuck
 * than at the last call, with their names and reasons in *words. Also returns true, with empty words, when it is known for the first
 * time that none is. While a webhook is stuck, dispatch_put() does not send it the news of that. Refusals are counted from
 * dispatch_open(), so a configuration that was mended and read again is judged anew.
 */
bool dispatch_stuck_news(struct dispatch *dispatch, int64_t now_ms, struct strbuf *words);

/*
 * Returns false while nobody can be told anything: no webhook took the last thing that it was sent, or, without webhooks, standard output
 * takes nothing.
 */
bool dispatch_can_tell(const struct dispatch *dispatch);

/* Sends a heartbeat; its URL must be configured. The first one that fails is said on stderr, and when they arrive again. */
void dispatch_beat(struct dispatch *dispatch);

/* What became of the notifications to one webhook since dispatch_open(). */
struct dispatch_counts {
    const char *webhook; /* the webhook's name; "stdout" if none is configured */
    int64_t delivered, retried, refused;
};
/* Fills *counts for the webhook with this index. Returns false for an index beyond the last. */
bool dispatch_counts(const struct dispatch *dispatch, size_t index, struct dispatch_counts *counts);

/* After a reload: adds the counts of the dispatch that ended, for each webhook whose name both know. */
void dispatch_count_on(struct dispatch *dispatch, const struct dispatch *ended);

/* Appends the line of JSON that `replay --format json` prints, without a line end. Times are in the process's zone. */
void message_json(const struct message *message, struct strbuf *out);

/* Appends one line of text for a terminal or a journal, without a line end. Control characters are shown as escapes. */
void message_text(const struct message *message, struct strbuf *out);

#endif

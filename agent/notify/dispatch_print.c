/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/say.h"
#include "dispatch_private.h"

enum { RETRY_MS = 1000 };

/*
 * Returns whether a line can be written without waiting. Whoever reads our output may have stopped reading, and the log goes on. When
 * poll() reports room in a pipe, there is room for a line.
 */
static bool stdout_has_room(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
    return poll(&out, 1, 0) != 0;
}

static bool stdout_print(const struct message *message)
{
    struct strbuf line = { 0 };
    message_text(message, &line);
    strbuf_puts(&line, "\n");
    bool printed = fputs(strbuf_text(&line), stdout) != EOF && fflush(stdout) == 0;
    strbuf_free(&line);
    return printed;
}

void dispatch_print(struct dispatch *dispatch, int64_t now_ms)
{
    struct receiver *receiver = &dispatch->receivers[dispatch->webhook_count];
    receiver->print_ms = 0;
    while (receiver->waiting) {
        receiver->count =
            history_get_outbox(dispatch->history, receiver->name, receiver->handled_id, receiver->entries, 1);
        if (receiver->count == 0) {
            receiver->waiting = false;
            return;
        }
        receiver->stuck = true; /* until it is printed */
        if (!stdout_has_room()) {
            receiver_clear(receiver);
            receiver->print_ms = now_ms + RETRY_MS;
            return;
        }
        if (!stdout_print(receiver->entries[0].message)) {
            say_error("standard output: %s; the notification waits", strerror(errno));
            clearerr(stdout);
            receiver_clear(receiver);
            receiver->waiting = false; /* try again with the next notification, or after the next start */
            return;
        }
        receiver_record(dispatch, receiver, "delivered", &(struct delivery_result){ .attempts = 1, .at_ms = now_ms });
        receiver->delivered++;
        receiver->stuck = false;
        receiver_finish(receiver);
    }
}

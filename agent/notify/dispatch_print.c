/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/say.h"
#include "dispatch_private.h"

enum { RETRY_MS = 1000 };

/* Whoever reads our output may have stopped doing so; the log goes on. A line fits into what poll calls room. */
static bool has_room(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
    return poll(&out, 1, 0) != 0;
}

static bool print_message(const struct message *message)
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
    struct route *route = &dispatch->routes[dispatch->webhook_count];
    route->print_ms = 0;
    while (route->waiting) {
        route->count = history_get_outbox(dispatch->history, route->name, route->handled, route->entries, 1);
        if (route->count == 0) {
            route->waiting = false;
            return;
        }
        if (!has_room()) {
            route_clear(route);
            route->print_ms = now_ms + RETRY_MS;
            return;
        }
        if (!print_message(route->entries[0].message)) {
            say_error("standard output: %s; the notification waits", strerror(errno));
            clearerr(stdout);
            route_clear(route);
            route->waiting = false; /* until the next notification, or the next start */
            return;
        }
        route_record(dispatch, route, "delivered", &(struct delivery_result){ .attempts = 1, .at_ms = now_ms });
        route->delivered++;
        route_done(route);
    }
}

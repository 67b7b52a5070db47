/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_CONNECTIONS_H
#define SERVE_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/budgets.h"

/* The connections that libmicrohttpd has open. Each carries one request, and has an end in time. Times are those of clock_running_ms(). */

struct connection {
    bool is_open;
    int fd;         /* libmicrohttpd's */
    int64_t end_ms; /* of the time for the request, later for taking the answer */
    bool has_asked; /* the head of its request is whole */
    size_t held;    /* bytes of its answer */
    struct MHD_Connection *http;
    struct job *job;        /* makes the answer; NULL: none does */
    struct rendered *ready; /* the answer; NULL: there is none yet */
};

struct connections {
    struct connection at[SERVE_CONNECTIONS_MAX];
    size_t count;
    int64_t busy_ms; /* when one was last opened or closed */
};

/* NULL: there are as many as there may be. */
struct connection *connections_open(struct connections *connections, int fd, struct MHD_Connection *http);
void connections_close(struct connections *connections, struct connection *connection);

/*
 * Ends those whose time is over, and, while no other client can come in, those that have not said for some time what they want. A client that
 * sends or takes a byte now and then would hold its place for ever otherwise. libmicrohttpd closes them after that.
 */
void connections_end_slow(struct connections *connections);
/* In how many milliseconds connections_end_slow has something to do; -1: there is no connection. */
int connections_wait_ms(const struct connections *connections);

/* For each open one in turn; NULL begins and ends. */
struct connection *connections_next(struct connections *connections, struct connection *before);
/* Bytes of all answers that clients have not taken yet. */
size_t connections_held(const struct connections *connections);

#endif

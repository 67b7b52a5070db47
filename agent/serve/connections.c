/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "connections.h"

#include <sys/socket.h>

#include "base/clock.h"

enum {
    ASK_LEAST_MS = 500, /* a client has so much time for its request, also while others wait */
    FULL_LOOK_MS = 250, /* while no other can come in: when to look again who has not asked */
};

struct connection *connections_open(struct connections *connections, int fd, struct MHD_Connection *http)
{
    connections->busy_ms = clock_running_ms();
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++) {
        struct connection *connection = &connections->at[i];
        if (connection->is_open)
            continue;
        *connection = (struct connection){
            .is_open = true, .fd = fd, .end_ms = connections->busy_ms + SERVE_CONNECTION_MS, .http = http
        };
        connections->count++;
        return connection;
    }
    return NULL;
}

void connections_close(struct connections *connections, struct connection *connection)
{
    connections->busy_ms = clock_running_ms();
    connections->count--;
    *connection = (struct connection){ 0 };
}

static bool connections_full(const struct connections *connections)
{
    return connections->count == SERVE_CONNECTIONS_MAX;
}

void connections_end_slow(struct connections *connections)
{
    int64_t now_ms = clock_running_ms();
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++) {
        struct connection *connection = &connections->at[i];
        bool gives_way = connections_full(connections) && !connection->has_asked &&
                         connection->end_ms - SERVE_CONNECTION_MS + ASK_LEAST_MS <= now_ms;
        if (!connection->is_open || (connection->end_ms > now_ms && !gives_way))
            continue;
        shutdown(connection->fd, SHUT_RDWR);
        connection->end_ms = now_ms + SERVE_CONNECTION_MS;
    }
}

int connections_wait_ms(const struct connections *connections)
{
    int64_t wait_ms = connections_full(connections) ? FULL_LOOK_MS : -1, now_ms = clock_running_ms();
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++) {
        int64_t left_ms = connections->at[i].end_ms - now_ms;
        if (connections->at[i].is_open && (wait_ms < 0 || left_ms < wait_ms))
            wait_ms = left_ms < 0 ? 0 : left_ms;
    }
    return wait_ms > SERVE_CONNECTION_MS ? SERVE_CONNECTION_MS : (int)wait_ms;
}

struct connection *connections_next(struct connections *connections, struct connection *before)
{
    size_t from = before ? (size_t)(before - connections->at) + 1 : 0;
    for (size_t i = from; i < SERVE_CONNECTIONS_MAX; i++)
        if (connections->at[i].is_open)
            return &connections->at[i];
    return NULL;
}

size_t connections_held(const struct connections *connections)
{
    size_t held = 0;
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++)
        held += connections->at[i].held;
    return held;
}

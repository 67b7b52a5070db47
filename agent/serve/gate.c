/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "head.h"
#include "site.h"

enum {
    ENDING_MS = 2000,        /* for a client that was refused to read why, before its connection is closed */
    DISCARDED_MAX = 1 << 20, /* of what it sends meanwhile */
    HEAD_LEAST_MS = 500,     /* while others wait, a head that is not whole after so long gives up its place */
    FULL_LOOK_MS = 250,      /* while there is no free place: when to look again who waits */
    EVENTS = 32,
};

struct gate {
    int listening, watch;
    bool takes_options, is_full; /* full: the listening socket is not watched */
    void (*let_in)(void *user, struct connection *connection);
    void *user;
    int64_t busy_ms;
    struct connection connections[SERVE_CONNECTIONS_MAX];
};

static void watch_listening(struct gate *gate, bool is_full)
{
    struct epoll_event event = { .events = is_full ? 0 : EPOLLIN, .data.ptr = NULL };
    if (gate->is_full != is_full)
        epoll_ctl(gate->watch, EPOLL_CTL_MOD, gate->listening, &event);
    gate->is_full = is_full;
}

struct gate *gate_open(int listening, bool takes_options, void (*let_in)(void *user, struct connection *connection),
                       void *user)
{
    struct gate *gate = must_alloc(sizeof *gate);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    gate->listening = listening;
    gate->takes_options = takes_options;
    gate->let_in = let_in;
    gate->user = user;
    gate->busy_ms = clock_running_ms();
    gate->watch = epoll_create1(EPOLL_CLOEXEC);
    if (gate->watch >= 0 && epoll_ctl(gate->watch, EPOLL_CTL_ADD, listening, &event) == 0)
        return gate;
    gate_close(gate);
    return NULL;
}

static void connection_close(struct gate *gate, struct connection *connection)
{
    gate->busy_ms = clock_running_ms();
    close(connection->fd); /* epoll forgets it by itself */
    *connection = (struct connection){ .state = CONNECTION_FREE };
}

void gate_close(struct gate *gate)
{
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++)
        if (gate->connections[i].state == CONNECTION_HEAD || gate->connections[i].state == CONNECTION_ENDING)
            connection_close(gate, &gate->connections[i]);
    if (gate->watch >= 0)
        close(gate->watch);
    close(gate->listening);
    free(gate);
}

int gate_fd(const struct gate *gate)
{
    return gate->watch;
}

/* --- One connection --------------------------------------------------------------------------------------------- */

/* An answer so short fits into the memory of a socket that has sent nothing yet. */
static void connection_refuse(struct gate *gate, struct connection *connection, const struct refusal *refusal)
{
    struct strbuf text = { 0 };
    strbuf_printf(&text, "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n",
                  refusal->status, MHD_get_reason_phrase_for(refusal->status), strlen(refusal->why) + 1);
    for (const struct site_header *header = site_headers; header->name; header++)
        strbuf_printf(&text, "%s: %s\r\n", header->name, header->value);
    if (refusal->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        strbuf_printf(&text, "Allow: GET, HEAD%s\r\n", gate->takes_options ? ", OPTIONS" : "");
    strbuf_printf(&text, "\r\n%s\n", refusal->why);
    bool is_sent = send(connection->fd, text.at, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)text.len;
    strbuf_free(&text);
    connection->state = CONNECTION_ENDING;
    connection->end_ms = clock_running_ms() + ENDING_MS;
    if (!is_sent || shutdown(connection->fd, SHUT_WR) != 0)
        connection_close(gate, connection);
}

/* Until the client has closed its side: closing ours before it has read the answer could destroy the answer. */
static void connection_discard(struct gate *gate, struct connection *connection)
{
    char block[4096];
    ssize_t len;
    while ((len = recv(connection->fd, block, sizeof block, MSG_DONTWAIT)) > 0) {
        connection->discarded += (size_t)len;
        if (connection->discarded > DISCARDED_MAX)
            break;
    }
    if (len >= 0 || (errno != EAGAIN && errno != EINTR))
        connection_close(gate, connection);
}

static void connection_judge(struct gate *gate, struct connection *connection)
{
    static const struct refusal too_long = { 431, "The head of this request is too long." };
    char head[HEAD_MAX_BYTES];
    ssize_t len = recv(connection->fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
    struct refusal refusal;
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        connection_close(gate, connection);
        return;
    }
    switch (head_judge((struct slice){ head, (size_t)len }, gate->takes_options, &refusal)) {
    case HEAD_GOOD:
        epoll_ctl(gate->watch, EPOLL_CTL_DEL, connection->fd, NULL);
        connection->state = CONNECTION_HTTP;
        gate->let_in(gate->user, connection);
        return;
    case HEAD_INCOMPLETE:
        if (len < (ssize_t)sizeof head)
            return;
        refusal = too_long;
        break;
    case HEAD_REFUSED: break;
    }
    connection_refuse(gate, connection, &refusal);
    if (connection->state == CONNECTION_ENDING)
        connection_discard(gate, connection);
}

static void connection_readable(struct gate *gate, struct connection *connection, uint32_t events)
{
    if (connection->state == CONNECTION_ENDING)
        connection_discard(gate, connection);
    else if (connection->state == CONNECTION_HEAD && events & (EPOLLHUP | EPOLLERR))
        connection_close(gate, connection);
    else if (connection->state == CONNECTION_HEAD)
        connection_judge(gate, connection);
}

/* --- All of them ------------------------------------------------------------------------------------------------ */

static struct connection *connection_free(struct gate *gate)
{
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++)
        if (gate->connections[i].state == CONNECTION_FREE)
            return &gate->connections[i];
    return NULL;
}

/* The one that was the first to come of those that do not say what they want, if it had time enough for that. */
static struct connection *connection_idle(struct gate *gate, int64_t now_ms)
{
    struct connection *found = NULL;
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++) {
        struct connection *connection = &gate->connections[i];
        bool is_idle = connection->state == CONNECTION_ENDING ||
                       (connection->state == CONNECTION_HEAD &&
                        connection->end_ms - SERVE_CONNECTION_MS + HEAD_LEAST_MS <= now_ms);
        if (is_idle && (!found || connection->end_ms < found->end_ms))
            found = connection;
    }
    return found;
}

/* False: nobody waits, or there is no place for whoever does. */
static bool accept_one(struct gate *gate)
{
    int64_t now_ms = clock_running_ms();
    struct connection *place = connection_free(gate), *idle = place ? NULL : connection_idle(gate, now_ms);
    if (!place && !idle)
        return false;
    int fd = accept4(gate->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED;
    if (!place) {
        connection_close(gate, idle);
        place = idle;
    }
    *place = (struct connection){ .state = CONNECTION_HEAD, .fd = fd, .end_ms = now_ms + SERVE_CONNECTION_MS };
    gate->busy_ms = now_ms;
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = place };
    if (epoll_ctl(gate->watch, EPOLL_CTL_ADD, fd, &event) != 0)
        connection_close(gate, place);
    else
        connection_judge(gate, place);
    return true;
}

/* A client that sends or takes a byte now and then would hold its connection for ever. */
static void end_slow_connections(struct gate *gate)
{
    int64_t now_ms = clock_running_ms();
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++) {
        struct connection *connection = &gate->connections[i];
        if (connection->state == CONNECTION_FREE || connection->end_ms > now_ms)
            continue;
        if (connection->state == CONNECTION_HTTP) {
            shutdown(connection->fd, SHUT_RDWR); /* libmicrohttpd then closes it */
            connection->end_ms = now_ms + SERVE_CONNECTION_MS;
        } else {
            connection_close(gate, connection);
        }
    }
}

void gate_turn(struct gate *gate)
{
    struct epoll_event events[EVENTS];
    end_slow_connections(gate);
    int count = epoll_wait(gate->watch, events, EVENTS, 0);
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr)
            connection_readable(gate, events[i].data.ptr, events[i].events);
    for (int i = 0; i < SERVE_CONNECTIONS_MAX && accept_one(gate); i++)
        ;
    watch_listening(gate, connection_free(gate) == NULL);
}

int gate_wait_ms(const struct gate *gate)
{
    int64_t wait_ms = gate->is_full ? FULL_LOOK_MS : -1, now_ms = clock_running_ms();
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++) {
        int64_t left_ms = gate->connections[i].end_ms - now_ms;
        if (gate->connections[i].state != CONNECTION_FREE && (wait_ms < 0 || left_ms < wait_ms))
            wait_ms = left_ms < 0 ? 0 : left_ms;
    }
    return wait_ms > SERVE_CONNECTION_MS ? SERVE_CONNECTION_MS : (int)wait_ms;
}

void gate_forget(struct gate *gate, struct connection *connection)
{
    gate->busy_ms = clock_running_ms();
    *connection = (struct connection){ .state = CONNECTION_FREE };
}

struct connection *gate_next(struct gate *gate, struct connection *before)
{
    size_t from = before ? (size_t)(before - gate->connections) + 1 : 0;
    for (size_t i = from; i < SERVE_CONNECTIONS_MAX; i++)
        if (gate->connections[i].state == CONNECTION_HTTP)
            return &gate->connections[i];
    return NULL;
}

int64_t gate_busy_ms(const struct gate *gate)
{
    for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++)
        if (gate->connections[i].state != CONNECTION_FREE)
            return clock_running_ms();
    return gate->busy_ms;
}

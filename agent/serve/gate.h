/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_GATE_H
#define SERVE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Takes connections from the listening socket and looks at the head of each one's request without taking it away (MSG_PEEK). Those whose
 * head is good go on to libmicrohttpd; the others are told why they are refused. Every connection has an end in time.
 */

/* The states of a connection. Free ones may be used for the next client. */
enum connection_state {
    CONNECTION_FREE,
    CONNECTION_HEAD,  /* the head of its request is not whole yet */
    CONNECTION_HTTP,  /* libmicrohttpd has it, and closes its descriptor */
    CONNECTION_ENDING /* it was refused, and what it still sends is thrown away */
};

/* Each carries one request. */
struct connection {
    enum connection_state state;
    int fd;
    int64_t end_ms;   /* of the time for the request, later for taking the answer; on clock_running_ms() */
    size_t held;      /* bytes of its answer */
    size_t discarded; /* bytes that came after it was refused */

    /* Of CONNECTION_HTTP, and the server's alone. */
    struct MHD_Connection *http;
    struct job *job;        /* makes the answer; NULL: none does */
    struct rendered *ready; /* the answer; NULL: there is none yet */
};

struct gate;

/* let_in is called for each connection whose head is good. */
struct gate *gate_open(int listening, bool takes_options, void (*let_in)(void *user, struct connection *connection),
                       void *user);
/* Closes the listening socket and the connections that libmicrohttpd does not have. */
void gate_close(struct gate *gate);

/* For poll(2): readable when gate_turn has something to do; and in how many milliseconds it has in any case, -1: not by itself. */
int gate_fd(const struct gate *gate);
int gate_wait_ms(const struct gate *gate);
void gate_turn(struct gate *gate);

/* libmicrohttpd has closed its descriptor. */
void gate_forget(struct gate *gate, struct connection *connection);
/* For the connections that are libmicrohttpd's, one after the other; NULL begins and ends. */
struct connection *gate_next(struct gate *gate, struct connection *before);
/* When a connection was last open, on the clock of clock_running_ms(). */
int64_t gate_busy_ms(const struct gate *gate);

#endif

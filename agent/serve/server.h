/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "site.h"

/*
 * HTTP: takes connections from a listening socket, lets requests in or refuses them, and sends the site's answers. One thread does all
 * that; others make the answers from the history (workers.h).
 */

struct server_settings {
    const struct site *site;  /* borrowed, as all that follows, until the server is closed */
    int fd;                   /* listening; the server closes it */
    const char *const *hosts; /* the names under which it may be asked for */
    size_t host_count;
    const char *token; /* NULL: none is needed */
    const char
        *allow_origin; /* the origins whose pages may read the answers for programs, parted by commas; NULL: none */
};

struct server;
struct server *server_open(const struct server_settings *settings); /* NULL: libmicrohttpd or a thread cannot start */
void server_close(struct server *server);

/* Fills in what is to be watched with poll(2) until server_run has something to do. */
enum { SERVER_FDS = 2 };
void server_watch(const struct server *server, struct pollfd look[SERVER_FDS]);
/* In how many milliseconds server_run has something to do in any case; -1: not before a descriptor is readable. */
int server_wait_ms(const struct server *server);
void server_run(struct server *server);

/* When a connection was last open, on the clock of clock_running_ms(). */
int64_t server_busy_ms(const struct server *server);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/strbuf.h"

/* Where the server listens: an address of this host, a socket in a directory, or the socket that systemd hands over. */

struct listen_address {
    struct sockaddr_storage address;
    socklen_t len;
    char *host;    /* owned: as a Host header names it, "127.0.0.1" or "[::1]"; NULL: a socket in a directory */
    char *path;    /* owned: of a socket in a directory, else NULL */
    bool is_local; /* nobody on another host can reach it */
};

/*
 * Reads "127.0.0.1:9188", "[::1]:9188", "localhost:9188" or "unix:PATH". No name is looked up but localhost. False, with the reason in
 * *why, if it is none of these. Free the address in any case.
 */
bool listen_parse(const char *text, struct listen_address *address, struct strbuf *why);
void listen_free(struct listen_address *address);

/* Returns a listening socket, which the caller closes; or -1, with the reason in *why. */
int listen_open(const struct listen_address *address, struct strbuf *why);

/*
 * The socket that systemd hands over (sd_listen_fds(3)), and where it listens. Returns -1 if there is none; *why then has a reason only if
 * there should be one.
 */
int listen_take(struct listen_address *address, struct strbuf *why);

/* Appends the URL of a listening socket, with the port that the system chose; for a socket in a directory "unix:PATH". */
void listen_url(int fd, struct strbuf *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H

#include "listen_address.h"

/* Where the server listens: an address of this host, a socket in a directory, or the socket that systemd hands over. */

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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LISTEN_ADDRESS_H
#define LISTEN_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/strbuf.h"

/* Where a server listens, as [serve] listen says it. */

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
/* Fills in host, is_local and the length of an address that is known otherwise. */
void listen_judge(struct listen_address *address);

/* What is said of an address that other hosts can reach without a token, and of a token that no header can hold. */
#define LISTEN_NEEDS_TOKEN                                                                                             \
    "anybody on the network could read the pages: set [serve] token_file, or listen on 127.0.0.1, [::1] or unix:PATH"
#define LISTEN_BAD_TOKEN "a token is one line of letters, digits and signs without a space"
bool listen_token_is_good(const char *token);

/*
 * The next of [serve] allow_origin, which are parted by commas and blanks; false at their end. An origin is good if it is written as browsers
 * send it: scheme and host in small letters, and a port unless it is the usual one.
 */
bool listen_origin_next(const char **at, struct slice *origin);
bool listen_origin_is_good(struct slice origin);

#endif

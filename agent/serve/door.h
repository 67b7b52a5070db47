/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_DOOR_H
#define SERVE_DOOR_H

#include "server.h"

struct MHD_Connection;

/* Why a request is refused: the status of HTTP, and the reason in a sentence. Static. */
struct refusal {
    unsigned status;
    const char *why;
};

/* What the headers of a request say, as far as it matters. Borrowed until its connection ends. */
struct headers {
    const char *host, *authorization, *origin, *accept, *asked_method;
    int hosts, authorizations, origins;
    size_t bytes; /* of all headers */
};

void headers_read(struct MHD_Connection *http, struct headers *headers);
/*
 * The origin in the configuration that a request is from; one without text if it is from none of them, or does not say so. Borrowed from
 * the settings.
 */
struct slice door_origin(const struct server_settings *settings, const struct headers *headers);
/* Whether a request asks if such a page may send a request with a token (the preflight of the Fetch standard). */
bool door_is_preflight(const struct server_settings *settings, const struct headers *headers, const char *method);
/* target: as it was sent. False: the request is not let in, for the reason in *refusal. */
bool door_lets_in(const struct server_settings *settings, const struct headers *headers, const char *method,
                  const char *target, struct refusal *refusal);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_DOOR_H
#define SERVE_DOOR_H

#include "head.h"
#include "server.h"

struct MHD_Connection;

/* What the headers of a request say, as far as it matters. Borrowed until its connection ends. */
struct headers {
    const char *host, *authorization, *origin, *accept, *asked_method;
    int hosts, authorizations, origins;
};

void headers_read(struct MHD_Connection *http, struct headers *headers);
/* False: the request is not let in, for the reason in *refusal. */
bool door_lets_in(const struct server_settings *settings, const struct headers *headers, struct refusal *refusal);

#endif

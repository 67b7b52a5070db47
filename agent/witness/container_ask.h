/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_CONTAINER_ASK_H
#define WITNESS_CONTAINER_ASK_H

#include <curl/curl.h>

#include "container.h"

/* Inside the room: the requests about a container that go to Docker's socket. */

/* Asks how the container is, for 3 s at most. The facts have a state and words in any case; socket may be NULL. */
void container_look(const char *socket, const char *name, struct container_facts *facts);

/* A request for a stream that lasts; NULL if there is no memory. url must live as long. */
CURL *container_request(const char *socket, const char *url,
                        size_t (*take)(char *bytes, size_t size, size_t count, void *user), void *user);
void container_logs_url(const char *id, const char *since, struct strbuf *url);
void container_events_url(const char *name, struct strbuf *url);

#endif

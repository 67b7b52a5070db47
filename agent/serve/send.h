/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_SEND_H
#define SERVE_SEND_H

#include <microhttpd.h>

#include "connections.h"
#include "door.h"
#include "kept.h"
#include "site.h"

/* Answers as libmicrohttpd sends them, with the headers of all. Each function returns what its callback has to return. */

/* Takes the answer's text. The caller is the first user; NULL: libmicrohttpd has no memory. */
struct rendered *rendered_of(struct answer *answer);
void response_let_go(void *response); /* for rendered_leave */

enum MHD_Result send_rendered(struct connection *connection, struct rendered *rendered);
/* Sends an answer that nobody else needs, and frees it. */
enum MHD_Result send_answer(struct connection *connection, struct answer *answer);
enum MHD_Result send_refusal(struct connection *connection, struct refusal refusal);
/* A page of that origin may send requests with a token. */
enum MHD_Result send_preflight(struct connection *connection, struct slice origin);

#endif

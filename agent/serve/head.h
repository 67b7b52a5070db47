/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_HEAD_H
#define SERVE_HEAD_H

#include <stdbool.h>

#include "base/slice.h"

/*
 * Looks at the head of a request, which is its first line and its headers, before libmicrohttpd reads it. libmicrohttpd answers what it does
 * not understand with pages of its own, which lack the headers of ours; what is let through here it understands. The form is that of RFC
 * 9112, without what these pages never need: bodies, folded headers, methods that change something. Pure: no file, no clock.
 */

enum head_state {
    HEAD_INCOMPLETE, /* more has to come */
    HEAD_GOOD,
    HEAD_REFUSED
};

/* Why a request is refused: the status of HTTP, and the reason in a sentence. Static. */
struct refusal {
    unsigned status;
    const char *why;
};

/* The first bytes that a client sent, as many as came, and no more than HEAD_MAX_BYTES. OPTIONS is a good method only if it is answered. */
enum head_state head_judge(struct slice sent, bool takes_options, struct refusal *refusal);

/* More than any head that is good. A head that is so long and still incomplete is refused. */
enum { HEAD_MAX_BYTES = 12 * 1024 };

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_HTTP_QUESTION_H
#define WITNESS_HTTP_QUESTION_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Inside the room: what all questions that libcurl asks have in common. */

/* What came back, headers and body together up to a bound. Zero-initialise it, and free its body. */
struct http_answer {
    size_t most_bytes; /* the bound; 0: PROBE_ANSWER_MAX_BYTES */
    struct strbuf body;
    size_t head_bytes;
    bool heads_only; /* the headers say enough: the request ends where the body begins, and counts as cut */
    bool is_cut;     /* there was more, and the request was ended */
};

/*
 * Prepares a GET of the URL, without a proxy and without redirections, that is over after timeout_ms. The URL and the answer must live
 * as long as the request.
 */
void http_question_prepare(CURL *easy, const char *url, int64_t timeout_ms, struct http_answer *answer);

#endif

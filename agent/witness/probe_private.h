/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_PROBE_PRIVATE_H
#define WITNESS_PROBE_PRIVATE_H

#include <curl/curl.h>

#include "witness.h"

/* The inside of asking: probe.c asks, probe_judge.c says what came of it, docker.c and scrape.c read long answers. */

/* What libcurl tells of a request that ended. */
struct probe_outcome {
    CURLcode code;
    long http_status; /* 0: none */
    long os_error;    /* errno of a connection that failed, 0: none */
    int64_t timeout_ms;
    bool cut;          /* the answer was longer than we read */
    struct slice body; /* of containers and metrics pages */
};

/* Sets state and words. */
void probe_judge(struct probe_answer *answer, const struct probe_outcome *outcome);

/* Docker's words on a container ("GET /containers/NAME/json"). */
void docker_judge(struct probe_answer *answer, struct slice json);

/* The page in Prometheus's text format. Returns the number of samples of any kind; those that we know go to the answer. */
size_t scrape_read(struct probe_answer *answer, struct slice page);

#endif

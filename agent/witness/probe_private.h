/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_PROBE_PRIVATE_H
#define WITNESS_PROBE_PRIVATE_H

#include <curl/curl.h>

#include "witness.h"

/* Inside the room: probes.c asks, probe_judge.c judges the outcome, docker.c and metrics_page.c read the longer answers. */

/* What libcurl says about a request that ended. */
struct probe_outcome {
    CURLcode code;
    long http_status; /* 0: none */
    long os_error;    /* errno of a connection that failed, 0: none */
    int64_t timeout_ms;
    bool cut;          /* the answer was longer than what was read */
    struct slice body; /* of containers and metrics pages */
    int64_t now_ms;    /* the wall clock, when the answer came */
};

/* Sets the state and the words of the answer. */
void probe_judge(struct probe_answer *answer, const struct probe_outcome *outcome);

/* Where the docker command itself would look; NULL if that is not a Unix socket. Owned by the caller. */
char *docker_socket_path(void);

/* Reads Docker's answer to "GET /containers/NAME/json", which came at now_ms. The answer still holds the last count of restarts. */
void docker_judge(struct probe_answer *answer, struct slice json, int64_t now_ms);

/* Reads a page in Prometheus's text format into the answer. Returns the number of samples of any kind. */
size_t metrics_page_read(struct probe_answer *answer, struct slice page);

#endif

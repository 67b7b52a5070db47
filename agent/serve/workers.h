/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_WORKERS_H
#define SERVE_WORKERS_H

#include "site.h"

/*
 * The threads that make answers from the history, so that the one that speaks HTTP never waits for it. There are two, each with a
 * connection to the history of its own: what tells whether all is well never waits behind the report of ten years. A job belongs to the
 * workers from workers_take until workers_done hands it out, and to the caller before and after; nothing else is shared but the site,
 * which nobody changes.
 */

enum lane {
    LANE_QUICK, /* answers whose cost does not grow with the history */
    LANE_LONG,
    LANES
};

struct job {
    struct job *next;
    char *key;              /* owned: jobs with the same one have the same answer */
    struct request request; /* owned */
    enum lane lane;
    struct slice origin;  /* of the request, see door_origin */
    bool is_first;        /* before others that wait */
    int64_t kept_version; /* no answer is made if the history is still this version; 0: one is in any case */

    /* The answer, unless the one that is kept is still right. */
    struct answer answer;
    bool is_unchanged;
    int64_t version, begun_ms, cost_ms; /* see struct kept_answer */
};

struct workers;
struct workers *workers_open(const struct site *site); /* borrowed. NULL: no thread can be started */
/* Ends the threads, and frees the jobs that they have. */
void workers_close(struct workers *workers);

/* False, and the job stays the caller's: so many wait that one more would wait for long. */
bool workers_take(struct workers *workers, struct job *job);
/* A job that has its answer; NULL: none has. For poll(2): the descriptor is readable when one may. */
struct job *workers_done(struct workers *workers);
int workers_fd(const struct workers *workers);

void job_free(struct job *job);

#endif

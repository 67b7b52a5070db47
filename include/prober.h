/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROBER_H
#define PROBER_H

#include <stdint.h>

#include "config.h"
#include "event.h"

/*
 * Asks the probes while an incident is open: when one opens, and every minute as long as one is (at a shorter interval of the
 * schedule, as much more often). A thread of its own waits for the answers, so that detecting never does.
 */
struct prober;

/* NULL where nothing is configured to be asked. wake is called from the thread when the answers are there. */
struct prober *prober_open(const struct config *config, void (*wake)(void));
/* Ends a question in progress, and frees. NULL is nothing. */
void prober_close(struct prober *prober);

struct prober_sink {
    void *ctx;
    void (*event)(void *ctx, const struct event *event);
};

/*
 * Hands out what answers brought, as far as it is news to this prober, and asks if it is time to. newest_open: the id of the newest open
 * incident, 0 for none.
 */
void prober_run(struct prober *prober, int64_t newest_open, int64_t now_ms, const struct prober_sink *sink);

/* When prober_run wants to be called at the latest; INT64_MAX: not before it wakes, or an incident opens. */
int64_t prober_due_ms(const struct prober *prober);

#endif

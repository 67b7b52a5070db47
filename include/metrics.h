/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "engine.h"

/*
 * What the agent counts of itself, in memory and since its start: it stands between the engine and the history, passes
 * everything on and keeps the sums. Not thread-safe.
 */
struct metrics;
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* A sink that counts, then hands on to next, which is copied. It serves as long as metrics lives. */
struct engine_sink metrics_sink(struct metrics *metrics, const struct engine_sink *next);

/* Takes up from a history what an earlier life left: open incidents and the tables' latest runs. False with why in *error. */
bool metrics_take_up(struct metrics *metrics, const char *history_db, struct strbuf *error);

/* The counts for Prometheus. */
struct exposition;
void metrics_render(const struct metrics *metrics, const struct exposition *out);

/* How things stand, in a few words: "no incident open; last cycle: success". */
void metrics_summary(const struct metrics *metrics, struct strbuf *out);

#endif

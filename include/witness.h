/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_H
#define WITNESS_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"

/*
 * The configured components and the scheduler's metrics page, asked how they are: all at once, each within its timeout, without
 * a proxy. An answer's words hold no secret, but they may be anybody's text.
 */
enum probe_kind { PROBE_HTTP, PROBE_TCP, PROBE_CONTAINER, PROBE_METRICS };

enum probe_state {
    PROBE_UNKNOWN, /* could not be asked, or the answer says nothing */
    PROBE_UP,
    PROBE_DOWN
};

/* What the metrics page says of a table. */
struct probe_metric {
    char *table;
    int64_t watermark_ms; /* 0: not exported */
    int64_t lag_ms;       /* -1: not exported */
};

struct probe_answer {
    const char *name; /* the section's; "metrics page" */
    enum probe_kind kind;
    char *target; /* masked URL, or the container */
    enum probe_state state;
    struct strbuf words; /* "HTTP 200", "Connection refused", "exited, exit code 137, OOM-killed" */
    int64_t took_ms;
    struct probe_metric *metrics;
    size_t metric_count;
};

/* One question to each. */
struct probes;

/* NULL where nothing is configured to be asked. The configuration is copied. */
struct probes *probes_open(const struct config *config);
void probes_close(struct probes *probes);

/* Returns when all have answered or their time is over. */
void probes_ask(struct probes *probes);
/* From any thread or a signal-free place: probes_ask returns at once. */
void probes_stop(struct probes *probes);

size_t probes_count(const struct probes *probes); /* NULL: 0 */
const struct probe_answer *probes_answer(const struct probes *probes, size_t index);

const char *probe_state_name(enum probe_state state); /* "unknown", "up", "down" */

#endif

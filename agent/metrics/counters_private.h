/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef METRICS_COUNTERS_PRIVATE_H
#define METRICS_COUNTERS_PRIVATE_H

#include "metrics.h"

/* The inside of the metrics: metrics.c counts, metrics_render.c shows. */

enum { METRICS_BUCKETS = 12 };

extern const int64_t metrics_buckets_s[METRICS_BUCKETS];

struct table_metrics {
    char *name;
    int64_t runs[RUN_OUTCOMES];
    int64_t rows; /* of its successes, likewise */
    int64_t success_duration_ms;
    int64_t success_ms; /* its last success, 0: none known */
    int64_t rows_ms;    /* its last success with rows, likewise */
};

struct open_incident {
    int64_t id;
    enum alert alert;
    enum severity severity;
};

struct metrics {
    struct engine_sink next;
    int64_t cycle_id, run_id; /* the last ones counted: a row is told again when more of it is known */
    int64_t cycles[CYCLE_OUTCOMES];
    enum cycle_outcome last_outcome; /* CYCLE_RUNNING: none ended yet */
    int64_t durations[METRICS_BUCKETS + 1];
    int64_t duration_sum_ms;
    int64_t last_duration_ms; /* -1: none yet */
    int64_t running_since_ms; /* 0: no cycle runs */
    struct table_metrics *tables;
    size_t table_count;
    struct open_incident *incidents;
    size_t incident_count;
};

#endif

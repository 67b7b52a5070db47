/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef METRICS_METRICS_PRIVATE_H
#define METRICS_METRICS_PRIVATE_H

#include "exposition.h"
#include "metrics.h"

/* Inside the room: counters.c counts, render.c writes the counters as text, textfile.c the file around them. */

enum { METRICS_BUCKETS = 12 };

extern const int64_t metrics_buckets_s[METRICS_BUCKETS]; /* upper ends */

struct table_metrics {
    char *name;
    int64_t runs[RUN_OUTCOMES];
    int64_t rows; /* moved by its successful runs */
    int64_t success_duration_ms;
    int64_t success_ms;   /* when its last successful run ended; 0: none is known */
    int64_t rows_ms;      /* when its last successful run that moved rows ended; 0: none is known */
    int64_t watermark_ms; /* up to when it has the source's rows, by the time of the data; 0: no witness tells */
};

struct open_incident {
    int64_t id;
    enum alert alert;
    enum severity severity;
    bool acknowledged;
};

struct witness_metrics {
    char *name;
    bool is_well, is_silent;
};

struct metrics {
    struct engine_sink next;
    int64_t cycle_id, run_id; /* the last ones counted, since the engine hands over a row again when it knows more */
    int64_t cycles[CYCLE_OUTCOMES];
    enum cycle_outcome last_outcome; /* CYCLE_RUNNING: no cycle has ended yet */
    int64_t durations[METRICS_BUCKETS + 1];
    int64_t duration_sum_ms;
    int64_t last_duration_ms; /* -1: none yet */
    int64_t running_since_ms; /* 0: no cycle is running */
    struct table_metrics *tables;
    size_t table_count;
    struct open_incident *incidents;
    size_t incident_count;
    struct witness_metrics *witnesses;
    size_t witness_count;
};

void metrics_free_witnesses(struct metrics *metrics); /* witness.c */

/* Writes the counters as Prometheus's text format. */
void metrics_render(const struct metrics *metrics, const struct exposition *out);

#endif

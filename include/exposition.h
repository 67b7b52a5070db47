/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXPOSITION_H
#define EXPOSITION_H

#include <stdint.h>

#include "base/strbuf.h"

/*
 * Writes Prometheus's text format. Every name gets the agent's prefix. Every sample gets the label "log", which tells two agents on
 * one host apart, since node_exporter refuses a directory in which two files hold the same series.
 */
enum exposition_dialect {
    EXPOSITION_TEXT,       /* version 0.0.4 */
    EXPOSITION_OPENMETRICS /* OpenMetrics 1.0: https://prometheus.io/docs/specs/om/open_metrics_spec/ */
};

struct exposition {
    struct strbuf *out;
    const char *log_path;
    enum exposition_dialect dialect;
};

struct metric_label {
    const char *name, *value;
};

/*
 * Writes the heading of a family; its samples must follow. The name is that of the samples; type is "counter" (the name ends with _total),
 * "gauge", "histogram" or "info" (it ends with _info).
 */
void exposition_family(const struct exposition *exposition, const char *name, const char *type, const char *help);

/* Write a sample. labels end with a NULL name; NULL means none. Seconds are written with three decimals. */
void exposition_number(const struct exposition *exposition, const char *name, const struct metric_label *labels,
                       int64_t value);
void exposition_seconds(const struct exposition *exposition, const char *name, const struct metric_label *labels,
                        int64_t value_ms);

/* Ends the text. */
void exposition_end(const struct exposition *exposition);

#endif

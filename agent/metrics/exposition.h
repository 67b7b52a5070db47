/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef METRICS_EXPOSITION_H
#define METRICS_EXPOSITION_H

#include <stdint.h>

#include "base/strbuf.h"

/*
 * Prometheus's text format. Every name gets the agent's prefix, every sample the label that tells two agents of one host apart:
 * node_exporter refuses a directory in which two files hold the same series.
 */
struct exposition {
    struct strbuf *out;
    const char *log_path;
};

struct metric_label {
    const char *name, *value;
};

/* type: "counter", "gauge" or "histogram". The samples of a family follow its heading. */
void exposition_family(const struct exposition *exposition, const char *name, const char *type, const char *help);

/* labels: ended by a NULL name; NULL for none. Seconds are written to the millisecond. */
void exposition_number(const struct exposition *exposition, const char *name, const struct metric_label *labels,
                       int64_t value);
void exposition_seconds(const struct exposition *exposition, const char *name, const struct metric_label *labels,
                        int64_t value_ms);

#endif

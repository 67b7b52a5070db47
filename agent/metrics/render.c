/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "metrics_private.h"

static void render_durations(const struct metrics *metrics, const struct exposition *out)
{
    int64_t count = 0;

    exposition_family(out, "cycle_duration_seconds", "histogram", "How long complete cycles took.");
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        char end[24];
        /* OpenMetrics writes these ends as numbers with a point, and compares them as texts. */
        snprintf(end, sizeof end, "%" PRId64 "%s", metrics_buckets_s[i],
                 out->dialect == EXPOSITION_OPENMETRICS ? ".0" : "");
        count += metrics->durations[i];
        exposition_number(out, "cycle_duration_seconds_bucket", (struct metric_label[]){ { "le", end }, { 0 } }, count);
    }
    count += metrics->durations[METRICS_BUCKETS];
    exposition_number(out, "cycle_duration_seconds_bucket", (struct metric_label[]){ { "le", "+Inf" }, { 0 } }, count);
    exposition_seconds(out, "cycle_duration_seconds_sum", NULL, metrics->duration_sum_ms);
    exposition_number(out, "cycle_duration_seconds_count", NULL, count);
}

static void render_cycles(const struct metrics *metrics, const struct exposition *out)
{
    exposition_family(out, "cycles_total", "counter", "Offload cycles that ended, by outcome.");
    for (int i = CYCLE_SUCCESS; i < CYCLE_OUTCOMES; i++) {
        const char *outcome = cycle_outcome_name((enum cycle_outcome)i);
        exposition_number(out, "cycles_total", (struct metric_label[]){ { "outcome", outcome }, { 0 } },
                          metrics->cycles[i]);
    }
    if (metrics->running_since_ms) {
        exposition_family(out, "running_cycle_start_timestamp_seconds", "gauge", "When the cycle that runs began.");
        exposition_seconds(out, "running_cycle_start_timestamp_seconds", NULL, metrics->running_since_ms);
    }
    if (metrics->last_duration_ms >= 0) {
        exposition_family(out, "last_cycle_duration_seconds", "gauge", "How long the last complete cycle took.");
        exposition_seconds(out, "last_cycle_duration_seconds", NULL, metrics->last_duration_ms);
    }
    render_durations(metrics, out);
}

static void render_runs(const struct metrics *metrics, const struct exposition *out)
{
    exposition_family(out, "runs_total", "counter", "Runs of a table that ended, by outcome.");
    for (size_t i = 0; i < metrics->table_count; i++) {
        const struct table_metrics *table = &metrics->tables[i];
        for (int j = RUN_SUCCESS; j < RUN_OUTCOMES; j++) {
            const char *outcome = run_outcome_name((enum run_outcome)j);
            exposition_number(out, "runs_total",
                              (struct metric_label[]){ { "table", table->name }, { "outcome", outcome }, { 0 } },
                              table->runs[j]);
        }
    }
}

enum unit { UNIT_NUMBER, UNIT_SECONDS, UNIT_TIME }; /* a time of 0 is not known and is left out */

static void render_per_table(const struct metrics *metrics, const struct exposition *out, const char *name,
                             enum unit unit, size_t offset)
{
    for (size_t i = 0; i < metrics->table_count; i++) {
        const struct metric_label labels[] = { { "table", metrics->tables[i].name }, { 0 } };
        int64_t value = *(const int64_t *)((const char *)&metrics->tables[i] + offset);
        if (unit == UNIT_NUMBER)
            exposition_number(out, name, labels, value);
        else if (unit == UNIT_SECONDS || value != 0)
            exposition_seconds(out, name, labels, value);
    }
}

static void render_tables(const struct metrics *metrics, const struct exposition *out)
{
    static const struct {
        const char *name, *type, *help;
        enum unit unit;
        size_t offset;
    } families[] = {
        { "rows_total", "counter", "Rows that a table's successful runs moved.", UNIT_NUMBER,
          offsetof(struct table_metrics, rows) },
        { "success_duration_seconds_total", "counter", "How long a table's successful runs took together.",
          UNIT_SECONDS, offsetof(struct table_metrics, success_duration_ms) },
        { "last_success_timestamp_seconds", "gauge", "When a table's last successful run ended.", UNIT_TIME,
          offsetof(struct table_metrics, success_ms) },
        { "last_rows_timestamp_seconds", "gauge", "When a table's last run that moved rows ended.", UNIT_TIME,
          offsetof(struct table_metrics, rows_ms) },
        { "watermark_timestamp_seconds", "gauge",
          "Up to when a table has the source's rows, by the time of the data, as a witness says.", UNIT_TIME,
          offsetof(struct table_metrics, watermark_ms) },
    };

    if (metrics->table_count == 0)
        return;
    render_runs(metrics, out);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        exposition_family(out, families[i].name, families[i].type, families[i].help);
        render_per_table(metrics, out, families[i].name, families[i].unit, families[i].offset);
    }
}

static void render_by_alert(const struct exposition *out, const char *name, int64_t counts[ALERTS][SEVERITIES])
{
    for (int i = 0; i < ALERTS; i++) {
        for (int j = SEVERITY_WARNING; j < SEVERITIES; j++) {
            const struct metric_label labels[] = { { "alert", alert_name((enum alert)i) },
                                                   { "severity", severity_name((enum severity)j) },
                                                   { 0 } };
            exposition_number(out, name, labels, counts[i][j]);
        }
    }
}

static void render_incidents(const struct metrics *metrics, const struct exposition *out)
{
    int64_t open[ALERTS][SEVERITIES] = { 0 }, acknowledged[ALERTS][SEVERITIES] = { 0 };

    for (size_t i = 0; i < metrics->incident_count; i++) {
        const struct open_incident *incident = &metrics->incidents[i];
        open[incident->alert][incident->severity]++;
        acknowledged[incident->alert][incident->severity] += incident->acknowledged;
    }
    exposition_family(out, "open_incidents", "gauge", "Incidents that are open, by alert and worst severity.");
    render_by_alert(out, "open_incidents", open);
    exposition_family(out, "acknowledged_incidents", "gauge",
                      "Incidents that are open and acknowledged, by alert and worst severity.");
    render_by_alert(out, "acknowledged_incidents", acknowledged);
}

static void render_witnesses(const struct metrics *metrics, const struct exposition *out)
{
    if (metrics->witness_count == 0)
        return;
    exposition_family(out, "witness_up", "gauge",
                      "Whether a witness says that all is well (1) or not (0); absent while it is silent.");
    for (size_t i = 0; i < metrics->witness_count; i++)
        if (!metrics->witnesses[i].is_silent)
            exposition_number(out, "witness_up",
                              (struct metric_label[]){ { "witness", metrics->witnesses[i].name }, { 0 } },
                              metrics->witnesses[i].is_well);
    exposition_family(out, "witness_silent", "gauge",
                      "Whether a witness could not be asked, or told nothing, when it was asked last.");
    for (size_t i = 0; i < metrics->witness_count; i++)
        exposition_number(out, "witness_silent",
                          (struct metric_label[]){ { "witness", metrics->witnesses[i].name }, { 0 } },
                          metrics->witnesses[i].is_silent);
}

void metrics_render(const struct metrics *metrics, const struct exposition *out)
{
    render_cycles(metrics, out);
    render_tables(metrics, out);
    render_incidents(metrics, out);
    render_witnesses(metrics, out);
}

void metrics_summary(const struct metrics *metrics, struct strbuf *out)
{
    const struct open_incident *worst = NULL;

    for (size_t i = 0; i < metrics->incident_count; i++)
        if (!worst || metrics->incidents[i].severity > worst->severity)
            worst = &metrics->incidents[i];
    if (worst) {
        strbuf_printf(out, "%zu incident%s open, %s: %s", metrics->incident_count,
                      metrics->incident_count > 1 ? "s" : "", severity_name(worst->severity), alert_name(worst->alert));
    } else {
        strbuf_puts(out, "no incident open");
    }
    if (metrics->last_outcome != CYCLE_RUNNING)
        strbuf_printf(out, "; last cycle: %s", cycle_outcome_name(metrics->last_outcome));
}

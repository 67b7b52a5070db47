/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that is exposed, in Prometheus's text format or in OpenMetrics. */
#include "metrics_private.h"

static void facts_put_number(const struct exposition *out, const char *name, const char *type, const char *help,
                             int64_t value)
{
    exposition_family(out, name, type, help);
    exposition_number(out, name, NULL, value);
}

static void facts_put_time(const struct exposition *out, const char *name, const char *help, int64_t at_ms)
{
    if (at_ms <= 0)
        return;
    exposition_family(out, name, "gauge", help);
    exposition_seconds(out, name, NULL, at_ms);
}

static void facts_put_result(const struct exposition *out, const char *webhook, const char *result, int64_t count)
{
    exposition_number(out, "notifications_total",
                      (struct metric_label[]){ { "webhook", webhook }, { "result", result }, { 0 } }, count);
}

static void facts_put_notifications(const struct exposition *out, const struct metrics_facts *facts)
{
    exposition_family(out, "notifications_total", "counter",
                      "Attempts to deliver a notification, by what came of them.");
    for (size_t i = 0; i < facts->delivery_count; i++) {
        const struct metrics_deliveries *to = &facts->deliveries[i];
        facts_put_result(out, to->webhook, "delivered", to->delivered);
        facts_put_result(out, to->webhook, "retried", to->retried);
        facts_put_result(out, to->webhook, "refused", to->refused);
    }
}

static void facts_put_reading(const struct exposition *out, const struct metrics_facts *facts)
{
    const struct parser_counts *parsed = facts->parsed;

    facts_put_number(out, "lines_total", "counter", "Lines of the log that were read.", parsed->lines);
    facts_put_number(out, "read_bytes_total", "counter", "Bytes of the log that were read.", facts->read_bytes);
    facts_put_number(out, "events_total", "counter", "Events that the lines told of.", parsed->events);
    facts_put_number(out, "parse_misses_total", "counter", "Records of the scheduler that no pattern knows.",
                     parsed->misses);
    facts_put_number(out, "parse_limit_hits_total", "counter", "Pattern matches given up for their cost.",
                     parsed->limit_hits);
    facts_put_number(out, "stray_lines_total", "counter",
                     "Lines left out, since their time is far from when they were written.", facts->stray_lines);
    facts_put_number(out, "offset_behind_bytes", "gauge", "Bytes of the log that are not read yet.",
                     facts->behind_bytes);
    facts_put_time(out, "last_record_timestamp_seconds", "The time of the newest record read.", facts->last_record_ms);
    facts_put_time(out, "next_run_timestamp_seconds", "When the scheduler promised its next cycle.",
                   facts->next_run_ms);
    if (facts->writer_present >= 0)
        facts_put_number(out, "writer_present", "gauge", "Whether a process holds the log open for writing.",
                         facts->writer_present);
}

static void facts_put_blindness(const struct exposition *out, const struct metrics_facts *facts)
{
    exposition_family(out, "blind", "gauge", "Whether the agent sees, keeps or tells nothing, by reason.");
    for (int i = 0; i < BLIND_REASONS; i++) {
        const char *reason = blind_reason_name((enum blind_reason)i);
        exposition_number(out, "blind", (struct metric_label[]){ { "reason", reason }, { 0 } }, facts->blind[i]);
    }
}

/* With these a dashboard draws the lines beyond which something is told, whatever this agent is configured to. */
static void facts_put_limits(const struct exposition *out, const struct engine_limits *limits)
{
    const struct {
        const char *name;
        int64_t ms;
    } thresholds[] = {
        { "lag_warning", limits->lag_warning_ms },   { "lag_critical", limits->lag_critical_ms },
        { "cycle_slow", limits->cycle_slow_ms },     { "cycle_too_slow", limits->cycle_too_slow_ms },
        { "late_warning", limits->late_warning_ms }, { "late_critical", limits->late_critical_ms },
    };
    exposition_family(out, "interval_seconds", "gauge", "The schedule's interval, as it is told, set or guessed.");
    exposition_seconds(out, "interval_seconds", NULL, limits->interval_ms);
    exposition_family(out, "threshold_seconds", "gauge", "From when on something counts as a trouble, by threshold.");
    for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++)
        exposition_seconds(out, "threshold_seconds",
                           (struct metric_label[]){ { "threshold", thresholds[i].name }, { 0 } }, thresholds[i].ms);
}

static void facts_put_silences(const struct exposition *out, const struct metrics_facts *facts)
{
    facts_put_number(out, "silences_in_force", "gauge", "Silences that somebody began and that are in force.",
                     facts->silences_in_force);
    if (facts->window_count == 0)
        return;
    exposition_family(out, "silence_window_in_force", "gauge", "Whether a window of the configuration is in force.");
    for (size_t i = 0; i < facts->window_count; i++)
        exposition_number(out, "silence_window_in_force",
                          (struct metric_label[]){ { "window", facts->windows[i].name }, { 0 } },
                          facts->windows[i].is_in_force);
}

void metrics_expose(const struct metrics_facts *facts, int64_t now_ms, enum exposition_dialect dialect,
                    struct strbuf *text)
{
    const struct exposition out = { text, facts->log_path, dialect };

    facts_put_number(&out, "up", "gauge", "Whether the agent runs: 0 after an orderly end.", facts->up);
    facts_put_time(&out, "alive_timestamp_seconds", "When the agent wrote this: at most a minute ago while it lives.",
                   now_ms);
    facts_put_time(&out, "start_timestamp_seconds", "When the agent started: its counters began at 0.",
                   facts->started_ms);
    exposition_family(&out, "build_info", "info", "The agent's version.");
    exposition_number(&out, "build_info", (struct metric_label[]){ { "version", AGENT_VERSION }, { 0 } }, 1);
    facts_put_number(&out, "config_last_reload_successful", "gauge", "Whether the configuration, last read, was good.",
                     !facts->reload_refused);
    facts_put_number(&out, "commits_total", "counter", "Commits to the history.", facts->commits);
    facts_put_number(&out, "commit_failures_total", "counter", "Commits to the history that failed.",
                     facts->commit_failures);
    facts_put_limits(&out, &facts->limits);
    facts_put_blindness(&out, facts);
    facts_put_silences(&out, facts);
    facts_put_reading(&out, facts);
    if (facts->delivery_count > 0)
        facts_put_notifications(&out, facts);
    metrics_render(facts->metrics, &out);
    exposition_end(&out);
}

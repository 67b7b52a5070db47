/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_keys.h"

#include <string.h>

#include "config.h"

/* A key's place, by the name of the member that holds it. */
#define MAIN(member) .offset = offsetof(struct config, member)
#define WEBHOOK(member) .offset = offsetof(struct webhook_config, member)
#define PROBE(member) .offset = offsetof(struct probe_config, member)

static const struct config_key keys[] = {
    { "log", "path", CONFIG_TEXT, "/tmp/iceberg-offload-scheduler.log", NULL, "the scheduler's log", MAIN(log_path),
      .change = CONFIG_AT_RESTART },
    { "log", "timezone", CONFIG_TEXT, NULL, "the host's", "the zone of the log's local times", MAIN(log_timezone),
      .change = CONFIG_AT_RESTART },
    { "log", "owner", CONFIG_TEXT, NULL, "any", "refuse a log that another user owns", MAIN(log_owner),
      .change = CONFIG_AT_RESTART },
    { "log", "patterns", CONFIG_TEXT, NULL, "the built-in ones", "a file that replaces the patterns",
      MAIN(log_patterns) },

    { "history", "db", CONFIG_TEXT, NULL,
      "$STATE_DIRECTORY/history.db, else iceberg-offload-agent/history.db in $XDG_STATE_HOME or ~/.local/state",
      "the history database", MAIN(history_db), .change = CONFIG_AT_RESTART },
    { "history", "retention", CONFIG_PERIOD, "90d", NULL, "how long cycles, runs and incidents are kept",
      MAIN(retention_ms) },

    { "schedule", "interval", CONFIG_PERIOD_OR_ZERO, "0", "0: learnt from the log's Schedule line, else 15m",
      "from one cycle to the next", MAIN(settings.schedule.interval_ms) },
    { "schedule", "table_timeout", CONFIG_PERIOD, "600s", NULL, "when the scheduler kills a table's run",
      MAIN(settings.schedule.table_timeout_ms) },
    { "schedule", "late_warning", CONFIG_PERIOD, "60s", NULL, "a promised run is this late: warning",
      MAIN(settings.schedule.late_warning_ms) },
    { "schedule", "late_critical", CONFIG_PERIOD, "120s", NULL, "a promised run is this late: critical",
      MAIN(settings.schedule.late_critical_ms) },
    { "schedule", "restart_grace", CONFIG_PERIOD, "90s", NULL, "how long a scheduler that died may take to come back",
      MAIN(settings.schedule.restart_grace_ms) },
    { "schedule", "hang_grace", CONFIG_PERIOD, "60s", NULL, "silence beyond table_timeout that means hung",
      MAIN(settings.schedule.hang_grace_ms) },

    { "detect", "failures_warning", CONFIG_COUNT, "2", NULL, "failures of a table in a row: warning",
      MAIN(settings.detect.failures_warning) },
    { "detect", "failures_critical", CONFIG_COUNT, "3", NULL, "failures of a table in a row: critical",
      MAIN(settings.detect.failures_critical) },
    { "detect", "cycle_slow", CONFIG_PERIOD, "300s", NULL, "a cycle takes longer: warning",
      MAIN(settings.detect.cycle_slow_ms) },
    { "detect", "cycle_too_slow", CONFIG_PERIOD, "600s", NULL, "a cycle takes longer: critical",
      MAIN(settings.detect.cycle_too_slow_ms) },
    { "detect", "lag_warning", CONFIG_PERIOD_OR_ZERO, "0", "0: 20m, or interval + 5m if longer",
      "a table's last success is older: warning", MAIN(settings.detect.lag_warning_ms) },
    { "detect", "lag_critical", CONFIG_PERIOD_OR_ZERO, "0", "0: 30m, or 2 x interval if longer",
      "a table's last success is older: critical", MAIN(settings.detect.lag_critical_ms) },
    { "detect", "stall_warning_runs", CONFIG_COUNT, "2", NULL, "runs with 0 rows in a row, at least: warning",
      MAIN(settings.detect.stall_warning_runs) },
    { "detect", "stall_warning_p", CONFIG_PROBABILITY, "1e-4", NULL, "and their chance is below this",
      MAIN(settings.detect.stall_warning_p) },
    { "detect", "stall_critical_runs", CONFIG_COUNT, "3", NULL, "runs with 0 rows in a row, at least: critical",
      MAIN(settings.detect.stall_critical_runs) },
    { "detect", "stall_critical_p", CONFIG_PROBABILITY, "1e-6", NULL, "and their chance is below this",
      MAIN(settings.detect.stall_critical_p) },
    { "detect", "slow_floor", CONFIG_PERIOD, "60s", NULL, "a shorter cycle is never unusual",
      MAIN(settings.detect.slow_floor_ms) },
    { "detect", "slow_z", CONFIG_REAL, "6", NULL, "robust z of a cycle's duration that is unusual",
      MAIN(settings.detect.slow_z) },
    { "detect", "min_samples", CONFIG_COUNT, "20", NULL, "history needed before a baseline counts",
      MAIN(settings.detect.min_samples) },
    { "detect", "flapping_per_day", CONFIG_COUNT, "3", NULL, "more failures of a table in 24 h than this: warning",
      MAIN(settings.detect.flapping_per_day) },
    { "detect", "burst", CONFIG_PERIOD_OR_ZERO, "0", "0: interval / 15",
      "failures of a table this close are one attempt", MAIN(settings.detect.burst_ms) },

    { "notify", "reminder", CONFIG_PERIOD_OR_ZERO, "4h", NULL, "repeated while critical; 0: never",
      MAIN(settings.notify.reminder_ms) },
    { "notify", "escalation", CONFIG_PERIOD, "30m", NULL, "open this long beyond the runbook's time: escalated",
      MAIN(settings.notify.escalation_ms) },
    { "notify", "resolved", CONFIG_SWITCH, "yes", NULL,
      "notify the end of an incident too; an alertmanager and pagerduty always learn it",
      MAIN(settings.notify.resolved) },
    { "notify", "host", CONFIG_TEXT, NULL, "the host's name", "what notifications call this host", MAIN(host) },

    { "webhook", "url", CONFIG_URL, NULL, NULL,
      "where to POST; for alertmanager its base URL, for pagerduty https://events.pagerduty.com/v2/enqueue if left out",
      WEBHOOK(url) },
    { "webhook", "format", CONFIG_FORMAT, "generic", NULL, "generic, slack, pagerduty or alertmanager",
      WEBHOOK(format) },
    { "webhook", "min_severity", CONFIG_SEVERITY, "warning", NULL, "warning or critical: what is less is not sent here",
      WEBHOOK(min_severity) },
    { "webhook", "timeout", CONFIG_PERIOD, "10s", NULL, "for one whole request", WEBHOOK(timeout_ms) },
    { "webhook", "resend", CONFIG_PERIOD, "1m", NULL,
      "how often an alertmanager is told again of what is open, so that one that lost its memory knows it",
      WEBHOOK(resend_ms) },
    { "webhook", "header", CONFIG_HEADERS, NULL, NULL, "a request header, \"Name: value\"; repeatable",
      WEBHOOK(headers) },
    { "webhook", "token_file", CONFIG_TEXT, NULL, NULL,
      "a bearer token, read for each request; a relative name is looked up in $CREDENTIALS_DIRECTORY",
      WEBHOOK(token_file) },
    { "webhook", "ca_file", CONFIG_TEXT, NULL, "the system's",
      "the authorities that may sign the receiver's certificate", WEBHOOK(ca_file) },
    { "webhook", "routing_key_file", CONFIG_TEXT, NULL, NULL, "PagerDuty's integration key, found like token_file",
      WEBHOOK(routing_key_file) },

    { "metrics", "url", CONFIG_URL, NULL, "none", "the scheduler's metrics page, a second witness", MAIN(metrics_url) },
    { "metrics", "textfile", CONFIG_TEXT, NULL, "none",
      "the agent's own metrics, for node_exporter's textfile collector", MAIN(metrics_textfile) },

    { "probe", "url", CONFIG_PROBE_URL, NULL, NULL, "http, https or tcp://host:port of a component", PROBE(url) },
    { "probe", "container", CONFIG_TEXT, NULL, NULL, "instead of a url: a container to ask Docker about",
      PROBE(container) },
    { "probe", "timeout", CONFIG_PERIOD, "3s", NULL, "for an answer", PROBE(timeout_ms) },

    { "heartbeat", "url", CONFIG_URL, NULL, "none", "a GET while the agent is well, for a dead-man's switch",
      MAIN(heartbeat_url) },
    { "heartbeat", "every", CONFIG_PERIOD, "5m", NULL, "how often", MAIN(heartbeat_every_ms) },
};

const struct config_key *config_keys(size_t *count)
{
    *count = sizeof keys / sizeof keys[0];
    return keys;
}

bool config_section_named(const char *section)
{
    return strcmp(section, "webhook") == 0 || strcmp(section, "probe") == 0;
}

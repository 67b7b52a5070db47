/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_keys.h"

#include <string.h>

#include "config.h"

/* Where the value of a key is stored: a member of one of the four structs. */
#define MAIN(member) .offset = offsetof(struct config, member)
#define WEBHOOK(member) .offset = offsetof(struct webhook_config, member)
#define PROBE(member) .offset = offsetof(struct probe_config, member)
#define WINDOW(member) .offset = offsetof(struct silence_window, member)

static const struct config_key keys[] = {
    { "log", "path", CONFIG_PATH, "/tmp/iceberg-offload-scheduler.log", NULL,
      "The agent follows the scheduler's log at this path.", MAIN(log_path), .change = CONFIG_AT_RESTART },
    { "log", "timezone", CONFIG_TEXT, NULL, "the host's", "The times in the log are local times of this zone.",
      MAIN(log_timezone), .change = CONFIG_AT_RESTART },
    { "log", "owner", CONFIG_TEXT, NULL, "any",
      "The log is read only if this user owns it. Without it the owner of the first log is remembered.",
      MAIN(log_owner), .change = CONFIG_AT_RESTART },
    { "log", "pipeline", CONFIG_PIPELINE, "k2-scheduler", NULL,
      "What writes the log: the offload scheduler, or the platform's Prefect flow in a container. "
      "It sets the patterns, the table of causes with its runbooks and first commands, and what messages call the "
      "process: scheduler or worker. log.patterns and runbooks.file still replace and add to what they are for.",
      MAIN(pipeline), .change = CONFIG_AT_RELOAD },
    { "log", "patterns", CONFIG_PATH, NULL, "those of log.pipeline",
      "The patterns in this file replace those of log.pipeline. built-in:k2-scheduler and built-in:k2-prefect name "
      "those that are built in.",
      MAIN(log_patterns), .change = CONFIG_IN_REACH },
    { "log", "format", CONFIG_FRAME, "plain", NULL,
      "How the file wraps the lines that the pipeline wrote: plain (it does not), docker (Docker's json-file) or cri "
      "(containerd and CRI-O, as in Kubernetes).",
      MAIN(log_format), .change = CONFIG_AT_RESTART },
    { "log", "container", CONFIG_TEXT, NULL, "none",
      "The log is that of the Docker container of this name, wherever Docker keeps it, instead of the file at path; "
      "also when it is made anew. See THE LOG OF A CONTAINER.",
      MAIN(log_container), .change = CONFIG_AT_RESTART },

    { "runbooks", "file", CONFIG_PATH, NULL, "the built-in table",
      "This table of causes adds to the built-in one, and replaces its sections of the same name: what failures say, "
      "and the runbook, scenario and first command that then apply. See THE TABLE OF CAUSES.",
      MAIN(runbooks_file), .change = CONFIG_IN_REACH },
    { "links", "runbook_base", CONFIG_URL, NULL, "none",
      "The runbooks' files are found below this URL, so that notifications and reports link to them.",
      MAIN(links.runbook_base) },
    { "links", "dashboard", CONFIG_URL, NULL, "none", "Notifications link to this dashboard.", MAIN(links.dashboard) },
    { "links", "alertmanager", CONFIG_URL, NULL, "none",
      "Notifications link to their alert on the pages of the Alertmanager that has this URL.",
      MAIN(links.alertmanager) },
    { "links", "serve", CONFIG_URL, NULL, "none",
      "Notifications and reports link to their pages. People reach those of the agent's web server at this URL.",
      MAIN(links.serve) },

    { "history", "db", CONFIG_PATH, NULL,
      "$STATE_DIRECTORY/history.db, else iceberg-offload-agent/history.db in $XDG_STATE_HOME or ~/.local/state",
      "The history is kept in this SQLite database.", MAIN(history_db), .change = CONFIG_AT_RESTART },
    { "history", "retention", CONFIG_PERIOD, "90d", NULL, "Cycles, runs and incidents are kept for this long.",
      MAIN(retention_ms) },

    { "schedule", "interval", CONFIG_PERIOD_OR_ZERO, "0",
      "0 means that the agent learns it from the log; until it knows it, neither lag nor lateness is judged",
      "A cycle begins this often.", MAIN(settings.schedule.interval_ms) },
    { "schedule", "table_timeout", CONFIG_PERIOD, "600s", NULL, "The scheduler kills a table's run after this time.",
      MAIN(settings.schedule.table_timeout_ms) },
    { "schedule", "late_warning", CONFIG_PERIOD, "60s", NULL, "A warning begins when a promised run is this late.",
      MAIN(settings.schedule.late_warning_ms) },
    { "schedule", "late_critical", CONFIG_PERIOD, "120s", NULL, "It is critical when a promised run is this late.",
      MAIN(settings.schedule.late_critical_ms) },
    { "schedule", "restart_grace", CONFIG_PERIOD, "90s", NULL,
      "A scheduler that died has this long to come back before it is critical.",
      MAIN(settings.schedule.restart_grace_ms) },
    { "schedule", "stop_grace", CONFIG_PERIOD, "60s", NULL,
      "A scheduler that was stopped has this long to come back before that is a warning: a restart by hand is no news.",
      MAIN(settings.schedule.stop_grace_ms) },
    { "schedule", "hang_grace", CONFIG_PERIOD, "60s", NULL,
      "A run that is silent for table_timeout and this time hangs.", MAIN(settings.schedule.hang_grace_ms) },

    { "detect", "failures_warning", CONFIG_COUNT, "2", NULL, "A warning begins when a table fails this often in a row.",
      MAIN(settings.detect.failures_warning) },
    { "detect", "failures_critical", CONFIG_COUNT, "3", NULL, "It is critical when a table fails this often in a row.",
      MAIN(settings.detect.failures_critical) },
    { "detect", "cycle_slow", CONFIG_PERIOD, "300s", NULL, "A warning begins when a cycle takes longer than this.",
      MAIN(settings.detect.cycle_slow_ms) },
    { "detect", "cycle_too_slow", CONFIG_PERIOD, "600s", NULL, "It is critical when a cycle takes longer than this.",
      MAIN(settings.detect.cycle_too_slow_ms) },
    { "detect", "lag_warning", CONFIG_PERIOD_OR_ZERO, "0", "0 means 20m, or interval + 5m if that is longer",
      "A warning begins when the last success of a table is older than this.", MAIN(settings.detect.lag_warning_ms) },
    { "detect", "lag_critical", CONFIG_PERIOD_OR_ZERO, "0", "0 means 30m, or 2 x interval if that is longer",
      "It is critical when the last success of a table is older than this.", MAIN(settings.detect.lag_critical_ms) },
    { "detect", "stall_warning_runs", CONFIG_COUNT, "2", NULL,
      "A warning begins when at least this many runs of a table in a row moved 0 rows and stall_warning_p holds.",
      MAIN(settings.detect.stall_warning_runs) },
    { "detect", "stall_warning_p", CONFIG_PROBABILITY, "1e-4", NULL,
      "The chance of so many runs with 0 rows in a row must be below this for a warning.",
      MAIN(settings.detect.stall_warning_p) },
    { "detect", "stall_critical_runs", CONFIG_COUNT, "3", NULL,
      "It is critical when at least this many runs of a table in a row moved 0 rows and stall_critical_p holds.",
      MAIN(settings.detect.stall_critical_runs) },
    { "detect", "stall_critical_p", CONFIG_PROBABILITY, "1e-6", NULL,
      "The chance of so many runs with 0 rows in a row must be below this for a critical.",
      MAIN(settings.detect.stall_critical_p) },
    { "detect", "slow_floor", CONFIG_PERIOD, "60s", NULL, "A cycle shorter than this is never unusual.",
      MAIN(settings.detect.slow_floor_ms) },
    { "detect", "slow_z", CONFIG_REAL, "6", NULL,
      "Three cycles in a row are unusual when their common robust z-score is above this.",
      MAIN(settings.detect.slow_z) },
    { "detect", "min_samples", CONFIG_COUNT, "20", NULL,
      "A cycle or a table is compared with its past only when the past has this many samples.",
      MAIN(settings.detect.min_samples) },
    { "detect", "flapping_per_day", CONFIG_COUNT, "3", NULL,
      "A warning begins when a table fails more often than this in 24 h, however often it succeeds in between, and "
      "that is rare for it; or this often within a few hours, where its past does not explain it.",
      MAIN(settings.detect.flapping_per_day) },
    { "detect", "flapping_opens", CONFIG_COUNT, "4", NULL,
      "When an incident of the same kind and table begins this often within 24 h, it is told as flapping and held "
      "open; more than 16 means never.",
      MAIN(settings.detect.flapping_opens) },
    { "detect", "flapping_calm", CONFIG_COUNT, "4", NULL,
      "An incident that flaps is over, and told so, when all has been well for this many cycles.",
      MAIN(settings.detect.flapping_calm) },
    { "detect", "relapse", CONFIG_PERIOD, "4h", NULL,
      "A table that was well for this long and fails anew is a new incident, even while other tables keep its old one "
      "open.",
      MAIN(settings.detect.relapse_ms) },
    { "detect", "burst", CONFIG_PERIOD_OR_ZERO, "0", "0 means interval / 15",
      "Failures of a table that are this close together count as one attempt.", MAIN(settings.detect.burst_ms) },

    { "notify", "reminder", CONFIG_PERIOD_OR_ZERO, "4h", NULL,
      "A critical incident is told again after 1, 2 and 4 times this, then daily for a week; 0 means never.",
      MAIN(settings.notify.reminder_ms) },
    { "notify", "escalation", CONFIG_PERIOD, "30m", NULL,
      "An incident is escalated when it is open for this long beyond its runbook's recovery time.",
      MAIN(settings.notify.escalation_ms) },
    { "notify", "resolved", CONFIG_SWITCH, "yes", NULL,
      "The end of an incident is told too. An alertmanager and PagerDuty are always told it.",
      MAIN(settings.notify.resolved) },
    { "notify", "host", CONFIG_TEXT, NULL, "the host's name", "Notifications call this host by this name.", MAIN(host),
      .change = CONFIG_WHEN_WELL },

    { "webhook", "url", CONFIG_WEBHOOK_URL, NULL, NULL,
      "Notifications are sent to this URL by POST. For alertmanager it is the base URL, for ntfy the topic's, for "
      "teams "
      "that of a workflow, for email smtp://HOST:PORT or smtps://HOST:PORT. It may be left out for pagerduty "
      "(https://events.pagerduty.com/v2/enqueue) and telegram (https://api.telegram.org).",
      WEBHOOK(url) },
    { "webhook", "format", CONFIG_FORMAT, "generic", NULL,
      "The requests have this format: generic (the envelope of Alertmanager's own webhook), slack, pagerduty, "
      "alertmanager, email, ntfy, teams, discord, telegram or template.",
      WEBHOOK(format) },
    { "webhook", "template", CONFIG_PATH, NULL, NULL,
      "The requests are made from this JSON file, for a receiver that no format is for. See TEMPLATES.",
      WEBHOOK(template), .change = CONFIG_IN_REACH },
    { "webhook", "min_severity", CONFIG_SEVERITY, "warning", NULL,
      "Notifications of a lower severity than this are not sent here: warning, critical, or never, for a webhook that "
      "is "
      "only the fallback of another one.",
      WEBHOOK(min_severity) },
    { "webhook", "alert", CONFIG_GLOBS, NULL, "all",
      "Only alerts whose name matches one of these globs are sent here; the name may be given with or without "
      "IcebergOffload. The key may be given more than once, and take several globs parted by commas.",
      WEBHOOK(alerts) },
    { "webhook", "table", CONFIG_GLOBS, NULL, "all",
      "Only what concerns a table whose name matches one of these globs is sent here, and so nothing that concerns no "
      "table. Of an incident that was told here, all that follows is told here, whatever table or alert it has by "
      "then.",
      WEBHOOK(tables) },
    { "webhook", "evidence", CONFIG_SWITCH, "yes", NULL,
      "no: text from the log (evidence, and the likely cause that was read from it) is not sent here.",
      WEBHOOK(evidence) },
    { "webhook", "fallback", CONFIG_TEXT, NULL, "none",
      "The webhook of this name is told what this one has not taken for fallback_after, and at once what this one "
      "refuses.",
      WEBHOOK(fallback) },
    { "webhook", "fallback_after", CONFIG_PERIOD, "10m", NULL,
      "What waits for this long goes to the fallback, and all that waits behind it.", WEBHOOK(fallback_after_ms) },
    { "webhook", "timeout", CONFIG_PERIOD, "10s", NULL, "A whole request may take this long.", WEBHOOK(timeout_ms) },
    { "webhook", "resend", CONFIG_PERIOD, "1m", NULL,
      "An alertmanager is told this often what is open, so that one that lost its memory knows it again.",
      WEBHOOK(resend_ms) },
    { "webhook", "header", CONFIG_HEADERS, NULL, NULL,
      "Each request has this header, \"Name: value\". The key may be given more than once.", WEBHOOK(headers) },
    { "webhook", "token_file", CONFIG_PATH, NULL, NULL,
      "Each request has the bearer token in this file; for telegram it is the bot's token. The file is read for each "
      "request; a relative name is looked up in $CREDENTIALS_DIRECTORY.",
      WEBHOOK(token_file), .change = CONFIG_IN_REACH },
    { "webhook", "ca_file", CONFIG_PATH, NULL, "the system's",
      "The authorities in this file may sign the receiver's certificate.", WEBHOOK(ca_file),
      .change = CONFIG_IN_REACH },
    { "webhook", "routing_key_file", CONFIG_PATH, NULL, NULL,
      "PagerDuty's integration key is in this file, which is found like token_file.", WEBHOOK(routing_key_file),
      .change = CONFIG_IN_REACH },
    { "webhook", "from", CONFIG_ADDRESS, NULL, NULL, "The sender of e-mail: an address, or Name <address>.",
      WEBHOOK(from) },
    { "webhook", "to", CONFIG_ADDRESSES, NULL, NULL,
      "A recipient of e-mail: an address, or Name <address>. The key may be given more than once.", WEBHOOK(to) },
    { "webhook", "user", CONFIG_TEXT, NULL, "none", "The mail server is logged in to as this user.", WEBHOOK(user) },
    { "webhook", "password_file", CONFIG_PATH, NULL, NULL,
      "The password of the user is in this file, which is found like token_file.", WEBHOOK(password_file),
      .change = CONFIG_IN_REACH },
    { "webhook", "starttls", CONFIG_STARTTLS, "required", NULL,
      "required: no e-mail goes over smtp:// unless the server encrypts with STARTTLS; optional: if it can; no: never.",
      WEBHOOK(starttls) },
    { "webhook", "priority", CONFIG_PRIORITY, "0", "0 means 5 for a critical, 4 for a warning and 3 for an end",
      "What fires has this priority in ntfy, from 1 to 5.", WEBHOOK(priority) },
    { "webhook", "chat", CONFIG_TEXT, NULL, NULL, "The Telegram chat that is told: its number, or @channel.",
      WEBHOOK(chat) },

    { "metrics", "url", CONFIG_URL, NULL, "none",
      "The scheduler's metrics page at this URL is asked as a second witness.", MAIN(metrics_url) },
    { "metrics", "textfile", CONFIG_PATH, NULL, "none",
      "The agent writes its own metrics into this file, for node_exporter's textfile collector.",
      MAIN(metrics_textfile), .change = CONFIG_IN_REACH },

    { "probe", "url", CONFIG_PROBE_URL, NULL, NULL,
      "A component is asked at this address whether it answers: http, https or tcp://host:port.", PROBE(url) },
    { "probe", "container", CONFIG_TEXT, NULL, NULL,
      "Docker is asked about this container. A probe has either a container or a url.", PROBE(container) },
    { "probe", "cause", CONFIG_TEXT, NULL, "what its name says: clickhouse, postgres, spark or docker",
      "When the component is down, this cause of the table of causes is why tables fail. By any other name a probe "
      "explains nothing without it.",
      PROBE(cause) },
    { "probe", "timeout", CONFIG_PERIOD, "3s", NULL, "An answer may take this long.", PROBE(timeout_ms) },

    { "iceberg", "warehouse", CONFIG_PATH, NULL, "none",
      "The Iceberg tables lie below this folder, as this host sees it. After each successful run the table's own "
      "metadata is "
      "asked how many rows were added.",
      MAIN(iceberg_warehouse), .change = CONFIG_AT_RESTART },
    { "iceberg", "table", CONFIG_TEXT, "{target}", NULL,
      "A run's table is looked for under this name, a dot for each folder: {target} is what the log says behind the "
      "arrow "
      "(cold.bronze_trades), {table} what it says before it.",
      MAIN(iceberg_table) },
    { "iceberg", "timeout", CONFIG_PERIOD, "3s", NULL, "Reading a table's metadata may take this long.",
      MAIN(iceberg_timeout_ms) },

    { "source", "url", CONFIG_URL, NULL, "none",
      "The ClickHouse server that the tables come from. After each successful run it is asked for the newest row, so "
      "that "
      "a run that added nothing although there was something to add is known for certain.",
      MAIN(source_url) },
    { "source", "query", CONFIG_TEXT, "SELECT toUnixTimestamp64Milli(max(exchange_timestamp)) FROM k2.{source}", NULL,
      "The question to it: one number, the time of the newest row in milliseconds since 1970. {source} is the table's "
      "name.",
      MAIN(source_query) },
    { "source", "user", CONFIG_TEXT, NULL, "the server's default user", "The question is asked as this user.",
      MAIN(source_user) },
    { "source", "password_file", CONFIG_PATH, NULL, "none",
      "The user's password is in this file, which is found like a webhook's token_file.", MAIN(source_password_file),
      .change = CONFIG_IN_REACH },
    { "source", "timeout", CONFIG_PERIOD, "3s", NULL, "An answer may take this long.", MAIN(source_timeout_ms) },

    { "scheduler", "unit", CONFIG_TEXT, "iceberg-offload-scheduler.service", NULL,
      "The scheduler is this unit of systemd, which is asked how it is: stopped, crashed, killed, given up. Nothing "
      "happens if there is no such unit; an empty value means that none is asked.",
      MAIN(scheduler_unit), .may_be_empty = true },

    { "watermark", "dsn", CONFIG_DSN, NULL, "none",
      "The PostgreSQL server with the watermark table, as libpq connects to it: \"host=127.0.0.1 dbname=prefect "
      "user=agent\", or postgresql://agent@127.0.0.1/prefect. When a run has ended the table is asked up to when the "
      "data were offloaded, how many rows that were, and why it failed. A password does not belong here.",
      MAIN(watermark_dsn), .change = CONFIG_AT_RESTART },
    { "watermark", "service", CONFIG_TEXT, NULL, "none",
      "The connection has this name in libpq's file of services, instead of a dsn or beside it.",
      MAIN(watermark_service), .change = CONFIG_AT_RESTART },
    { "watermark", "passfile", CONFIG_PATH, NULL, "libpq's, ~/.pgpass",
      "The password is in this file of libpq's form, host:port:database:user:password, which nobody but the agent may "
      "read. A relative name is looked up in $CREDENTIALS_DIRECTORY.",
      MAIN(watermark_passfile), .change = CONFIG_AT_RESTART },
    { "watermark", "password_file", CONFIG_PATH, NULL, "none",
      "The password is in this file, which is found like a webhook's token_file.", MAIN(watermark_password_file),
      .change = CONFIG_AT_RESTART },
    { "watermark", "query", CONFIG_TEXT, "SELECT * FROM offload_watermarks WHERE table_name = ANY($1)", NULL,
      "The question to it, in a transaction that may only read. $1 is the tables' names (text[]). The answer's columns "
      "are known by name: table_name, and as far as they are there last_offload_timestamp, last_offload_row_count, "
      "status, last_successful_run, failure_count, last_error_message and updated_at.",
      MAIN(watermark_query) },
    { "watermark", "timeout", CONFIG_PERIOD, "3s", NULL, "An answer may take this long.", MAIN(watermark_timeout_ms) },

    { "prefect", "url", CONFIG_URL, NULL, "none",
      "Prefect's API, such as http://localhost:4200/api. While something is wrong it is asked whether the server "
      "answers, a worker is online, the deployment is paused, and flow runs are late.",
      MAIN(prefect_url) },
    { "prefect", "pool", CONFIG_TEXT, "iceberg-offload", NULL, "The work pool whose workers run the flow.",
      MAIN(prefect_pool) },
    { "prefect", "flow", CONFIG_TEXT, "iceberg-offload-main", NULL, "The flow whose runs are the cycles.",
      MAIN(prefect_flow) },
    { "prefect", "token_file", CONFIG_PATH, NULL, "none",
      "This file, which is found like a webhook's token_file, holds the API's token, or the user and the password with "
      "a colon between them.",
      MAIN(prefect_token_file), .change = CONFIG_IN_REACH },
    { "prefect", "timeout", CONFIG_PERIOD, "3s", NULL, "All answers together may take this long.",
      MAIN(prefect_timeout_ms) },

    { "silence", "days", CONFIG_DAYS, NULL, "every day",
      "On these days the window begins: mon, tue, wed, thu, fri, sat, sun, or a range of them such as mon-fri, parted "
      "by "
      "commas. A window over midnight belongs to the day on which it begins.",
      WINDOW(days) },
    { "silence", "from", CONFIG_TIME_OF_DAY, NULL, "midnight",
      "The window begins at this time of the day, HH:MM, in the zone of log.timezone (the host's without it).",
      WINDOW(from_min) },
    { "silence", "to", CONFIG_TIME_OF_DAY, NULL, "midnight",
      "The window ends at this time, on the next day if that is not later than from: equal times are 24 hours.",
      WINDOW(to_min) },
    { "silence", "alert", CONFIG_GLOBS, NULL, "all",
      "Only alerts whose name matches one of these globs are held back, as in a webhook's alert.",
      WINDOW(scope.alerts) },
    { "silence", "table", CONFIG_GLOBS, NULL, "all",
      "Only what concerns tables whose names match these globs is held back: an incident with any other table is told, "
      "and so is one that concerns no table.",
      WINDOW(scope.tables) },
    { "silence", "max_severity", CONFIG_MAX_SEVERITY, "warning", NULL,
      "warning: criticals are told all the same; critical: they are held back as well.", WINDOW(scope.most) },

    { "serve", "listen", CONFIG_TEXT, "127.0.0.1:9188", NULL,
      "`agent serve` listens here: an address and a port, [::1]:9188, or unix:PATH. An address that other hosts can "
      "reach needs a token_file.",
      MAIN(serve_listen), .change = CONFIG_BY_SERVE },
    { "serve", "token_file", CONFIG_PATH, NULL, "none",
      "A request to `agent serve` needs the header \"Authorization: Bearer\" with the token in this file.",
      MAIN(serve_token_file), .change = CONFIG_BY_SERVE },
    { "serve", "title", CONFIG_TEXT, NULL, "Iceberg offload", "The pages of `agent serve` bear this title.",
      MAIN(serve_title), .change = CONFIG_BY_SERVE },
    { "serve", "allow_origin", CONFIG_TEXT, NULL, "none",
      "Pages of these origins, parted by commas, may read the answers for programs: https://grafana.example.org.",
      MAIN(serve_allow_origin), .change = CONFIG_BY_SERVE },
    { "serve", "idle_exit", CONFIG_PERIOD, "10m", NULL,
      "`agent serve` on a socket of systemd ends when nobody has asked for so long; the next request starts it again.",
      MAIN(serve_idle_exit_ms), .change = CONFIG_BY_SERVE },

    { "heartbeat", "url", CONFIG_URL, NULL, "none",
      "While the agent is well it sends a GET to this URL, for a service that raises an alarm when none comes (a dead "
      "man's switch).",
      MAIN(heartbeat_url) },
    { "heartbeat", "every", CONFIG_PERIOD, "5m", NULL, "A heartbeat is sent this often.", MAIN(heartbeat_every_ms) },
};

const char *config_change_words(enum config_change change)
{
    static const char *const words[] = {
        [CONFIG_AT_RELOAD] = "yes",
        [CONFIG_IN_REACH] = "yes, in a directory that the agent knew at its start; elsewhere a restart is needed",
        [CONFIG_WHEN_WELL] = "yes, when no incident is open",
        [CONFIG_BY_SERVE] = "not needed by the agent; `agent serve` reads it when it starts",
        [CONFIG_AT_RESTART] = "no, a restart is needed",
    };
    return words[change];
}

const struct config_key *config_keys(size_t *count)
{
    *count = sizeof keys / sizeof keys[0];
    return keys;
}

bool config_section_named(const char *section)
{
    return strcmp(section, "webhook") == 0 || strcmp(section, "probe") == 0 || strcmp(section, "silence") == 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/commands/show/query.h"
#include "agent/commands/show/terminal.h"
#include "base/archive.h"
#include "base/budgets.h"
#include "state.h"

enum { BLIND_MAX = 32, MINUTE_MS = 60000 };

static void blind_gather(struct status *status, struct archive *archive, const char *name)
{
    char *blind = NULL;
    archive_text(archive, name, &blind);
    if (!blind)
        return;
    status->blind = list_room(status->blind, status->blind_count, sizeof *status->blind);
    status->blind[status->blind_count++] = blind;
}

static void blindness_gather(struct status *status, struct archive *archive)
{
    for (int i = 0; i < BLIND_REASONS; i++) {
        char name[32];
        snprintf(name, sizeof name, STATE_BLIND "%s", blind_reason_name((enum blind_reason)i));
        archive_text(archive, name, &status->blindness[i]);
    }
}

/* Reads what the agent last stored about itself. */
static void agent_gather(struct status *status, struct query *query)
{
    query_ask(query, "SELECT value FROM state WHERE key = 'agent'", NULL, 0);
    if (!query_next(query))
        return;
    char *text = query_text(query, 0);
    struct archive archive;
    int64_t blind_count = 0, understood = 1; /* an older agent does not say it */
    query_end(query);
    archive_load_from(&archive, slice_of(text ? text : ""));
    const struct {
        const char *name;
        int64_t *value;
        int64_t (*bound)(int64_t value);
    } numbers[] = {
        { "pid", &status->pid, query_bound_count },
        { "started_ms", &status->started_ms, query_bound_time },
        { "alive_ms", &status->alive_ms, query_bound_time },
        { "writer", &status->writer, query_bound_count },
        { "last_line_ms", &status->last_line_ms, query_bound_time },
        { "next_run_ms", &status->next_run_ms, query_bound_time },
        { "interval_ms", &status->interval_ms, query_bound_count },
        { "behind_bytes", &status->behind_bytes, query_bound_count },
        { "lines", &status->lines, query_bound_count },
        { "events", &status->events, query_bound_count },
        { "misses", &status->misses, query_bound_count },
        { "limit_hits", &status->limit_hits, query_bound_count },
        { "stray_lines", &status->stray_lines, query_bound_count },
        { "commit_failures", &status->commit_failures, query_bound_count },
        { "lag_warning_ms", &status->lag_warning_ms, query_bound_count },
        { "lag_critical_ms", &status->lag_critical_ms, query_bound_count },
        { "cycle_slow_ms", &status->cycle_slow_ms, query_bound_count },
        { "cycle_too_slow_ms", &status->cycle_too_slow_ms, query_bound_count },
        { "blind_count", &blind_count, query_bound_count },
        { "understood", &understood, query_bound_count },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        archive_i64(&archive, numbers[i].name, numbers[i].value);
        *numbers[i].value = numbers[i].bound(*numbers[i].value);
    }
    status->understood = understood != 0;
    archive_text(&archive, "log_path", &status->log_path);
    blindness_gather(status, &archive);
    blind_gather(status, &archive, "log_trouble");
    for (int64_t i = 0; i < blind_count && i < BLIND_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "blind.%d", (int)i);
        blind_gather(status, &archive, name);
    }
    free(text);
    status->agent = status_probe_agent(status->pid, status->started_ms);
}

/* Fills in what the agent has not stored: from the configuration, else from the default of the key. */
static void thresholds_default(struct status *status, const struct config *config)
{
    const struct settings *settings = &config->settings;
    if (!status->interval_ms)
        status->interval_ms = settings->schedule.interval_ms > 0 ? settings->schedule.interval_ms : 15 * MINUTE_MS;
    if (!status->lag_warning_ms)
        status->lag_warning_ms = settings_lag_warning_ms(settings, status->interval_ms);
    if (!status->lag_critical_ms)
        status->lag_critical_ms = settings_lag_critical_ms(settings, status->interval_ms);
    if (!status->cycle_slow_ms)
        status->cycle_slow_ms = settings->detect.cycle_slow_ms;
    if (!status->cycle_too_slow_ms)
        status->cycle_too_slow_ms = settings->detect.cycle_too_slow_ms;
    if (!status->log_path && config->log_path)
        status->log_path = must_copy(config->log_path, strlen(config->log_path));
    status->runbook_base = config->links.runbook_base;
}

/*
 * Looks at the newest cycles only, so that the time does not grow with the history. A table that none of them ran is not shown: it was
 * taken out of the scheduler's configuration.
 */
static void lags_gather(struct status *status, struct query *query)
{
    const int64_t most = STATUS_TABLES_MAX;
    query_ask(query,
              "SELECT table_name, max(CASE WHEN outcome = 'success' THEN ended_at END) FROM run"
              " WHERE cycle_id > (SELECT max(id) FROM cycle) - 200"
              " GROUP BY table_name ORDER BY table_name LIMIT ?1",
              &most, 1);
    while (query_next(query)) {
        status->lags = list_room(status->lags, status->lag_count, sizeof *status->lags);
        struct status_lag *lag = &status->lags[status->lag_count++];
        *lag = (struct status_lag){ .table = query_text_or_empty(query, 0), .last_success_ms = query_time(query, 1) };
        if (lag->last_success_ms)
            lag->lag_ms = elapsed_ms(lag->last_success_ms, status->as_of_ms);
        lag->level = !lag->last_success_ms || lag->lag_ms > status->lag_critical_ms ? STATUS_CRITICAL
                     : lag->lag_ms > status->lag_warning_ms                         ? STATUS_WARNING
                                                                                    : STATUS_OK;
    }
}

static void cycles_gather(struct status *status, struct query *query)
{
    query_ask(query,
              "SELECT started_at, duration_ms, rows, succeeded, failed, timed_out, outcome FROM cycle"
              " ORDER BY started_at DESC, id DESC LIMIT 3",
              NULL, 0);
    while (query_next(query)) {
        status->cycles = list_room(status->cycles, status->cycle_count, sizeof *status->cycles);
        status->cycles[status->cycle_count++] = (struct status_cycle){
            query_time(query, 0),  query_count(query, 1), query_count(query, 2),         query_count(query, 3),
            query_count(query, 4), query_count(query, 5), query_text_or_empty(query, 6),
        };
    }
}

/*
 * A run may have begun long before it failed, but no more than its timeout, so the cycles of two hours hold the errors of one. CROSS
 * JOIN makes SQLite look up the cycles first; else it may read all runs of the history.
 */
static void errors_gather(struct status *status, struct query *query)
{
    int64_t values[] = { status->as_of_ms - 120 * MINUTE_MS, status->as_of_ms - 60 * MINUTE_MS };
    query_ask(query,
              "SELECT r.ended_at, r.table_name, r.outcome, r.error, count(*) OVER ()"
              " FROM cycle c CROSS JOIN run r ON r.cycle_id = c.id"
              " WHERE c.started_at >= ?1 AND r.ended_at >= ?2 AND r.outcome IN ('failed', 'timeout', 'aborted')"
              " ORDER BY r.ended_at DESC, r.id DESC LIMIT 1",
              values, 2);
    if (!query_next(query))
        return;
    status->last_error_ms = query_time(query, 0);
    status->last_error_table = query_text_or_empty(query, 1);
    status->last_error_outcome = query_text_or_empty(query, 2);
    status->last_error = query_text(query, 3);
    status->errors = query_count(query, 4);
    query_end(query);
}

static void incidents_gather(struct status *status, struct query *query)
{
    const int64_t most = STATUS_INCIDENTS_MAX;
    query_ask(query,
              "SELECT incident.id, coalesce(nullif(onset_at, 0), opened_at), opened_at, alert, severity, summary, "
              "first_command, count(*) OVER (),"
              " count(*) FILTER (WHERE severity = 'critical') OVER (), runbook, scenario, scenario_title, likely_cause,"
              " CASE WHEN json_valid(tables) THEN (SELECT group_concat(value, ', ') FROM json_each(tables)) END,"
              " a.at, a.by_name, a.note FROM incident LEFT JOIN acknowledgement a ON a.id ="
              " (SELECT max(id) FROM acknowledgement WHERE incident_id = incident.id AND coalesce(undone_at, 0) = 0)"
              " WHERE state = 'open' ORDER BY severity = 'critical' DESC, opened_at, incident.id LIMIT ?1",
              &most, 1);
    while (query_next(query)) {
        status->incidents = list_room(status->incidents, status->incident_count, sizeof *status->incidents);
        status->incidents[status->incident_count++] = (struct status_incident){
            .id = query_int(query, 0),
            .onset_ms = query_time(query, 1),
            .opened_ms = query_time(query, 2),
            .alert = query_text_or_empty(query, 3),
            .severity = query_text_or_empty(query, 4),
            .summary = query_text(query, 5),
            .first_command = query_text(query, 6),
            .runbook = query_text(query, 9),
            .scenario = query_text(query, 10),
            .scenario_title = query_text(query, 11),
            .likely_cause = query_text(query, 12),
            .tables = query_text(query, 13),
            .acknowledged_ms = query_time(query, 14),
            .acknowledged_by = query_text(query, 15),
            .acknowledgement_note = query_text(query, 16),
        };
        status->open_incidents = query_count(query, 7);
        status->open_critical = query_count(query, 8);
    }
}

/* NULL where there are STATUS_WEBHOOKS_MAX others already. */
static struct status_webhook *webhook_named(struct status *status, const char *name)
{
    for (size_t i = 0; i < status->webhook_count; i++)
        if (strcmp(status->webhooks[i].name, name) == 0)
            return &status->webhooks[i];
    if (status->webhook_count >= STATUS_WEBHOOKS_MAX)
        return NULL;
    status->webhooks = list_room(status->webhooks, status->webhook_count, sizeof *status->webhooks);
    status->webhooks[status->webhook_count] = (struct status_webhook){ .name = must_copy(name, strlen(name)) };
    return &status->webhooks[status->webhook_count++];
}

static void delivery_read(struct status_webhook *webhook, struct query *query)
{
    const char *state = query_word(query, 2);
    bool refused = strcmp(state, "refused") == 0;
    if (strcmp(state, "delivered") == 0 && query_time(query, 1) >= webhook->last_success_ms) {
        webhook->last_success_ms = query_time(query, 1);
        webhook->refused = 0;
    }
    webhook->refused += refused;
    char *error = refused || strcmp(state, "pending") == 0 ? query_text(query, 4) : NULL;
    if (error) {
        free(webhook->last_error);
        webhook->last_error = error;
        webhook->last_error_ms = query_time(query, 3);
    }
}

static void webhooks_gather(struct status *status, struct query *query, const struct config *config)
{
    for (size_t i = 0; i < config->webhook_count; i++)
        webhook_named(status, config->webhooks[i].name);
    query_ask(query, "SELECT webhook, count(*), min(created_at) FROM outbox WHERE status = 'pending' GROUP BY webhook",
              NULL, 0);
    while (query_next(query)) {
        struct status_webhook *webhook = webhook_named(status, query_word(query, 0));
        if (!webhook)
            continue;
        webhook->pending = query_count(query, 1);
        webhook->oldest_pending_ms = query_time(query, 2);
    }
    /* The newest entries only, so that the time does not grow with the history. */
    query_ask(query,
              "SELECT webhook, delivered_at, status, created_at, last_error FROM outbox"
              " WHERE id > (SELECT max(id) FROM outbox) - 1000 ORDER BY id",
              NULL, 0);
    while (query_next(query)) {
        struct status_webhook *webhook = webhook_named(status, query_word(query, 0));
        if (webhook)
            delivery_read(webhook, query);
    }
}

/*
 * Reads why an Alertmanager could not be told again what is open. Only webhooks in the configuration count; they are the first of the list,
 * in the configuration's order.
 */
static void refreshes_gather(struct status *status, struct query *query, const struct config *config)
{
    query_ask(query,
              "SELECT substr(key, length('" STATE_REFRESH "') + 1), value FROM state"
              " WHERE key > '" STATE_REFRESH "' AND key < '" STATE_REFRESH "~' AND value <> ''",
              NULL, 0);
    while (query_next(query)) {
        const char *name = query_word(query, 0);
        for (size_t i = 0; i < config->webhook_count; i++)
            if (config->webhooks[i].format == FORMAT_ALERTMANAGER && strcmp(config->webhooks[i].name, name) == 0 &&
                i < status->webhook_count && !status->webhooks[i].refresh_error)
                status->webhooks[i].refresh_error = query_text(query, 1);
    }
}

static void replay_gather(struct status *status, struct query *query)
{
    query_ask(query, "SELECT 1 FROM state WHERE key = '" STATE_REPLAY "'", NULL, 0);
    status->is_replay = query_next(query) && status->agent == AGENT_NEVER;
    query_end(query);
}

bool status_gather(struct status *status, struct sqlite3 *db, const struct config *config, const struct probes *probes,
                   int64_t now_ms, struct strbuf *error)
{
    struct query query = { .db = db };
    *status = (struct status){ .now_ms = now_ms, .probes = probes };
    /* All queries see the history at one moment. If this fails, they are only less consistent. */
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    agent_gather(status, &query);
    replay_gather(status, &query);
    thresholds_default(status, config);
    cycles_gather(status, &query);
    if (status->agent == AGENT_RUNNING)
        history_find_trouble(config->history_db, status->pid, &status->trouble);
    bool is_current = status->agent == AGENT_RUNNING && status->trouble.failures == 0;
    status->as_of_ms = is_current                                           ? now_ms
                       : status->alive_ms && status->agent == AGENT_RUNNING ? status->alive_ms
                                                                            : status_as_of(&query, now_ms);
    lags_gather(status, &query);
    status_gather_answers(status, &query);
    status_gather_witnesses(status, &query);
    errors_gather(status, &query);
    incidents_gather(status, &query);
    status_gather_silences(status, &query, config);
    webhooks_gather(status, &query, config);
    refreshes_gather(status, &query, config);
    query_end(&query);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    strbuf_puts(error, strbuf_text(&query.error));
    bool good = !query_failed(&query);
    strbuf_free(&query.error);
    status_judge(status);
    return good;
}

void status_free(struct status *status)
{
    for (size_t i = 0; i < status->blind_count; i++)
        free(status->blind[i]);
    for (size_t i = 0; i < status->lag_count; i++)
        free(status->lags[i].table);
    status_free_witnesses(status);
    status_free_silences(status);
    for (size_t i = 0; i < status->cycle_count; i++)
        free(status->cycles[i].outcome);
    for (size_t i = 0; i < status->incident_count; i++) {
        free(status->incidents[i].acknowledged_by);
        free(status->incidents[i].acknowledgement_note);
        free(status->incidents[i].alert);
        free(status->incidents[i].severity);
        free(status->incidents[i].summary);
        free(status->incidents[i].first_command);
        free(status->incidents[i].runbook);
        free(status->incidents[i].scenario);
        free(status->incidents[i].scenario_title);
        free(status->incidents[i].likely_cause);
        free(status->incidents[i].tables);
    }
    for (size_t i = 0; i < status->webhook_count; i++) {
        free(status->webhooks[i].name);
        free(status->webhooks[i].last_error);
        free(status->webhooks[i].refresh_error);
    }
    free(status->blind);
    free(status->lags);
    free(status->cycles);
    free(status->incidents);
    free(status->webhooks);
    for (int i = 0; i < BLIND_REASONS; i++)
        free(status->blindness[i]);
    free(status->log_path);
    free(status->last_error_table);
    free(status->last_error_outcome);
    free(status->last_error);
    strbuf_free(&status->trouble.why);
    strbuf_free(&status->why);
    *status = (struct status){ 0 };
}

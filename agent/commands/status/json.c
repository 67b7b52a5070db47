/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"
#include "agent/commands/show/acknowledgement.h"
#include "first_line.h"
#include "status.h"

enum { JSON_VERSION = 1 };

static void put_trouble_object(struct json_writer *json, const struct history_trouble *trouble)
{
    if (trouble->failures == 0) {
        json_put_null(json, "not_written");
        return;
    }
    json_open(json, "not_written", '{');
    json_put_time(json, "since", trouble->since_ms);
    json_put_int(json, "attempts", trouble->failures);
    json_put_text(json, "error", strbuf_text(&trouble->why));
    json_close(json, '}');
}

static void put_agent_objects(struct json_writer *json, const struct status *status)
{
    static const char *const states[] = {
        [AGENT_NEVER] = "never", [AGENT_STOPPED] = "stopped", [AGENT_RUNNING] = "running"
    };
    static const char *const writers[] = { "unknown", "present", "absent" };
    json_open(json, "agent", '{');
    json_put_text(json, "state", states[status->agent]);
    json_put_int(json, "pid", status->pid);
    json_put_time(json, "started", status->started_ms);
    json_put_time(json, "alive", status->alive_ms);
    json_put_int(json, "lines", status->lines);
    json_put_int(json, "events", status->events);
    json_put_int(json, "misses", status->misses);
    json_put_int(json, "limit_hits", status->limit_hits);
    json_put_int(json, "stray_lines", status->stray_lines);
    json_put_int(json, "commit_failures", status->commit_failures);
    json_put_int(json, "behind_bytes", status->behind_bytes);
    put_trouble_object(json, &status->trouble);
    json_close(json, '}');
    json_open(json, "scheduler", '{');
    json_put_text(json, "writer", writers[status->writer >= 0 && status->writer <= 2 ? status->writer : 0]);
    json_put_text(json, "log", status->log_path);
    json_put_time(json, "last_line", status->last_line_ms);
    json_put_time(json, "next_run", status->next_run_ms);
    json_put_int(json, "interval_ms", status->interval_ms);
    json_close(json, '}');
}

static void put_known_int(struct json_writer *json, const char *name, int64_t value)
{
    if (value == STATUS_NOT_KNOWN)
        json_put_null(json, name);
    else
        json_put_int(json, name, value);
}

/* What the witnesses answered about the table's newest run. */
static void put_answer_object(struct json_writer *json, const struct status_lag *lag)
{
    if (lag->answered_ms == 0) {
        json_put_null(json, "witnessed");
        return;
    }
    json_open(json, "witnessed", '{');
    json_put_time(json, "answered", lag->answered_ms);
    json_put_int(json, "rows", lag->rows);
    json_put_text(json, "rows_from", rows_from_name(lag->rows_from));
    put_known_int(json, "witnessed_rows", lag->witnessed_rows);
    json_put_time(json, "watermark", lag->watermark_ms);
    put_known_int(json, "ahead_ms", lag->ahead_ms);
    json_put_time(json, "nothing_new_since", lag->nothing_new_since_ms);
    json_close(json, '}');
}

static void put_witness_array(struct json_writer *json, const struct status *status)
{
    json_open(json, "witnesses", '[');
    for (size_t i = 0; i < status->witness_count; i++) {
        const struct status_witness *witness = &status->witnesses[i];
        json_open(json, NULL, '{');
        json_put_text(json, "name", witness->name);
        json_put_text(json, "state", witness->state);
        json_put_text(json, "words", witness->words);
        json_put_time(json, "said", witness->said_ms);
        json_put_time(json, "since", witness->since_ms);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_blind_array(struct json_writer *json, const struct status *status)
{
    json_open(json, "blind", '[');
    for (int i = 0; i < BLIND_REASONS; i++) {
        if (!status->blindness[i])
            continue;
        json_open(json, NULL, '{');
        json_put_text(json, "reason", blind_reason_name((enum blind_reason)i));
        json_put_text(json, "words", status->blindness[i]);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_lag_array(struct json_writer *json, const struct status *status)
{
    json_open(json, "lag", '[');
    for (size_t i = 0; i < status->lag_count; i++) {
        const struct status_lag *lag = &status->lags[i];
        json_open(json, NULL, '{');
        json_put_text(json, "table", lag->table);
        json_put_time(json, "last_success", lag->last_success_ms);
        if (lag->last_success_ms)
            json_put_int(json, "lag_ms", lag->lag_ms);
        else
            json_put_null(json, "lag_ms");
        json_put_text(json, "level", status_level_name(lag->level));
        put_answer_object(json, lag);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_cycle_array(struct json_writer *json, const struct status *status)
{
    json_open(json, "cycles", '[');
    for (size_t i = 0; i < status->cycle_count; i++) {
        const struct status_cycle *cycle = &status->cycles[i];
        json_open(json, NULL, '{');
        json_put_time(json, "started", cycle->started_ms);
        json_put_text(json, "outcome", cycle->outcome);
        json_put_int(json, "duration_ms", cycle->duration_ms);
        json_put_int(json, "rows", cycle->rows);
        json_put_int(json, "succeeded", cycle->succeeded);
        json_put_int(json, "failed", cycle->failed);
        json_put_int(json, "timed_out", cycle->timed_out);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_open(json, "errors", '{');
    json_put_int(json, "last_hour", status->errors);
    json_put_time(json, "last", status->last_error_ms);
    json_put_text(json, "table", status->last_error_table);
    json_put_text(json, "outcome", status->last_error_outcome);
    json_put_text(json, "text", status->last_error);
    json_close(json, '}');
}

static void put_runbook(struct json_writer *json, const struct status_incident *incident, const char *runbook_base)
{
    struct strbuf url = { 0 };
    json_put_text(json, "runbook", incident->runbook);
    json_put_text(json, "scenario", incident->scenario);
    json_put_text(json, "scenario_title", incident->scenario_title);
    json_put_text(json, "runbook_url", runbook_url(runbook_base, incident->runbook, &url) ? url.at : NULL);
    strbuf_free(&url);
}

static void put_incident_array(struct json_writer *json, const struct status *status)
{
    json_open(json, "incidents", '[');
    for (size_t i = 0; i < status->incident_count; i++) {
        const struct status_incident *incident = &status->incidents[i];
        json_open(json, NULL, '{');
        json_put_int(json, "id", incident->id);
        json_put_text(json, "alert", incident->alert);
        json_put_text(json, "severity", incident->severity);
        json_put_time(json, "onset", incident->onset_ms);
        json_put_time(json, "opened", incident->opened_ms);
        json_put_int(json, "duration_ms", incident_lasted_ms(incident->onset_ms, 0, status->as_of_ms));
        json_put_text(json, "summary", incident->summary);
        json_put_text(json, "likely_cause", incident->likely_cause);
        json_put_text(json, "first_command", incident->first_command);
        put_runbook(json, incident, status->runbook_base);
        show_acknowledgement_json(json, incident->acknowledged_ms, incident->acknowledged_by,
                                  incident->acknowledgement_note);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_silence_array(struct json_writer *json, const struct status *status)
{
    const struct status_silence *full = status_full_silence(status);
    json_put_time(json, "silenced_until", full ? full->ends_ms : 0);
    json_put_text(json, "silence_reason", full ? full->reason : NULL);
    json_open(json, "silences", '[');
    for (size_t i = 0; i < status->silence_count; i++) {
        const struct status_silence *silence = &status->silences[i];
        json_open(json, NULL, '{');
        if (silence->id)
            json_put_int(json, "id", silence->id);
        else
            json_put_null(json, "id");
        json_put_text(json, "window", silence->window);
        json_put_time(json, "from", silence->begins_ms);
        json_put_time(json, "until", silence->ends_ms);
        json_put_text(json, "alert", silence->alerts);
        json_put_text(json, "table", silence->tables);
        json_put_text(json, "max_severity", severity_name(silence->most));
        json_put_text(json, "reason", silence->reason);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_webhook_array(struct json_writer *json, const struct status *status)
{
    json_open(json, "webhooks", '[');
    for (size_t i = 0; i < status->webhook_count; i++) {
        const struct status_webhook *webhook = &status->webhooks[i];
        json_open(json, NULL, '{');
        json_put_text(json, "name", webhook->name);
        json_put_int(json, "pending", webhook->pending);
        json_put_int(json, "refused", webhook->refused);
        json_put_time(json, "last_success", webhook->last_success_ms);
        json_put_text(json, "last_error", webhook->last_error);
        json_put_text(json, "refresh_error", webhook->refresh_error);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_open(json, "blind_spots", '[');
    for (size_t i = 0; i < status->blind_count; i++)
        json_put_text(json, NULL, status->blind[i]);
    json_close(json, ']');
}

static void put_metric_array(struct json_writer *json, const struct probe_answer *answer)
{
    json_open(json, "tables", '[');
    for (size_t i = 0; i < answer->metric_count; i++) {
        const struct probe_metric *metric = &answer->metrics[i];
        json_open(json, NULL, '{');
        json_put_text(json, "table", metric->table);
        if (metric->lag_ms >= 0)
            json_put_int(json, "lag_ms", metric->lag_ms);
        else
            json_put_null(json, "lag_ms");
        json_put_time(json, "watermark", metric->watermark_ms);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_probe_array(struct json_writer *json, const struct status *status)
{
    static const char *const kinds[] = {
        [PROBE_HTTP] = "http", [PROBE_TCP] = "tcp", [PROBE_CONTAINER] = "container", [PROBE_METRICS] = "metrics"
    };
    json_open(json, "probes", '[');
    for (size_t i = 0; i < probes_count(status->probes); i++) {
        const struct probe_answer *answer = probes_answer(status->probes, i);
        json_open(json, NULL, '{');
        json_put_text(json, "name", answer->name);
        json_put_text(json, "kind", kinds[answer->kind]);
        json_put_text(json, "target", answer->target);
        json_put_text(json, "state", probe_state_name(answer->state));
        json_put_text(json, "text", strbuf_text(&answer->words));
        json_put_int(json, "took_ms", answer->took_ms);
        if (answer->kind == PROBE_METRICS)
            put_metric_array(json, answer);
        json_close(json, '}');
    }
    json_close(json, ']');
}

void status_json(const struct status *status, struct strbuf *out)
{
    struct json_writer json = { .out = out, .layout = JSON_INDENTED };
    struct strbuf headline = { 0 };
    status_headline(status, &headline);
    json_open(&json, NULL, '{');
    json_put_int(&json, "version", JSON_VERSION);
    json_put_text(&json, "level", status_level_name(status->level));
    json_put_text(&json, "headline", strbuf_text(&headline));
    json_put_time(&json, "time", status->now_ms);
    json_put_time(&json, "as_of", status->as_of_ms);
    put_agent_objects(&json, status);
    put_lag_array(&json, status);
    put_cycle_array(&json, status);
    put_incident_array(&json, status);
    put_silence_array(&json, status);
    put_witness_array(&json, status);
    put_probe_array(&json, status);
    put_webhook_array(&json, status);
    put_blind_array(&json, status);
    json_close(&json, '}');
    strbuf_free(&headline);
}

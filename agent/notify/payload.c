/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cut.h"
#include "base/fnv.h"
#include "base/text.h"
#include "base/zone.h"
#include "payload_private.h"

enum {
    DEDUP_KEY_MAX = 255, /* PagerDuty's limit, in characters */
    EVIDENCE_MAX = 2000  /* characters: enough for a person, far below every receiver's limit for a body */
};

void payload_hash(const char *text, char out[17])
{
    snprintf(out, 17, "%016" PRIx64, fnv_add(FNV_EMPTY, text, strlen(text)));
}

/* The key also becomes a header of the request, so only visible ASCII will do. */
static bool dedup_key_is_good(const struct strbuf *key)
{
    for (size_t i = 0; i < key->len; i++)
        if (key->at[i] <= ' ' || key->at[i] > '~')
            return false;
    return key->len <= DEDUP_KEY_MAX;
}

/* A new history counts incidents from 1 again. The time at which an incident opened tells it from an older one with its number. */
void payload_dedup_key(const struct payload_origin *origin, const struct message *message, struct strbuf *out)
{
    struct strbuf key = { 0 };

    strbuf_printf(&key, "%s%s#%" PRId64 "@%" PRId64, origin->host, origin->log_path, message->incident_id,
                  message->opened_ms);
    if (dedup_key_is_good(&key)) {
        strbuf_puts(out, key.at);
    } else {
        char hash[17];
        payload_hash(key.at, hash);
        strbuf_printf(out, "iceberg-offload-%s", hash);
    }
    strbuf_free(&key);
}

static void payload_put_masked(struct masker *masker, const char *text, struct strbuf *out)
{
    struct strbuf masked = { 0 };

    if (text) {
        masker_text(masker, slice_of(text), &masked);
        cut_chars(strbuf_text(&masked), EVIDENCE_MAX, out);
    }
    strbuf_free(&masked);
}

static void payload_put_time(int64_t ms, char out[40])
{
    if (ms != 0)
        zone_format_rfc3339(ms, out);
}

static void payload_texts_gather(struct payload_texts *texts, struct masker *masker,
                                 const struct payload_origin *origin, const struct message *message)
{
    *texts = (struct payload_texts){ .message = message };
    /* A test has a name of its own, so that rules that route or silence a real alert by its name do not apply to it. */
    texts->alert = message->incident_id != 0 ? alert_name(message->alert) : "IcebergOffloadTest";
    texts->runbook = message->incident_id != 0 ? message->runbook : NULL;
    runbook_words(texts->runbook, message->scenario, message->title, &texts->place);
    scenario_words(message->scenario, message->title, &texts->scenario);
    runbook_url(origin->runbook_base, texts->runbook, &texts->runbook_url);
    payload_put_time(message->time_ms, texts->time);
    payload_put_time(message->opened_ms != 0 ? message->opened_ms : message->time_ms, texts->started);
    if (message->status == NOTIFY_RESOLVED)
        payload_put_time(message->resolved_ms != 0 ? message->resolved_ms : message->time_ms, texts->ended);
    if (message->prometheus_ms <= message->time_ms)
        payload_put_time(message->prometheus_ms, texts->prometheus);
    snprintf(texts->incident, sizeof texts->incident, "%" PRId64, message->incident_id);
    payload_dedup_key(origin, message, &texts->dedup_key);
    for (size_t i = 0; i < message->table_count; i++)
        strbuf_printf(&texts->tables, "%s%s", i > 0 ? ", " : "", message->tables[i]);
    payload_put_masked(masker, message->summary, &texts->summary);
    payload_put_masked(masker, message->cause, &texts->cause);
    payload_put_masked(masker, message->first_command, &texts->first_command);
    payload_put_masked(masker, message->evidence, &texts->evidence);
}

static void payload_texts_free(struct payload_texts *texts)
{
    strbuf_free(&texts->runbook_url);
    strbuf_free(&texts->place);
    strbuf_free(&texts->scenario);
    strbuf_free(&texts->dedup_key);
    strbuf_free(&texts->tables);
    strbuf_free(&texts->summary);
    strbuf_free(&texts->cause);
    strbuf_free(&texts->first_command);
    strbuf_free(&texts->evidence);
}

void payload_title(const struct payload_texts *texts, struct strbuf *out)
{
    const struct message *message = texts->message;
    bool fires = message->status == NOTIFY_FIRING;
    text_add_upper(out, fires ? severity_name(message->severity) : notification_status_name(message->status));
    strbuf_printf(out, " %s", texts->alert);
}

void payload_put_labels(struct json_writer *json, const char *key, const struct payload_origin *origin,
                        const struct payload_texts *texts)
{
    json_open(json, key, '{');
    json_put_text(json, "alertname", texts->alert);
    json_put_text(json, "severity", severity_name(texts->message->severity));
    json_put_given(json, "table", texts->message->table);
    json_put_text(json, "incident", texts->incident);
    json_put_text(json, "host", origin->host);
    json_put_text(json, "log", origin->log_path);
    json_put_text(json, "job", "iceberg-offload-agent");
    json_close(json, '}');
}

void payload_put_annotations(struct json_writer *json, const struct payload_texts *texts, enum payload_length length)
{
    const struct message *message = texts->message;
    json_put_text(json, "time", texts->time);
    json_put_text(json, "status", notification_status_name(message->status));
    json_put_text(json, "severity", severity_name(message->severity));
    json_put_text(json, "alert", texts->alert);
    json_put_given(json, "table", message->table);
    json_put_given(json, "tables", texts->tables.at);
    json_put_text(json, "incident", texts->incident);
    json_put_given(json, "summary", texts->summary.at);
    json_put_given(json, "runbook", texts->runbook);
    json_put_given(json, "runbook_url", texts->runbook_url.at);
    json_put_given(json, "prometheus_time", texts->prometheus);
    json_put_text(json, "dedup_key", texts->dedup_key.at);
    json_put_given(json, "escalate_to", message->escalate_to);
    if (length == PAYLOAD_SHORTEST)
        return;
    json_put_given(json, "cause", texts->cause.at);
    json_put_given(json, "scenario", texts->scenario.at);
    json_put_given(json, "scenario_title", message->title);
    json_put_given(json, "first_command", texts->first_command.at);
    json_put_given(json, "evidence", texts->evidence.at);
}

void payload_render(struct masker *masker, enum payload_format format, const struct payload_origin *origin,
                    const struct message *const *messages, size_t count, enum payload_length length, int64_t now_ms,
                    struct strbuf *out)
{
    struct payload_texts *texts = must_alloc((count + 1) * sizeof *texts);
    const struct payload_input input = { origin, texts, count, length, now_ms };
    struct json_writer json = { .out = out };

    for (size_t i = 0; i < count; i++)
        payload_texts_gather(&texts[i], masker, origin, messages[i]);
    switch (format) {
    case FORMAT_GENERIC: format_generic(&input, &json); break;
    case FORMAT_SLACK: format_slack(&input, &json); break;
    case FORMAT_PAGERDUTY: format_pagerduty(&input, &json); break;
    case FORMAT_ALERTMANAGER: format_alertmanager(&input, &json); break;
    }
    for (size_t i = 0; i < count; i++)
        payload_texts_free(&texts[i]);
    free(texts);
}

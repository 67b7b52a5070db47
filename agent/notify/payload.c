/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "payload_private.h"

enum { DEDUP_KEY_MAX = 255 }; /* PagerDuty's limit, in characters */

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
    json_put_given(json, "runbook_url", texts->urls[PAGE_RUNBOOK].at);
    json_put_given(json, "prometheus_time", texts->prometheus);
    json_put_text(json, "dedup_key", texts->dedup_key.at);
    json_put_given(json, "escalate_to", message->escalate_to);
    if (length == PAYLOAD_SHORTEST)
        return;
    json_put_given(json, "description", texts->details.at);
    json_put_given(json, "incident_url", texts->urls[PAGE_INCIDENT].at);
    json_put_given(json, "dashboard_url", texts->urls[PAGE_DASHBOARD].at);
    json_put_given(json, "alertmanager_url", texts->urls[PAGE_ALERTMANAGER].at);
    json_put_given(json, "cause", texts->cause.at);
    json_put_given(json, "scenario", texts->scenario.at);
    json_put_given(json, "scenario_title", message->title);
    json_put_given(json, "first_command", texts->first_command.at);
    json_put_given(json, "evidence", texts->evidence.at);
}

void payload_render(struct masker *masker, const struct webhook_config *webhook, const struct payload_origin *origin,
                    const struct message *const *messages, size_t count, enum payload_length length, int64_t now_ms,
                    struct strbuf *out)
{
    struct payload_texts *texts = must_alloc((count + 1) * sizeof *texts);
    const struct payload_input input = { webhook, origin, texts, count, length, now_ms };
    struct json_writer json = { .out = out };

    for (size_t i = 0; i < count; i++)
        payload_texts_gather(&texts[i], masker, webhook, origin, messages[i]);
    switch (webhook->format) {
    case FORMAT_GENERIC: format_generic(&input, &json); break;
    case FORMAT_SLACK: format_slack(&input, &json); break;
    case FORMAT_PAGERDUTY: format_pagerduty(&input, &json); break;
    case FORMAT_ALERTMANAGER: format_alertmanager(&input, &json); break;
    case FORMAT_EMAIL: format_email(&input, &json); break;
    case FORMAT_NTFY: format_ntfy(&input, &json); break;
    case FORMAT_TEAMS: format_teams(&input, &json); break;
    case FORMAT_DISCORD: format_discord(&input, &json); break;
    case FORMAT_TELEGRAM: format_telegram(&input, &json); break;
    case FORMAT_TEMPLATE: format_template(&input, &json); break;
    case PAYLOAD_FORMATS: break;
    }
    for (size_t i = 0; i < count; i++)
        payload_texts_free(&texts[i]);
    free(texts);
}

bool payload_combines(enum payload_format format)
{
    return format != FORMAT_PAGERDUTY && format != FORMAT_TEMPLATE;
}

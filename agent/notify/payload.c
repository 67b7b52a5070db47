/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cut.h"
#include "base/fnv.h"
#include "base/mask.h"
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

/* Also goes into a request's header: nothing but visible ASCII. */
static bool fits_everywhere(const struct strbuf *key)
{
    for (size_t i = 0; i < key->len; i++)
        if (key->at[i] <= ' ' || key->at[i] > '~')
            return false;
    return key->len <= DEDUP_KEY_MAX;
}

/* An incident's number alone comes back when a history is begun anew: the time it opened tells the two apart. */
void payload_dedup_key(const struct payload_origin *origin, const struct message *message, struct strbuf *out)
{
    struct strbuf key = { 0 };

    strbuf_printf(&key, "%s%s#%" PRId64 "@%" PRId64, origin->host, origin->log_path, message->incident_id,
                  message->opened_ms);
    if (fits_everywhere(&key)) {
        strbuf_puts(out, key.at);
    } else {
        char hash[17];
        payload_hash(key.at, hash);
        strbuf_printf(out, "iceberg-offload-%s", hash);
    }
    strbuf_free(&key);
}

struct payload_maker {
    struct masker *masker;
};

struct payload_maker *payload_maker_open(void)
{
    struct payload_maker *maker = must_alloc(sizeof *maker);
    maker->masker = masker_open();
    return maker;
}

void payload_maker_free(struct payload_maker *maker)
{
    if (maker) {
        masker_close(maker->masker);
        free(maker);
    }
}

static void put_masked(struct masker *masker, const char *text, struct strbuf *out)
{
    struct strbuf masked = { 0 };

    if (text) {
        masker_text(masker, slice_of(text), &masked);
        cut_chars(strbuf_text(&masked), EVIDENCE_MAX, out);
    }
    strbuf_free(&masked);
}

static void put_time(int64_t ms, char out[40])
{
    if (ms != 0)
        zone_format_rfc3339(ms, out);
}

static void facts_gather(struct facts *facts, struct masker *masker, const struct payload_origin *origin,
                         const struct message *message)
{
    *facts = (struct facts){ .message = message };
    /* Rules that route, inhibit or silence by a real alert's name must not take a test for one. */
    facts->alert = message->incident_id != 0 ? alert_name(message->alert) : "IcebergOffloadTest";
    facts->runbook = message->incident_id != 0 ? alert_runbook(message->alert) : NULL;
    put_time(message->time_ms, facts->time);
    put_time(message->opened_ms != 0 ? message->opened_ms : message->time_ms, facts->started);
    if (message->status == NOTIFY_RESOLVED)
        put_time(message->resolved_ms != 0 ? message->resolved_ms : message->time_ms, facts->ended);
    if (message->prometheus_ms <= message->time_ms)
        put_time(message->prometheus_ms, facts->prometheus);
    snprintf(facts->incident, sizeof facts->incident, "%" PRId64, message->incident_id);
    payload_dedup_key(origin, message, &facts->dedup_key);
    for (size_t i = 0; i < message->table_count; i++)
        strbuf_printf(&facts->tables, "%s%s", i > 0 ? ", " : "", message->tables[i]);
    put_masked(masker, message->summary, &facts->summary);
    put_masked(masker, message->cause, &facts->cause);
    put_masked(masker, message->first_command, &facts->first_command);
    put_masked(masker, message->evidence, &facts->evidence);
}

static void facts_free(struct facts *facts)
{
    strbuf_free(&facts->dedup_key);
    strbuf_free(&facts->tables);
    strbuf_free(&facts->summary);
    strbuf_free(&facts->cause);
    strbuf_free(&facts->first_command);
    strbuf_free(&facts->evidence);
}

void facts_title(const struct facts *facts, struct strbuf *out)
{
    const struct message *message = facts->message;
    const char *word =
        message->status == NOTIFY_FIRING ? severity_name(message->severity) : notification_status_name(message->status);

    for (; *word != '\0'; word++) {
        char letter = (char)toupper((unsigned char)*word);
        strbuf_add(out, &letter, 1);
    }
    strbuf_printf(out, " %s", facts->alert);
}

void payload_labels(struct json_writer *json, const char *key, const struct payload_origin *origin,
                    const struct facts *facts)
{
    json_open(json, key, '{');
    json_put_text(json, "alertname", facts->alert);
    json_put_text(json, "severity", severity_name(facts->message->severity));
    json_put_given(json, "table", facts->message->table);
    json_put_text(json, "incident", facts->incident);
    json_put_text(json, "host", origin->host);
    json_put_text(json, "log", origin->log_path);
    json_put_text(json, "job", "iceberg-offload-agent");
    json_close(json, '}');
}

void payload_annotation_fields(struct json_writer *json, const struct facts *facts, bool shortest)
{
    const struct message *message = facts->message;
    json_put_text(json, "time", facts->time);
    json_put_text(json, "status", notification_status_name(message->status));
    json_put_text(json, "severity", severity_name(message->severity));
    json_put_text(json, "alert", facts->alert);
    json_put_given(json, "table", message->table);
    json_put_given(json, "tables", facts->tables.at);
    json_put_text(json, "incident", facts->incident);
    json_put_given(json, "summary", facts->summary.at);
    json_put_given(json, "runbook", facts->runbook);
    json_put_given(json, "prometheus_time", facts->prometheus);
    json_put_text(json, "dedup_key", facts->dedup_key.at);
    json_put_given(json, "escalate_to", message->escalate_to);
    if (shortest)
        return;
    json_put_given(json, "cause", facts->cause.at);
    json_put_given(json, "scenario", message->scenario);
    json_put_given(json, "first_command", facts->first_command.at);
    json_put_given(json, "evidence", facts->evidence.at);
}

void payload_annotations(struct json_writer *json, const char *key, const struct facts *facts, bool shortest)
{
    json_open(json, key, '{');
    payload_annotation_fields(json, facts, shortest);
    json_close(json, '}');
}

void payload_render(struct payload_maker *maker, enum payload_format format, const struct payload_origin *origin,
                    const struct message *const *messages, size_t count, bool shortest, int64_t now_ms,
                    struct strbuf *out)
{
    struct facts *facts = must_alloc((count + 1) * sizeof *facts);
    const struct payload_job job = { origin, facts, count, shortest, now_ms };
    struct json_writer json = { .out = out };

    for (size_t i = 0; i < count; i++)
        facts_gather(&facts[i], maker->masker, origin, messages[i]);
    switch (format) {
    case FORMAT_GENERIC: payload_generic(&job, &json); break;
    case FORMAT_SLACK: payload_slack(&job, &json); break;
    case FORMAT_PAGERDUTY: payload_pagerduty(&job, &json); break;
    case FORMAT_ALERTMANAGER: payload_alertmanager(&job, &json); break;
    }
    for (size_t i = 0; i < count; i++)
        facts_free(&facts[i]);
    free(facts);
}

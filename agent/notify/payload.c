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
    struct json_maker *json;
    struct masker *masker;
};

struct payload_maker *payload_maker_open(struct strbuf *error)
{
    struct json_maker *json = json_maker_open(error);

    if (!json)
        return NULL;
    struct payload_maker *maker = must_alloc(sizeof *maker);
    *maker = (struct payload_maker){ json, masker_open() };
    return maker;
}

void payload_maker_free(struct payload_maker *maker)
{
    if (maker) {
        json_maker_free(maker->json);
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

const char *facts_text(const struct strbuf *text)
{
    return text->len > 0 ? text->at : NULL;
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

void payload_labels(struct json_maker *maker, const struct payload_origin *origin, const struct facts *facts,
                    struct strbuf *out)
{
    const char *const texts[] = {
        facts->alert,     severity_name(facts->message->severity), facts->message->table, facts->incident, origin->host,
        origin->log_path,
    };

    /* A merge patch drops what is null. */
    json_select(maker,
                "SELECT json_patch('{}', json_object('alertname', ?1, 'severity', ?2, 'table', ?3, 'incident', ?4,"
                " 'host', ?5, 'log', ?6, 'job', 'iceberg-offload-agent'))",
                texts, sizeof texts / sizeof texts[0], out);
}

void payload_annotations(struct json_maker *maker, const struct facts *facts, bool shortest, struct strbuf *out)
{
    const struct message *message = facts->message;
    const char *const texts[] = {
        facts->time,
        notification_status_name(message->status),
        severity_name(message->severity),
        facts->alert,
        message->table,
        facts_text(&facts->tables),
        facts->incident,
        facts_text(&facts->summary),
        facts->runbook,
        facts->prometheus[0] != '\0' ? facts->prometheus : NULL,
        facts->dedup_key.at,
        message->escalate_to,
        shortest ? NULL : facts_text(&facts->cause),
        shortest ? NULL : message->scenario,
        shortest ? NULL : facts_text(&facts->first_command),
        shortest ? NULL : facts_text(&facts->evidence),
    };

    json_select(
        maker,
        "SELECT json_patch('{}', json_object('time', ?1, 'status', ?2, 'severity', ?3, 'alert', ?4, 'table', ?5,"
        " 'tables', ?6, 'incident', ?7, 'summary', ?8, 'runbook', ?9, 'prometheus_time', ?10, 'dedup_key', ?11,"
        " 'escalate_to', ?12, 'cause', ?13, 'scenario', ?14, 'first_command', ?15, 'evidence', ?16))",
        texts, sizeof texts / sizeof texts[0], out);
}

void payload_render(struct payload_maker *maker, enum payload_format format, const struct payload_origin *origin,
                    const struct message *const *messages, size_t count, bool shortest, int64_t now_ms,
                    struct strbuf *out)
{
    struct facts *facts = must_alloc((count + 1) * sizeof *facts);
    const struct payload_job job = { maker->json, origin, facts, count, shortest, now_ms };

    for (size_t i = 0; i < count; i++)
        facts_gather(&facts[i], maker->masker, origin, messages[i]);
    switch (format) {
    case FORMAT_GENERIC: payload_generic(&job, out); break;
    case FORMAT_SLACK: payload_slack(&job, out); break;
    case FORMAT_PAGERDUTY: payload_pagerduty(&job, out); break;
    case FORMAT_ALERTMANAGER: payload_alertmanager(&job, out); break;
    }
    for (size_t i = 0; i < count; i++)
        facts_free(&facts[i]);
    free(facts);
}

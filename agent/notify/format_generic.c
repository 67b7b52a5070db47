/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload_private.h"

/*
 * Alertmanager's webhook envelope, version 4, so that what already receives Alertmanager's notifications receives
 * ours. Each message is an alert; the keys that `agent replay --format json` prints are its annotations, as strings.
 */

static const char NOT_ENDED[] = "0001-01-01T00:00:00Z"; /* Go's zero time: Alertmanager's way to say "still firing" */

static const char *envelope_status(const struct message *message)
{
    return message->status == NOTIFY_RESOLVED ? "resolved" : "firing";
}

static void put_alert(const struct payload_job *job, const struct facts *facts, struct json_writer *json)
{
    char fingerprint[17];
    payload_hash(facts->dedup_key.at, fingerprint);
    json_open(json, NULL, '{');
    json_put_text(json, "status", envelope_status(facts->message));
    payload_labels(json, "labels", job->origin, facts);
    payload_annotations(json, "annotations", facts, job->shortest);
    json_put_text(json, "startsAt", facts->started);
    json_put_text(json, "endsAt", facts->ended[0] != '\0' ? facts->ended : NOT_ENDED);
    json_put_text(json, "generatorURL", "");
    json_put_text(json, "fingerprint", fingerprint);
    json_close(json, '}');
}

/* Of a single alert everything is common; of several, who speaks. */
static void put_common_labels(const struct payload_job *job, const char *key, struct json_writer *json)
{
    if (job->count == 1) {
        payload_labels(json, key, job->origin, &job->facts[0]);
        return;
    }
    json_open(json, key, '{');
    json_put_text(json, "host", job->origin->host);
    json_put_text(json, "log", job->origin->log_path);
    json_put_text(json, "job", "iceberg-offload-agent");
    json_close(json, '}');
}

/* Receivers tell groups apart by this key: an incident is one, a combined message its own. */
static void put_group_key(const struct payload_job *job, struct json_writer *json)
{
    struct strbuf key = { 0 };
    if (job->count == 1)
        strbuf_printf(&key, "{}:%s", job->facts[0].dedup_key.at);
    else
        strbuf_printf(&key, "{}:%s%s", job->origin->host, job->origin->log_path);
    json_put_text(json, "groupKey", key.at);
    strbuf_free(&key);
}

static const char *status_of_all(const struct payload_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (job->facts[i].message->status != NOTIFY_RESOLVED)
            return "firing";
    return "resolved";
}

void payload_generic(const struct payload_job *job, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "version", "4");
    put_group_key(job, json);
    json_put_int(json, "truncatedAlerts", 0);
    json_put_text(json, "status", status_of_all(job));
    json_put_text(json, "receiver", "iceberg-offload-agent");
    put_common_labels(job, "groupLabels", json);
    put_common_labels(job, "commonLabels", json);
    json_open(json, "commonAnnotations", '{');
    if (job->count == 1)
        payload_annotation_fields(json, &job->facts[0], true);
    json_close(json, '}');
    json_put_text(json, "externalURL", "");
    json_open(json, "alerts", '[');
    for (size_t i = 0; i < job->count; i++)
        put_alert(job, &job->facts[i], json);
    json_close(json, ']');
    json_close(json, '}');
}

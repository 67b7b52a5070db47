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

static void put_alert(const struct payload_job *job, const struct facts *facts, struct strbuf *out)
{
    const struct message *message = facts->message;
    struct strbuf labels = { 0 }, annotations = { 0 };
    char fingerprint[17];

    payload_labels(job->maker, job->origin, facts, &labels);
    payload_annotations(job->maker, facts, job->shortest, &annotations);
    payload_hash(facts->dedup_key.at, fingerprint);
    const char *const texts[] = {
        envelope_status(message),
        labels.at,
        annotations.at,
        facts->started,
        facts->ended[0] != '\0' ? facts->ended : NOT_ENDED,
        fingerprint,
    };
    json_select(
        job->maker,
        "SELECT json_object('status', ?1, 'labels', json(?2), 'annotations', json(?3), 'startsAt', ?4, 'endsAt', ?5,"
        " 'generatorURL', '', 'fingerprint', ?6)",
        texts, sizeof texts / sizeof texts[0], out);
    strbuf_free(&labels);
    strbuf_free(&annotations);
}

/* Of a single alert everything is common; of several, who speaks. */
static void put_common_labels(const struct payload_job *job, struct strbuf *out)
{
    const struct facts *facts = &job->facts[0];

    if (job->count == 1) {
        payload_labels(job->maker, job->origin, facts, out);
    } else {
        const char *const texts[] = { job->origin->host, job->origin->log_path };
        json_select(job->maker, "SELECT json_object('host', ?1, 'log', ?2, 'job', 'iceberg-offload-agent')", texts, 2,
                    out);
    }
}

/* Receivers tell groups apart by this key: an incident is one, a combined message its own. */
static void put_group_key(const struct payload_job *job, struct strbuf *out)
{
    strbuf_puts(out, "{}:");
    if (job->count == 1)
        strbuf_puts(out, job->facts[0].dedup_key.at);
    else
        strbuf_printf(out, "%s%s", job->origin->host, job->origin->log_path);
}

void payload_generic(const struct payload_job *job, struct strbuf *out)
{
    struct strbuf alerts = { 0 }, labels = { 0 }, annotations = { 0 }, group_key = { 0 };
    const char *status = "resolved";

    strbuf_puts(&alerts, "[");
    for (size_t i = 0; i < job->count; i++) {
        strbuf_puts(&alerts, i > 0 ? "," : "");
        put_alert(job, &job->facts[i], &alerts);
        if (job->facts[i].message->status != NOTIFY_RESOLVED)
            status = "firing";
    }
    strbuf_puts(&alerts, "]");
    put_common_labels(job, &labels);
    if (job->count == 1)
        payload_annotations(job->maker, &job->facts[0], true, &annotations);
    else
        strbuf_puts(&annotations, "{}");
    put_group_key(job, &group_key);
    const char *const texts[] = { group_key.at, status, labels.at, annotations.at, alerts.at };
    json_select(job->maker,
                "SELECT json_object('version', '4', 'groupKey', ?1, 'truncatedAlerts', 0, 'status', ?2,"
                " 'receiver', 'iceberg-offload-agent', 'groupLabels', json(?3), 'commonLabels', json(?3),"
                " 'commonAnnotations', json(?4), 'externalURL', '', 'alerts', json(?5))",
                texts, sizeof texts / sizeof texts[0], out);
    strbuf_free(&alerts);
    strbuf_free(&labels);
    strbuf_free(&annotations);
    strbuf_free(&group_key);
}

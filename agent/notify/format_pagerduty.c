/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"
#include "payload_private.h"

/* PagerDuty's limit is 1,024 characters for the summary; the short form stays well away from every limit. */
enum { SUMMARY_MAX = 1024, SHORT_MAX = 256 };

static void put_summary(const struct payload_job *job, const struct facts *facts, struct json_writer *json)
{
    struct strbuf whole = { 0 }, cut = { 0 };
    facts_title(facts, &whole);
    strbuf_printf(&whole, " on %s: %s", job->origin->host, strbuf_text(&facts->summary));
    cut_chars(whole.at, job->shortest ? SHORT_MAX : SUMMARY_MAX, &cut);
    json_put_text(json, "summary", cut.at);
    strbuf_free(&whole);
    strbuf_free(&cut);
}

static void put_details(const struct payload_job *job, const struct facts *facts, struct json_writer *json)
{
    json_open(json, "custom_details", '{');
    payload_annotation_fields(json, facts, false);
    json_put_text(json, "log", job->origin->log_path);
    json_close(json, '}');
}

/* Events API v2, without the routing key: the sender adds it. A resolve carries the payload of its trigger, so that it is routed the same way. */
void payload_pagerduty(const struct payload_job *job, struct json_writer *json)
{
    const struct facts *facts = &job->facts[0];
    const struct message *message = facts->message;
    json_open(json, NULL, '{');
    json_put_text(json, "event_action", message->status == NOTIFY_RESOLVED ? "resolve" : "trigger");
    json_put_text(json, "dedup_key", facts->dedup_key.at);
    json_put_text(json, "client", "iceberg-offload-agent");
    json_open(json, "payload", '{');
    put_summary(job, facts, json);
    json_put_text(json, "source", job->origin->host);
    json_put_text(json, "severity", severity_name(message->severity));
    json_put_text(json, "timestamp", facts->time);
    json_put_text(json, "component", message->table ? message->table : "scheduler");
    json_put_text(json, "group", "iceberg-offload");
    json_put_text(json, "class", facts->alert);
    if (!job->shortest)
        put_details(job, facts, json);
    json_close(json, '}');
    json_close(json, '}');
}

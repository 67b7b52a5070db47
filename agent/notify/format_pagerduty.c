/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"
#include "payload_private.h"

/* PagerDuty's limit is 1,024 characters for the summary; the short form stays well away from every limit. */
enum { SUMMARY_MAX = 1024, SHORT_MAX = 256 };

static void put_summary(const struct payload_job *job, const struct facts *facts, struct strbuf *out)
{
    struct strbuf whole = { 0 };

    facts_title(facts, &whole);
    strbuf_printf(&whole, " on %s: %s", job->origin->host, strbuf_text(&facts->summary));
    cut_chars(whole.at, job->shortest ? SHORT_MAX : SUMMARY_MAX, out);
    strbuf_free(&whole);
}

static void put_details(const struct payload_job *job, const struct facts *facts, struct strbuf *out)
{
    struct strbuf annotations = { 0 };

    payload_annotations(job->maker, facts, false, &annotations);
    const char *const texts[] = { annotations.at, job->origin->log_path };
    json_select(job->maker, "SELECT json_patch(json(?1), json_object('log', ?2))", texts, 2, out);
    strbuf_free(&annotations);
}

/* Events API v2, without the routing key: the sender adds it. A resolve carries the payload of its trigger, so that it is routed the same way. */
void payload_pagerduty(const struct payload_job *job, struct strbuf *out)
{
    const struct facts *facts = &job->facts[0];
    const struct message *message = facts->message;
    struct strbuf summary = { 0 }, details = { 0 };

    put_summary(job, facts, &summary);
    if (!job->shortest)
        put_details(job, facts, &details);
    const char *const texts[] = {
        message->status == NOTIFY_RESOLVED ? "resolve" : "trigger",
        facts->dedup_key.at,
        summary.at,
        job->origin->host,
        message->severity == SEVERITY_CRITICAL ? "critical" : "warning",
        facts->time,
        message->table ? message->table : "scheduler",
        facts->alert,
        facts_text(&details),
    };
    json_select(job->maker,
                "SELECT json_patch('{}', json_object('event_action', ?1, 'dedup_key', ?2,"
                " 'client', 'iceberg-offload-agent',"
                " 'payload', json_object('summary', ?3, 'source', ?4, 'severity', ?5, 'timestamp', ?6, 'component', ?7,"
                " 'group', 'iceberg-offload', 'class', ?8, 'custom_details', json(?9))))",
                texts, sizeof texts / sizeof texts[0], out);
    strbuf_free(&summary);
    strbuf_free(&details);
}

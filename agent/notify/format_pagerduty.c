/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"
#include "payload_private.h"

/* In characters. PagerDuty takes a summary of at most 1,024; the shortest form stays far below every limit. */
enum { SUMMARY_MAX = 1024, SHORT_MAX = 256 };

static void pagerduty_put_summary(const struct payload_input *input, const struct payload_texts *texts,
                                  struct json_writer *json)
{
    struct strbuf whole = { 0 }, cut = { 0 };
    payload_title(texts, &whole);
    strbuf_printf(&whole, " on %s: %s", input->origin->host, strbuf_text(&texts->summary));
    cut_chars(whole.at, input->length == PAYLOAD_SHORTEST ? SHORT_MAX : SUMMARY_MAX, &cut);
    json_put_text(json, "summary", cut.at);
    strbuf_free(&whole);
    strbuf_free(&cut);
}

static void pagerduty_put_details(const struct payload_input *input, const struct payload_texts *texts,
                                  struct json_writer *json)
{
    json_open(json, "custom_details", '{');
    payload_put_annotations(json, texts, PAYLOAD_FULL);
    json_put_text(json, "log", input->origin->log_path);
    json_close(json, '}');
}

static void pagerduty_put_links(const struct payload_texts *texts, struct json_writer *json)
{
    if (texts->runbook_url.len == 0)
        return;
    json_open(json, "links", '[');
    json_open(json, NULL, '{');
    json_put_text(json, "href", texts->runbook_url.at);
    json_put_text(json, "text", strbuf_text(&texts->place));
    json_close(json, '}');
    json_close(json, ']');
}

/*
 * An event of PagerDuty's Events API v2, without the routing key, which the sender adds. A resolve carries the same payload as its
 * trigger, so that it is routed the same way.
 */
void format_pagerduty(const struct payload_input *input, struct json_writer *json)
{
    const struct payload_texts *texts = &input->texts[0];
    const struct message *message = texts->message;
    json_open(json, NULL, '{');
    json_put_text(json, "event_action", message->status == NOTIFY_RESOLVED ? "resolve" : "trigger");
    json_put_text(json, "dedup_key", texts->dedup_key.at);
    json_put_text(json, "client", "iceberg-offload-agent");
    pagerduty_put_links(texts, json);
    json_open(json, "payload", '{');
    pagerduty_put_summary(input, texts, json);
    json_put_text(json, "source", input->origin->host);
    json_put_text(json, "severity", severity_name(message->severity));
    json_put_text(json, "timestamp", texts->time);
    json_put_text(json, "component", message->table ? message->table : "scheduler");
    json_put_text(json, "group", "iceberg-offload");
    json_put_text(json, "class", texts->alert);
    if (input->length == PAYLOAD_FULL)
        pagerduty_put_details(input, texts, json);
    json_close(json, '}');
    json_close(json, '}');
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"
#include "payload_private.h"

/* In characters. PagerDuty takes a summary of at most 1,024; the shortest form stays far below every limit. */
enum { SUMMARY_MAX = 1024, SHORT_MAX = 256 };

static void pagerduty_put_summary(const struct payload_input *input, const struct payload_texts *texts,
                                  struct json_writer *json)
{
    struct strbuf cut = { 0 };
    cut_chars(texts->first_line.at, input->length == PAYLOAD_SHORTEST ? SHORT_MAX : SUMMARY_MAX, &cut);
    json_put_text(json, "summary", cut.at);
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

/* A link is called by its page; the runbook's by its place in the file as well. */
static void pagerduty_put_links(const struct payload_texts *texts, struct json_writer *json)
{
    if (!payload_best_page(texts))
        return;
    json_open(json, "links", '[');
    for (int page = 0; page < PAGES; page++) {
        if (texts->urls[page].len == 0)
            continue;
        json_open(json, NULL, '{');
        json_put_text(json, "href", texts->urls[page].at);
        json_put_text(json, "text",
                      page == PAGE_RUNBOOK ? strbuf_text(&texts->place) : payload_page_name((enum payload_page)page));
        json_close(json, '}');
    }
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
    json_put_given(json, "client_url", payload_best_page(texts));
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

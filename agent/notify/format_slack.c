/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cut.h"
#include "base/utf8.h"
#include "payload_private.h"

/* Slack's limits, in characters, and what is left for one message of a combined one. */
enum { HEADER_MAX = 150, TEXT_MAX = 3000, FIELD_MAX = 2000, SHORT_MAX = 300, BLOCKS_MAX = 50 };

#define ELLIPSIS "\xe2\x80\xa6"

static const char *escape_of(char letter)
{
    switch (letter) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    default: return NULL;
    }
}

static size_t escaped_chars(char byte)
{
    return escape_of(byte) ? strlen(escape_of(byte)) : utf8_continues(byte) ? 0 : 1;
}

/* How many bytes of text stay within max_chars once escaped. */
static size_t bytes_within(const char *text, size_t max_chars)
{
    size_t chars = 0, at = 0;

    while (text[at] != '\0' && chars + escaped_chars(text[at]) <= max_chars)
        chars += escaped_chars(text[at++]);
    return at;
}

/* Slack reads &, < and > as markup, and counts what they are escaped to: never cut inside an entity. */
static void put_escaped(const char *text, size_t max_chars, struct strbuf *out)
{
    size_t len = bytes_within(text, max_chars);
    bool cut = text[len] != '\0';

    len = cut ? bytes_within(text, max_chars - 1) : len;
    for (size_t i = 0; i < len; i++) {
        const char *escape = escape_of(text[i]);
        strbuf_add(out, escape ? escape : &text[i], escape ? strlen(escape) : 1);
    }
    strbuf_puts(out, cut ? ELLIPSIS : "");
}

/* {"type": "mrkdwn", "text": "..."}, Slack's text object; type may also be "plain_text". */
static void put_text_object(struct json_writer *json, const char *key, const char *type, const char *text)
{
    json_open(json, key, '{');
    json_put_text(json, "type", type);
    json_put_text(json, "text", text);
    json_close(json, '}');
}

static void put_header(const char *text, struct json_writer *json)
{
    struct strbuf cut = { 0 };
    cut_chars(text, HEADER_MAX, &cut);
    json_open(json, NULL, '{');
    json_put_text(json, "type", "header");
    put_text_object(json, "text", "plain_text", strbuf_text(&cut));
    json_close(json, '}');
    strbuf_free(&cut);
}

static void put_section(const struct strbuf *mrkdwn, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "type", "section");
    put_text_object(json, "text", "mrkdwn", strbuf_text(mrkdwn));
    json_close(json, '}');
}

static void put_field(const char *name, const char *value, struct json_writer *json)
{
    struct strbuf mrkdwn = { 0 };
    if (!value || value[0] == '\0')
        return;
    strbuf_printf(&mrkdwn, "*%s*\n", name);
    put_escaped(value, FIELD_MAX - strlen(name) - 3, &mrkdwn);
    put_text_object(json, NULL, "mrkdwn", mrkdwn.at);
    strbuf_free(&mrkdwn);
}

static void put_fields(const struct facts *facts, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "type", "section");
    json_open(json, "fields", '[');
    put_field("Tables", facts->tables.at, json);
    put_field("Runbook", facts->runbook, json);
    put_field("Scenario", facts->message->scenario, json);
    put_field("Likely cause", facts->cause.at, json);
    put_field("First command", facts->first_command.at, json);
    put_field("Escalate to", facts->message->escalate_to, json);
    put_field("Prometheus would have fired", facts->prometheus, json);
    put_field("Since", facts->started, json);
    json_close(json, ']');
    json_close(json, '}');
}

static void put_context(const struct payload_job *job, const struct facts *facts, struct json_writer *json)
{
    struct strbuf line = { 0 }, cut = { 0 };
    strbuf_printf(&line, "incident %s on %s, %s, %s", facts->incident, job->origin->host, job->origin->log_path,
                  facts->time);
    put_escaped(line.at, FIELD_MAX, &cut);
    json_open(json, NULL, '{');
    json_put_text(json, "type", "context");
    json_open(json, "elements", '[');
    put_text_object(json, NULL, "mrkdwn", strbuf_text(&cut));
    json_close(json, ']');
    json_close(json, '}');
    strbuf_free(&line);
    strbuf_free(&cut);
}

static void put_single(const struct payload_job *job, struct json_writer *json)
{
    const struct facts *facts = &job->facts[0];
    struct strbuf text = { 0 };
    facts_title(facts, &text);
    put_header(text.at, json);
    if (facts->summary.len > 0) {
        strbuf_clear(&text);
        put_escaped(facts->summary.at, TEXT_MAX, &text);
        put_section(&text, json);
    }
    put_fields(facts, json);
    if (facts->evidence.len > 0) {
        strbuf_clear(&text);
        strbuf_puts(&text, "```");
        put_escaped(facts->evidence.at, TEXT_MAX - 6, &text);
        strbuf_puts(&text, "```");
        put_section(&text, json);
    }
    put_context(job, facts, json);
    strbuf_free(&text);
}

/* "*CRITICAL IcebergOffloadLagCritical* 2026-03-03T10:15:02.743+11:00: summary" */
static void put_line(const struct facts *facts, size_t max_chars, struct strbuf *out)
{
    strbuf_puts(out, "*");
    facts_title(facts, out);
    strbuf_printf(out, "* %s: ", facts->time);
    put_escaped(strbuf_text(&facts->summary), max_chars, out);
}

/* The newest ones, oldest first; how many more there were is said. */
static void put_combined(const struct payload_job *job, struct json_writer *json)
{
    const size_t most = BLOCKS_MAX - 2;
    size_t first = job->count > most ? job->count - most : 0;
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%zu notifications that could not be delivered before", job->count);
    put_header(text.at, json);
    if (first > 0) {
        strbuf_clear(&text);
        strbuf_printf(&text, "%zu older ones are left out; `agent incidents` lists all", first);
        put_section(&text, json);
    }
    for (size_t i = first; i < job->count; i++) {
        strbuf_clear(&text);
        put_line(&job->facts[i], SHORT_MAX, &text);
        put_section(&text, json);
    }
    strbuf_free(&text);
}

static const char *color_of(const struct message *message)
{
    if (message->status == NOTIFY_RESOLVED)
        return "#2eb67d";
    return message->severity == SEVERITY_CRITICAL ? "#e01e5a" : "#ecb22e";
}

static void put_attachment(const struct payload_job *job, const char *color, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "color", color);
    json_open(json, "blocks", '[');
    if (job->count == 1)
        put_single(job, json);
    else
        put_combined(job, json);
    json_close(json, ']');
    json_close(json, '}');
}

void payload_slack(const struct payload_job *job, struct json_writer *json)
{
    const struct facts *newest = &job->facts[job->count - 1];
    struct strbuf fallback = { 0 };
    put_line(newest, job->shortest ? SHORT_MAX : TEXT_MAX - 200, &fallback);
    if (job->count > 1)
        strbuf_printf(&fallback, " (and %zu before)", job->count - 1);
    json_open(json, NULL, '{');
    json_put_text(json, "text", fallback.at);
    if (!job->shortest) {
        json_open(json, "attachments", '[');
        put_attachment(job, color_of(newest->message), json);
        json_close(json, ']');
    }
    json_close(json, '}');
    strbuf_free(&fallback);
}

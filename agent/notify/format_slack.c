/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cut.h"
#include "base/utf8.h"
#include "payload_private.h"

/* Slack's limits, in characters and in blocks. */
enum { HEADER_MAX = 150, TEXT_MAX = 3000, FIELD_MAX = 2000, BLOCKS_MAX = 50 };
/* Characters of a summary in the shortest form, and of each where several messages are combined. */
enum { SHORT_MAX = 300 };

#define ELLIPSIS "\xe2\x80\xa6"

static const char *slack_escape(char letter)
{
    switch (letter) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    default: return NULL;
    }
}

static size_t slack_char_cost(char byte)
{
    return slack_escape(byte) ? strlen(slack_escape(byte)) : utf8_continues(byte) ? 0 : 1;
}

/* Returns how many bytes of text become at most max_chars characters when they are escaped. */
static size_t slack_bytes_within(const char *text, size_t max_chars)
{
    size_t chars = 0, at = 0;

    while (text[at] != '\0' && chars + slack_char_cost(text[at]) <= max_chars)
        chars += slack_char_cost(text[at++]);
    return at;
}

/* Slack takes &, < and > for markup. It counts the characters of what they are escaped to, and the text is never cut inside that. */
static void slack_put_escaped(const char *text, size_t max_chars, struct strbuf *out)
{
    size_t len = slack_bytes_within(text, max_chars);
    bool cut = text[len] != '\0';

    len = cut ? slack_bytes_within(text, max_chars - 1) : len;
    for (size_t i = 0; i < len; i++) {
        const char *escape = slack_escape(text[i]);
        strbuf_add(out, escape ? escape : &text[i], escape ? strlen(escape) : 1);
    }
    strbuf_puts(out, cut ? ELLIPSIS : "");
}

/* {"type": "mrkdwn", "text": "..."}, Slack's text object; type may also be "plain_text". */
static void slack_put_text_object(struct json_writer *json, const char *key, const char *type, const char *text)
{
    json_open(json, key, '{');
    json_put_text(json, "type", type);
    json_put_text(json, "text", text);
    json_close(json, '}');
}

static void slack_put_header(const char *text, struct json_writer *json)
{
    struct strbuf cut = { 0 };
    cut_chars(text, HEADER_MAX, &cut);
    json_open(json, NULL, '{');
    json_put_text(json, "type", "header");
    slack_put_text_object(json, "text", "plain_text", strbuf_text(&cut));
    json_close(json, '}');
    strbuf_free(&cut);
}

static void slack_put_section(const struct strbuf *mrkdwn, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "type", "section");
    slack_put_text_object(json, "text", "mrkdwn", strbuf_text(mrkdwn));
    json_close(json, '}');
}

static void slack_put_field(const char *name, const char *value, struct json_writer *json)
{
    struct strbuf mrkdwn = { 0 };
    if (!value || value[0] == '\0')
        return;
    strbuf_printf(&mrkdwn, "*%s*\n", name);
    slack_put_escaped(value, FIELD_MAX - strlen(name) - 3, &mrkdwn);
    slack_put_text_object(json, NULL, "mrkdwn", mrkdwn.at);
    strbuf_free(&mrkdwn);
}

/* "<https://wiki.example.com/runbooks/x.md|x.md, scenario 2: ClickHouse connectivity failure>" */
static void slack_put_runbook(const struct payload_texts *texts, struct json_writer *json)
{
    struct strbuf mrkdwn = { 0 };
    size_t url_len = texts->runbook_url.len;
    bool linked = url_len > 0 && url_len < FIELD_MAX / 2;
    if (texts->place.len == 0)
        return;
    strbuf_puts(&mrkdwn, "*Runbook*\n");
    if (linked)
        strbuf_printf(&mrkdwn, "<%s|", texts->runbook_url.at);
    slack_put_escaped(texts->place.at, FIELD_MAX / 2 - 20, &mrkdwn);
    strbuf_puts(&mrkdwn, linked ? ">" : "");
    slack_put_text_object(json, NULL, "mrkdwn", mrkdwn.at);
    strbuf_free(&mrkdwn);
}

static void slack_put_fields(const struct payload_texts *texts, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "type", "section");
    json_open(json, "fields", '[');
    slack_put_field("Tables", texts->tables.at, json);
    slack_put_runbook(texts, json);
    slack_put_field("Likely cause", texts->cause.at, json);
    slack_put_field("First command", texts->first_command.at, json);
    slack_put_field("Escalate to", texts->message->escalate_to, json);
    slack_put_field("Prometheus would have fired", texts->prometheus, json);
    slack_put_field("Since", texts->started, json);
    json_close(json, ']');
    json_close(json, '}');
}

static void slack_put_context(const struct payload_input *input, const struct payload_texts *texts,
                              struct json_writer *json)
{
    struct strbuf line = { 0 }, cut = { 0 };
    strbuf_printf(&line, "incident %s on %s, %s, %s", texts->incident, input->origin->host, input->origin->log_path,
                  texts->time);
    slack_put_escaped(line.at, FIELD_MAX, &cut);
    json_open(json, NULL, '{');
    json_put_text(json, "type", "context");
    json_open(json, "elements", '[');
    slack_put_text_object(json, NULL, "mrkdwn", strbuf_text(&cut));
    json_close(json, ']');
    json_close(json, '}');
    strbuf_free(&line);
    strbuf_free(&cut);
}

static void slack_put_single(const struct payload_input *input, struct json_writer *json)
{
    const struct payload_texts *texts = &input->texts[0];
    struct strbuf text = { 0 };
    payload_title(texts, &text);
    slack_put_header(text.at, json);
    if (texts->summary.len > 0) {
        strbuf_clear(&text);
        slack_put_escaped(texts->summary.at, TEXT_MAX, &text);
        slack_put_section(&text, json);
    }
    slack_put_fields(texts, json);
    if (texts->evidence.len > 0) {
        strbuf_clear(&text);
        strbuf_puts(&text, "```");
        slack_put_escaped(texts->evidence.at, TEXT_MAX - 6, &text);
        strbuf_puts(&text, "```");
        slack_put_section(&text, json);
    }
    slack_put_context(input, texts, json);
    strbuf_free(&text);
}

/* "*CRITICAL IcebergOffloadLagCritical* 2026-03-03T10:15:02.743+11:00: summary" */
static void slack_put_line(const struct payload_texts *texts, size_t max_chars, struct strbuf *out)
{
    strbuf_puts(out, "*");
    payload_title(texts, out);
    strbuf_printf(out, "* %s: ", texts->time);
    slack_put_escaped(strbuf_text(&texts->summary), max_chars, out);
}

/* Puts a line for each of the newest messages, oldest first, and says how many older ones had no room. */
static void slack_put_combined(const struct payload_input *input, struct json_writer *json)
{
    const size_t most = BLOCKS_MAX - 2;
    size_t first = input->count > most ? input->count - most : 0;
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%zu notifications that could not be delivered before", input->count);
    slack_put_header(text.at, json);
    if (first > 0) {
        strbuf_clear(&text);
        strbuf_printf(&text, "%zu older ones are left out; `agent incidents` lists all", first);
        slack_put_section(&text, json);
    }
    for (size_t i = first; i < input->count; i++) {
        strbuf_clear(&text);
        slack_put_line(&input->texts[i], SHORT_MAX, &text);
        slack_put_section(&text, json);
    }
    strbuf_free(&text);
}

static const char *slack_color(const struct message *message)
{
    if (message->status == NOTIFY_RESOLVED)
        return "#2eb67d";
    return message->severity == SEVERITY_CRITICAL ? "#e01e5a" : "#ecb22e";
}

static void slack_put_attachment(const struct payload_input *input, const char *color, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "color", color);
    json_open(json, "blocks", '[');
    if (input->count == 1)
        slack_put_single(input, json);
    else
        slack_put_combined(input, json);
    json_close(json, ']');
    json_close(json, '}');
}

void format_slack(const struct payload_input *input, struct json_writer *json)
{
    const struct payload_texts *newest = &input->texts[input->count - 1];
    struct strbuf fallback = { 0 };
    slack_put_line(newest, input->length == PAYLOAD_SHORTEST ? SHORT_MAX : TEXT_MAX - 200, &fallback);
    if (input->count > 1)
        strbuf_printf(&fallback, " (and %zu before)", input->count - 1);
    json_open(json, NULL, '{');
    json_put_text(json, "text", fallback.at);
    if (input->length == PAYLOAD_FULL) {
        json_open(json, "attachments", '[');
        slack_put_attachment(input, slack_color(newest->message), json);
        json_close(json, ']');
    }
    json_close(json, '}');
    strbuf_free(&fallback);
}

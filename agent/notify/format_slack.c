/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/cut.h"
#include "base/utf8.h"
#include "payload_private.h"

/* Slack's limits, in characters and in blocks. A message's own text may be longer, but is cut in what a phone shows. */
enum { HEADER_MAX = 150, TEXT_MAX = 3000, BLOCKS_MAX = 50 };
/* Characters of the first line in the shortest form, and of each where several messages are combined; of a part; of a link's text. */
enum { SHORT_MAX = 300, PART_MAX = 600, LIST_MAX = 2400, NAME_MAX_CHARS = 200 };
/* A longer URL would leave no room for the other links in their section. */
enum { URL_MAX = 600 };

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

static void slack_put_code(const char *text, struct strbuf *out)
{
    struct strbuf safe = { 0 };
    payload_add_fenced(text, &safe);
    strbuf_puts(out, "```");
    slack_put_escaped(strbuf_text(&safe), TEXT_MAX - 6, out);
    strbuf_puts(out, "```");
    strbuf_free(&safe);
}

/* Each reader sees the time in their own zone; a client that cannot do that shows the words. */
static void slack_put_time(int64_t ms, const char *words, struct strbuf *out)
{
    strbuf_printf(out, "<!date^%" PRId64 "^{date_short_pretty} {time}|%s>", ms / 1000, words);
}

/* Text that Slack takes as it stands: with "verbatim" it makes no links and no mentions of what looks like them. */
static void slack_put_text_object(struct json_writer *json, const char *key, const char *mrkdwn)
{
    json_open(json, key, '{');
    json_put_text(json, "type", "mrkdwn");
    json_put_text(json, "text", mrkdwn);
    json_put_bool(json, "verbatim", true);
    json_close(json, '}');
}

static void slack_put_header(const char *text, struct json_writer *json)
{
    struct strbuf cut = { 0 };
    cut_chars(text, HEADER_MAX, &cut);
    json_open(json, NULL, '{');
    json_put_text(json, "type", "header");
    json_open(json, "text", '{');
    json_put_text(json, "type", "plain_text");
    json_put_text(json, "text", strbuf_text(&cut));
    json_put_bool(json, "emoji", false);
    json_close(json, '}');
    json_close(json, '}');
    strbuf_free(&cut);
}

static void slack_put_section(const struct strbuf *mrkdwn, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "type", "section");
    slack_put_text_object(json, "text", strbuf_text(mrkdwn));
    json_close(json, '}');
}

/* "<https://wiki.example.com/runbooks/x.md|x.md, scenario 2: ClickHouse connectivity failure>" */
static void slack_put_link(const struct strbuf *url, const char *name, struct strbuf *out)
{
    bool linked = url->len > 0 && url->len <= URL_MAX;
    if (linked)
        strbuf_printf(out, "<%s|", url->at);
    slack_put_escaped(name, NAME_MAX_CHARS, out);
    strbuf_puts(out, linked ? ">" : "");
}

/* The runbook, which is named even without a link, and the other pages. */
static void slack_put_pages(const struct payload_texts *texts, struct json_writer *json)
{
    struct strbuf line = { 0 };
    if (texts->place.len > 0) {
        strbuf_puts(&line, "*Runbook*\n");
        slack_put_link(&texts->urls[PAGE_RUNBOOK], texts->place.at, &line);
    }
    for (int page = PAGE_INCIDENT; page < PAGES; page++) {
        const struct strbuf *url = &texts->urls[page];
        if (url->len == 0 || url->len > URL_MAX)
            continue;
        strbuf_puts(&line, line.len > 0 ? "  |  " : "");
        slack_put_link(url, payload_page_name((enum payload_page)page), &line);
    }
    if (line.len > 0)
        slack_put_section(&line, json);
    strbuf_free(&line);
}

/* A section for a part; what is small has its place in the context. */
static void slack_put_part(const struct payload_part *part, struct json_writer *json)
{
    struct strbuf text = { 0 };
    if (part->kind == PART_WORDS || part->kind == PART_LIST) {
        strbuf_printf(&text, "*%s*%s", part->name, part->kind == PART_LIST ? "\n" : " ");
        slack_put_escaped(part->text, part->kind == PART_LIST ? LIST_MAX : PART_MAX, &text);
    } else {
        slack_put_code(part->text, &text);
    }
    slack_put_section(&text, json);
    strbuf_free(&text);
}

static void slack_put_parts(const struct payload_texts *texts, struct json_writer *json)
{
    struct payload_part parts[PARTS_MAX];
    size_t count = payload_parts(texts, parts);
    bool linked = false;
    for (size_t i = 0; i < count; i++) {
        bool behind_pages = parts[i].kind == PART_EVIDENCE || parts[i].kind == PART_SMALL;
        bool is_runbook = parts[i].text == texts->place.at;
        if (!linked && (behind_pages || is_runbook)) {
            slack_put_pages(texts, json);
            linked = true;
        }
        if (parts[i].kind != PART_SMALL && !is_runbook)
            slack_put_part(&parts[i], json);
    }
    if (!linked)
        slack_put_pages(texts, json);
}

static void slack_put_element(const struct strbuf *mrkdwn, struct json_writer *json)
{
    if (mrkdwn->len > 0)
        slack_put_text_object(json, NULL, mrkdwn->at);
}

/* What is of interest later, small: how bad, since when, which tables, which incident. */
static void slack_put_context(const struct payload_input *input, const struct payload_texts *texts,
                              struct json_writer *json)
{
    const struct message *message = texts->message;
    int64_t since_ms = message->onset_ms != 0 ? message->onset_ms : message->opened_ms;
    struct strbuf line = { 0 };
    json_open(json, NULL, '{');
    json_put_text(json, "type", "context");
    json_open(json, "elements", '[');
    strbuf_puts(&line, severity_name(message->severity));
    if (since_ms != 0) {
        strbuf_puts(&line, texts->ended[0] != '\0' ? ", was wrong since " : ", since ");
        slack_put_time(since_ms, texts->since.at, &line);
    }
    slack_put_element(&line, json);
    strbuf_clear(&line);
    slack_put_escaped(strbuf_text(&texts->tables), PART_MAX, &line);
    slack_put_element(&line, json);
    strbuf_clear(&line);
    if (texts->prometheus[0] != '\0') {
        strbuf_puts(&line, "Prometheus would have fired at ");
        slack_put_time(message->prometheus_ms, texts->fired.at, &line);
        slack_put_element(&line, json);
        strbuf_clear(&line);
    }
    if (message->incident_id != 0)
        strbuf_printf(&line, "incident %s, ", texts->incident);
    strbuf_printf(&line, "%s, ", texts->alert);
    slack_put_escaped(input->origin->host, NAME_MAX_CHARS, &line);
    strbuf_puts(&line, ", ");
    slack_put_escaped(input->origin->log_path, NAME_MAX_CHARS, &line);
    slack_put_element(&line, json);
    json_close(json, ']');
    json_close(json, '}');
    strbuf_free(&line);
}

static void slack_put_single(const struct payload_input *input, struct json_writer *json)
{
    const struct payload_texts *texts = &input->texts[0];
    struct strbuf text = { 0 };
    slack_put_header(texts->first_line.at, json);
    if (utf8_count(strbuf_slice(&texts->first_line)) > HEADER_MAX) {
        slack_put_escaped(texts->first_line.at, TEXT_MAX, &text);
        slack_put_section(&text, json);
    }
    slack_put_parts(texts, json);
    slack_put_context(input, texts, json);
    strbuf_free(&text);
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
        const struct payload_texts *texts = &input->texts[i];
        strbuf_clear(&text);
        slack_put_time(texts->message->time_ms, texts->time, &text);
        strbuf_puts(&text, " ");
        slack_put_escaped(texts->first_line.at, SHORT_MAX, &text);
        slack_put_section(&text, json);
    }
    strbuf_free(&text);
}

/* The plain text is all that a phone's notification shows, and a client without blocks. */
static void slack_put_plain_text(const struct payload_input *input, struct json_writer *json)
{
    const struct payload_texts *newest = &input->texts[input->count - 1];
    struct strbuf text = { 0 };
    slack_put_escaped(newest->first_line.at, input->length == PAYLOAD_SHORTEST ? SHORT_MAX : TEXT_MAX - 200, &text);
    if (input->count > 1)
        strbuf_printf(&text, " (and %zu before)", input->count - 1);
    json_put_text(json, "text", text.at);
    strbuf_free(&text);
}

void format_slack(const struct payload_input *input, struct json_writer *json)
{
    json_open(json, NULL, '{');
    slack_put_plain_text(input, json);
    if (input->length == PAYLOAD_FULL) {
        json_open(json, "blocks", '[');
        if (input->count == 1)
            slack_put_single(input, json);
        else
            slack_put_combined(input, json);
        json_close(json, ']');
    }
    json_close(json, '}');
}

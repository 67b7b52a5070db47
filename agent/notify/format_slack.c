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
    return escape_of(byte) != NULL ? strlen(escape_of(byte))
           : utf8_continues(byte)  ? 0
                                   : 1; /* a byte that continues a character was counted with its first one */
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

static void put_comma(struct strbuf *list)
{
    if (list->len > 1)
        strbuf_puts(list, ",");
}

static void put_header(const struct payload_job *job, const char *text, struct strbuf *blocks)
{
    struct strbuf cut = { 0 };

    cut_chars(text, HEADER_MAX, &cut);
    const char *const texts[] = { cut.at };
    put_comma(blocks);
    json_select(job->maker,
                "SELECT json_object('type', 'header', 'text', json_object('type', 'plain_text', 'text', ?1))", texts, 1,
                blocks);
    strbuf_free(&cut);
}

static void put_section(const struct payload_job *job, const struct strbuf *mrkdwn, struct strbuf *blocks)
{
    const char *const texts[] = { strbuf_text(mrkdwn) };

    put_comma(blocks);
    json_select(job->maker, "SELECT json_object('type', 'section', 'text', json_object('type', 'mrkdwn', 'text', ?1))",
                texts, 1, blocks);
}

static void put_field(const struct payload_job *job, const char *name, const char *value, struct strbuf *fields)
{
    struct strbuf mrkdwn = { 0 };

    if (value && value[0] != '\0') {
        strbuf_printf(&mrkdwn, "*%s*\n", name);
        put_escaped(value, FIELD_MAX - strlen(name) - 3, &mrkdwn);
        const char *const texts[] = { mrkdwn.at };
        put_comma(fields);
        json_select(job->maker, "SELECT json_object('type', 'mrkdwn', 'text', ?1)", texts, 1, fields);
    }
    strbuf_free(&mrkdwn);
}

static void put_fields(const struct payload_job *job, const struct facts *facts, struct strbuf *blocks)
{
    const struct message *message = facts->message;
    struct strbuf fields = { 0 };

    strbuf_puts(&fields, "[");
    put_field(job, "Tables", facts_text(&facts->tables), &fields);
    put_field(job, "Runbook", facts->runbook, &fields);
    put_field(job, "Scenario", message->scenario, &fields);
    put_field(job, "Likely cause", facts_text(&facts->cause), &fields);
    put_field(job, "First command", facts_text(&facts->first_command), &fields);
    put_field(job, "Escalate to", message->escalate_to, &fields);
    put_field(job, "Prometheus would have fired", facts->prometheus, &fields);
    put_field(job, "Since", facts->started, &fields);
    strbuf_puts(&fields, "]");
    const char *const texts[] = { fields.at };
    put_comma(blocks);
    json_select(job->maker, "SELECT json_object('type', 'section', 'fields', json(?1))", texts, 1, blocks);
    strbuf_free(&fields);
}

static void put_context(const struct payload_job *job, const struct facts *facts, struct strbuf *blocks)
{
    struct strbuf line = { 0 }, cut = { 0 };

    strbuf_printf(&line, "incident %s on %s, %s, %s", facts->incident, job->origin->host, job->origin->log_path,
                  facts->time);
    put_escaped(line.at, FIELD_MAX, &cut);
    const char *const texts[] = { cut.at };
    put_comma(blocks);
    json_select(
        job->maker,
        "SELECT json_object('type', 'context', 'elements', json_array(json_object('type', 'mrkdwn', 'text', ?1)))",
        texts, 1, blocks);
    strbuf_free(&line);
    strbuf_free(&cut);
}

static void put_single(const struct payload_job *job, struct strbuf *blocks)
{
    const struct facts *facts = &job->facts[0];
    struct strbuf text = { 0 };

    facts_title(facts, &text);
    put_header(job, text.at, blocks);
    if (facts->summary.len > 0) {
        strbuf_clear(&text);
        put_escaped(facts->summary.at, TEXT_MAX, &text);
        put_section(job, &text, blocks);
    }
    put_fields(job, facts, blocks);
    if (facts->evidence.len > 0) {
        strbuf_clear(&text);
        strbuf_puts(&text, "```");
        put_escaped(facts->evidence.at, TEXT_MAX - 6, &text);
        strbuf_puts(&text, "```");
        put_section(job, &text, blocks);
    }
    put_context(job, facts, blocks);
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
static void put_combined(const struct payload_job *job, struct strbuf *blocks)
{
    const size_t most = BLOCKS_MAX - 2;
    size_t first = job->count > most ? job->count - most : 0;
    struct strbuf text = { 0 };

    strbuf_printf(&text, "%zu notifications that could not be delivered before", job->count);
    put_header(job, text.at, blocks);
    if (first > 0) {
        strbuf_clear(&text);
        strbuf_printf(&text, "%zu older ones are left out; `agent incidents` lists all", first);
        put_section(job, &text, blocks);
    }
    for (size_t i = first; i < job->count; i++) {
        strbuf_clear(&text);
        put_line(&job->facts[i], SHORT_MAX, &text);
        put_section(job, &text, blocks);
    }
    strbuf_free(&text);
}

static const char *color_of(const struct message *message)
{
    if (message->status == NOTIFY_RESOLVED)
        return "#2eb67d";
    return message->severity == SEVERITY_CRITICAL ? "#e01e5a" : "#ecb22e";
}

void payload_slack(const struct payload_job *job, struct strbuf *out)
{
    const struct facts *newest = &job->facts[job->count - 1];
    struct strbuf fallback = { 0 }, blocks = { 0 };

    put_line(newest, job->shortest ? SHORT_MAX : TEXT_MAX - 200, &fallback);
    if (job->count > 1)
        strbuf_printf(&fallback, " (and %zu before)", job->count - 1);
    strbuf_puts(&blocks, "[");
    if (job->count == 1)
        put_single(job, &blocks);
    else
        put_combined(job, &blocks);
    strbuf_puts(&blocks, "]");
    const char *const texts[] = { fallback.at, color_of(newest->message), blocks.at };
    json_select(job->maker,
                job->shortest ? "SELECT json_object('text', ?1)"
                              : "SELECT json_object('text', ?1, 'attachments',"
                                " json_array(json_object('color', ?2, 'blocks', json(?3))))",
                texts, job->shortest ? 1 : 3, out);
    strbuf_free(&fallback);
    strbuf_free(&blocks);
}

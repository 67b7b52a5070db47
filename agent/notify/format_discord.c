/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cut.h"
#include "payload_private.h"

/*
 * Discord's limits, in units of UTF-16: a title of 256, a description of 4,096, a field's value of 1,024, and 6,000 for all texts of a
 * message together. What is escaped may double, and so may the backticks of a code block. So cut, no message is longer than 5,900.
 */
enum {
    DISCORD_TITLE_MAX = 256,
    DISCORD_COMMAND_MAX = 700,
    DISCORD_EVIDENCE_MAX = 800,
    DISCORD_VALUE_MAX = 250,
    DISCORD_LINE_MAX = 150, /* of each line where several messages are combined */
    DISCORD_LINES_MAX = 12,
    DISCORD_URL_MAX = 500
};

/* A character that Discord takes for markup is shown as it stands behind a backslash. */
static void discord_add_escaped(const char *text, size_t max_units, struct strbuf *out)
{
    struct strbuf cut = { 0 };
    cut_units(text, max_units, &cut);
    for (const char *at = strbuf_text(&cut); *at != '\0'; at++) {
        strbuf_puts(out, strchr("\\*_~`|>#[]()<:@-", *at) ? "\\" : "");
        strbuf_add(out, at, 1);
    }
    strbuf_free(&cut);
}

static void discord_add_code(const char *text, size_t max_units, struct strbuf *out)
{
    struct strbuf cut = { 0 };
    cut_units(text, max_units, &cut);
    strbuf_puts(out, "```\n");
    payload_add_fenced(strbuf_text(&cut), out);
    strbuf_puts(out, "\n```\n");
    strbuf_free(&cut);
}

static void discord_put_field(const char *name, const char *text, struct json_writer *json)
{
    struct strbuf value = { 0 };
    discord_add_escaped(text, DISCORD_VALUE_MAX, &value);
    json_open(json, NULL, '{');
    json_put_text(json, "name", name);
    json_put_text(json, "value", value.at);
    json_close(json, '}');
    strbuf_free(&value);
}

/* "[Runbook](https://...) [Dashboard](https://...)"; the longest URLs are left out. */
static void discord_add_links(const struct payload_texts *texts, struct strbuf *out)
{
    for (int page = 0; page < PAGES; page++)
        if (texts->urls[page].len > 0 && texts->urls[page].len <= DISCORD_URL_MAX)
            strbuf_printf(out, "[%s](%s) ", payload_page_name((enum payload_page)page), texts->urls[page].at);
}

static void discord_put_description(const struct payload_input *input, const struct payload_part *parts, size_t count,
                                    struct json_writer *json)
{
    struct strbuf text = { 0 };
    for (size_t i = 0; i < count; i++)
        if (parts[i].kind == PART_COMMAND || parts[i].kind == PART_EVIDENCE)
            discord_add_code(parts[i].text, parts[i].kind == PART_COMMAND ? DISCORD_COMMAND_MAX : DISCORD_EVIDENCE_MAX,
                             &text);
    for (size_t i = payload_first_shown(input, DISCORD_LINES_MAX); i < input->count && input->count > 1; i++) {
        discord_add_escaped(input->texts[i].first_line.at, DISCORD_LINE_MAX, &text);
        strbuf_puts(&text, "\n");
    }
    json_put_given(json, "description", text.at);
    strbuf_free(&text);
}

static void discord_put_fields(const struct payload_input *input, const struct payload_part *parts, size_t count,
                               struct json_writer *json)
{
    struct strbuf links = { 0 };
    json_open(json, "fields", '[');
    for (size_t i = 0; i < count; i++)
        if (parts[i].kind == PART_WORDS || parts[i].kind == PART_LIST || parts[i].kind == PART_SMALL)
            discord_put_field(parts[i].name, parts[i].text, json);
    discord_add_links(&input->texts[input->count - 1], &links);
    if (links.len > 0 && links.len <= 2 * DISCORD_URL_MAX) {
        json_open(json, NULL, '{');
        json_put_text(json, "name", "Links");
        json_put_text(json, "value", links.at);
        json_close(json, '}');
    }
    json_close(json, ']');
    strbuf_free(&links);
}

void format_discord(const struct payload_input *input, struct json_writer *json)
{
    static const int64_t colors[] = { [TONE_WELL] = 0x2eb67d, [TONE_WARNING] = 0xecb22e, [TONE_CRITICAL] = 0xe01e5a };
    const struct payload_texts *newest = &input->texts[input->count - 1];
    struct payload_part parts[PARTS_MAX];
    struct strbuf headline = { 0 }, title = { 0 };
    size_t count = input->count == 1 && input->length == PAYLOAD_FULL ? payload_parts(newest, parts) : 0;
    payload_put_headline(input, &headline);
    cut_units(headline.at, DISCORD_TITLE_MAX, &title);
    json_open(json, NULL, '{');
    json_open(json, "embeds", '[');
    json_open(json, NULL, '{');
    json_put_text(json, "title", title.at);
    json_put_given(json, "url", payload_best_page(newest));
    json_put_int(json, "color", colors[payload_tone_of(newest->message)]);
    json_put_text(json, "timestamp", newest->time);
    discord_put_description(input, parts, count, json);
    discord_put_fields(input, parts, count, json);
    json_close(json, '}');
    json_close(json, ']');
    json_open(json, "allowed_mentions", '{'); /* no text from a log calls people */
    json_open(json, "parse", '[');
    json_close(json, ']');
    json_close(json, '}');
    json_close(json, '}');
    strbuf_free(&headline);
    strbuf_free(&title);
}

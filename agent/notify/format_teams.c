/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"
#include "payload_private.h"

/*
 * A message for the URL of a Teams workflow, with an Adaptive Card in it. Runs of text are used where the text comes from elsewhere,
 * because they are shown as they stand, while a TextBlock takes Markdown.
 *
 * Teams refuses a message of more than 28 KB. A byte of text may become six in JSON, so all texts together stay below 4,000 bytes,
 * and their links are left out if they are long.
 */
enum {
    TEAMS_LINE_MAX_BYTES = 600,
    TEAMS_COMMAND_MAX_BYTES = 700,
    TEAMS_EVIDENCE_MAX_BYTES = 800,
    TEAMS_WORDS_MAX_BYTES = 300,
    TEAMS_SHORT_MAX_BYTES = 200, /* of each line where several messages are combined */
    TEAMS_LINES_MAX = 15,
    TEAMS_URL_MAX = 600
};

struct teams_look {
    const char *size, *color, *font; /* NULL: the usual one */
    bool is_bold, is_subtle;
};

static void teams_put_run(const char *text, size_t max_bytes, const struct teams_look *look, struct json_writer *json)
{
    char cut[TEAMS_EVIDENCE_MAX_BYTES + 1];
    cut_copy(text, cut, max_bytes + 1);
    json_open(json, NULL, '{');
    json_put_text(json, "type", "TextRun");
    json_put_text(json, "text", cut);
    json_put_given(json, "size", look->size);
    json_put_given(json, "color", look->color);
    json_put_given(json, "fontType", look->font);
    if (look->is_bold)
        json_put_text(json, "weight", "Bolder");
    if (look->is_subtle)
        json_put_bool(json, "isSubtle", true);
    json_close(json, '}');
}

/* A paragraph: a name in bold, if there is one, and the text. */
static void teams_put_paragraph(const char *name, const char *text, size_t max_bytes, const struct teams_look *look,
                                struct json_writer *json)
{
    static const struct teams_look bold = { .is_bold = true };
    json_open(json, NULL, '{');
    json_put_text(json, "type", "RichTextBlock");
    json_open(json, "inlines", '[');
    if (name) {
        struct strbuf label = { 0 };
        strbuf_printf(&label, "%s: ", name);
        teams_put_run(label.at, TEAMS_WORDS_MAX_BYTES, &bold, json);
        strbuf_free(&label);
    }
    teams_put_run(text, max_bytes, look, json);
    json_close(json, ']');
    json_close(json, '}');
}

static void teams_put_part(const struct payload_part *part, struct json_writer *json)
{
    static const struct teams_look words = { 0 }, code = { .font = "Monospace" },
                                   small = { .size = "Small", .is_subtle = true };
    switch (part->kind) {
    case PART_LIST:
    case PART_WORDS: teams_put_paragraph(part->name, part->text, TEAMS_WORDS_MAX_BYTES, &words, json); break;
    case PART_COMMAND: teams_put_paragraph(NULL, part->text, TEAMS_COMMAND_MAX_BYTES, &code, json); break;
    case PART_EVIDENCE: teams_put_paragraph(NULL, part->text, TEAMS_EVIDENCE_MAX_BYTES, &code, json); break;
    case PART_SMALL: teams_put_paragraph(part->name, part->text, TEAMS_WORDS_MAX_BYTES, &small, json); break;
    }
}

static void teams_put_body(const struct payload_input *input, struct json_writer *json)
{
    static const char *const colors[] = {
        [TONE_WELL] = "Good", [TONE_WARNING] = "Warning", [TONE_CRITICAL] = "Attention"
    };
    static const struct teams_look words = { 0 };
    const struct payload_texts *newest = &input->texts[input->count - 1];
    const struct teams_look title = { .size = "Large",
                                      .color = colors[payload_tone_of(newest->message)],
                                      .is_bold = true };
    struct payload_part parts[PARTS_MAX];
    struct strbuf headline = { 0 };
    size_t count = input->count == 1 && input->length == PAYLOAD_FULL ? payload_parts(newest, parts) : 0;
    payload_put_headline(input, &headline);
    json_open(json, "body", '[');
    teams_put_paragraph(NULL, headline.at, TEAMS_LINE_MAX_BYTES, &title, json);
    for (size_t i = 0; i < count; i++)
        teams_put_part(&parts[i], json);
    for (size_t i = payload_first_shown(input, TEAMS_LINES_MAX); i < input->count && input->count > 1; i++)
        teams_put_paragraph(NULL, input->texts[i].first_line.at, TEAMS_SHORT_MAX_BYTES, &words, json);
    json_close(json, ']');
    strbuf_free(&headline);
}

static void teams_put_actions(const struct payload_texts *texts, struct json_writer *json)
{
    json_open(json, "actions", '[');
    for (int page = 0; page < PAGES; page++) {
        if (texts->urls[page].len == 0 || texts->urls[page].len > TEAMS_URL_MAX)
            continue;
        json_open(json, NULL, '{');
        json_put_text(json, "type", "Action.OpenUrl");
        json_put_text(json, "title", payload_page_name((enum payload_page)page));
        json_put_text(json, "url", texts->urls[page].at);
        json_close(json, '}');
    }
    json_close(json, ']');
}

void format_teams(const struct payload_input *input, struct json_writer *json)
{
    json_open(json, NULL, '{');
    json_put_text(json, "type", "message");
    json_open(json, "attachments", '[');
    json_open(json, NULL, '{');
    json_put_text(json, "contentType", "application/vnd.microsoft.card.adaptive");
    json_put_null(json, "contentUrl");
    json_open(json, "content", '{');
    json_put_text(json, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
    json_put_text(json, "type", "AdaptiveCard");
    json_put_text(json, "version", "1.4");
    teams_put_body(input, json);
    teams_put_actions(&input->texts[input->count - 1], json);
    json_open(json, "msteams", '{');
    json_put_text(json, "width", "Full");
    json_close(json, '}');
    json_close(json, '}');
    json_close(json, '}');
    json_close(json, ']');
    json_close(json, '}');
}

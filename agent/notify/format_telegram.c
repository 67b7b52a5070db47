/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cut.h"
#include "payload_private.h"

/*
 * The body of sendMessage of Telegram's Bot API, without the bot's token, which the sender puts into the URL. A message has at most
 * 4,096 units of UTF-16 after its markup was taken away. So cut, none has more than 3,900.
 */
enum {
    TELEGRAM_LINE_MAX = 400,
    TELEGRAM_COMMAND_MAX = 700,
    TELEGRAM_EVIDENCE_MAX = 900,
    TELEGRAM_WORDS_MAX = 250,
    TELEGRAM_SHORT_MAX = 250, /* of each line where several messages are combined */
    TELEGRAM_LINES_MAX = 12
};

/* Text inside HTML, in which Telegram knows four named characters. */
static void telegram_add(const char *text, size_t max_units, struct strbuf *out)
{
    struct strbuf cut = { 0 };
    cut_units(text, max_units, &cut);
    for (const char *at = strbuf_text(&cut); *at != '\0'; at++) {
        switch (*at) {
        case '&': strbuf_puts(out, "&amp;"); break;
        case '<': strbuf_puts(out, "&lt;"); break;
        case '>': strbuf_puts(out, "&gt;"); break;
        case '"': strbuf_puts(out, "&quot;"); break;
        default: strbuf_add(out, at, 1); break;
        }
    }
    strbuf_free(&cut);
}

static void telegram_add_part(const struct payload_part *part, struct strbuf *out)
{
    bool is_code = part->kind == PART_COMMAND || part->kind == PART_EVIDENCE;
    size_t most = part->kind == PART_COMMAND    ? TELEGRAM_COMMAND_MAX
                  : part->kind == PART_EVIDENCE ? TELEGRAM_EVIDENCE_MAX
                                                : TELEGRAM_WORDS_MAX;
    strbuf_puts(out, "\n");
    if (!is_code)
        strbuf_printf(out, "<b>%s:</b> ", part->name);
    strbuf_puts(out, is_code ? "<pre>" : "");
    telegram_add(part->text, most, out);
    strbuf_puts(out, is_code ? "</pre>" : "");
}

static void telegram_add_links(const struct payload_texts *texts, struct strbuf *out)
{
    const char *before = "\n";
    for (int page = 0; page < PAGES; page++) {
        if (texts->urls[page].len == 0)
            continue;
        strbuf_printf(out, "%s<a href=\"", before);
        telegram_add(texts->urls[page].at, texts->urls[page].len, out);
        strbuf_printf(out, "\">%s</a>", payload_page_name((enum payload_page)page));
        before = " | ";
    }
}

static void telegram_add_text(const struct payload_input *input, struct strbuf *out)
{
    const struct payload_texts *newest = &input->texts[input->count - 1];
    struct payload_part parts[PARTS_MAX];
    struct strbuf headline = { 0 };
    payload_put_headline(input, &headline);
    strbuf_puts(out, "<b>");
    telegram_add(headline.at, TELEGRAM_LINE_MAX, out);
    strbuf_puts(out, "</b>");
    for (size_t i = payload_first_shown(input, TELEGRAM_LINES_MAX); i < input->count && input->count > 1; i++) {
        strbuf_puts(out, "\n");
        telegram_add(input->texts[i].first_line.at, TELEGRAM_SHORT_MAX, out);
    }
    if (input->count == 1 && input->length == PAYLOAD_FULL) {
        size_t count = payload_parts(newest, parts);
        for (size_t i = 0; i < count; i++)
            telegram_add_part(&parts[i], out);
        telegram_add_links(newest, out);
    }
    strbuf_free(&headline);
}

void format_telegram(const struct payload_input *input, struct json_writer *json)
{
    struct strbuf text = { 0 };
    telegram_add_text(input, &text);
    json_open(json, NULL, '{');
    json_put_text(json, "chat_id", input->webhook->chat);
    json_put_text(json, "text", text.at);
    json_put_text(json, "parse_mode", "HTML");
    json_open(json, "link_preview_options", '{');
    json_put_bool(json, "is_disabled", true);
    json_close(json, '}');
    json_close(json, '}');
    strbuf_free(&text);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cut.h"
#include "payload_private.h"

/*
 * A message of ntfy, published as JSON to the server's own URL. In bytes: the server makes an attachment of what is longer than 4,096,
 * and a phone shows only the beginning of a title. A message has at most three buttons.
 */
enum { NTFY_MESSAGE_MAX_BYTES = 4096, NTFY_TITLE_MAX_BYTES = 250, NTFY_LINE_MAX_BYTES = 300, NTFY_LINES_MAX = 12 };
enum { NTFY_ACTIONS_MAX = 3 };

static int64_t ntfy_priority(const struct payload_input *input, enum payload_tone tone)
{
    static const int64_t by_tone[] = { [TONE_WELL] = 3, [TONE_WARNING] = 4, [TONE_CRITICAL] = 5 };
    bool chosen = input->webhook->priority != 0 && tone != TONE_WELL;
    return chosen ? input->webhook->priority : by_tone[tone];
}

static void ntfy_put_cut(struct json_writer *json, const char *key, const char *text, size_t max_bytes)
{
    char cut[NTFY_MESSAGE_MAX_BYTES + 1];
    cut_copy(text, cut, max_bytes + 1);
    json_put_text(json, key, cut);
}

/* A line for each of several messages, or what there is to say of the one. */
static void ntfy_put_message(const struct payload_input *input, struct json_writer *json)
{
    const struct payload_texts *texts = &input->texts[input->count - 1];
    struct strbuf message = { 0 };
    for (size_t i = payload_first_shown(input, NTFY_LINES_MAX); i < input->count && input->count > 1; i++) {
        char line[NTFY_LINE_MAX_BYTES + 1];
        cut_copy(input->texts[i].first_line.at, line, sizeof line);
        strbuf_printf(&message, "%s%s", message.len > 0 ? "\n" : "", line);
    }
    if (input->count == 1 && input->length == PAYLOAD_FULL)
        strbuf_puts(&message, strbuf_text(&texts->details));
    const char *text = message.len > 0 ? message.at : texts->first_line.at;
    ntfy_put_cut(json, "message", text, input->length == PAYLOAD_FULL ? NTFY_MESSAGE_MAX_BYTES : NTFY_LINE_MAX_BYTES);
    strbuf_free(&message);
}

static void ntfy_put_actions(const struct payload_texts *texts, struct json_writer *json)
{
    const char *clicked = payload_best_page(texts); /* a tap on the message opens it */
    int count = 0;
    if (!clicked)
        return;
    json_open(json, "actions", '[');
    for (int page = 0; page < PAGES && count < NTFY_ACTIONS_MAX; page++) {
        if (texts->urls[page].len == 0 || texts->urls[page].at == clicked)
            continue;
        json_open(json, NULL, '{');
        json_put_text(json, "action", "view");
        json_put_text(json, "label", payload_page_name((enum payload_page)page));
        json_put_text(json, "url", texts->urls[page].at);
        json_close(json, '}');
        count++;
    }
    json_close(json, ']');
}

void format_ntfy(const struct payload_input *input, struct json_writer *json)
{
    static const char *const tags[] = {
        [TONE_WELL] = "white_check_mark", [TONE_WARNING] = "warning", [TONE_CRITICAL] = "rotating_light"
    };
    const struct payload_texts *newest = &input->texts[input->count - 1];
    enum payload_tone tone = payload_tone_of(newest->message);
    struct strbuf title = { 0 };
    payload_put_headline(input, &title);
    json_open(json, NULL, '{');
    json_put_text(json, "topic", input->webhook->topic);
    ntfy_put_cut(json, "title", title.at, NTFY_TITLE_MAX_BYTES);
    ntfy_put_message(input, json);
    json_put_int(json, "priority", ntfy_priority(input, tone));
    json_put_texts(json, "tags", &tags[tone], 1);
    json_put_given(json, "click", payload_best_page(newest));
    ntfy_put_actions(newest, json);
    json_close(json, '}');
    strbuf_free(&title);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/cut.h"
#include "config_keys.h"
#include "mail_text.h"
#include "payload_private.h"

/*
 * An e-mail: headers, and the same content as text and as HTML. The messages about one incident are a thread. Each is named after the
 * incident and its place in it, "<HASH.2@example.com>", so a later one can refer to all before it, whether or not they were sent
 * here, and after a restart as well.
 */
enum {
    SUBJECT_MAX = 250,      /* characters */
    REFERENCES_MAX = 10,    /* messages before this one that are named, and the incident's first */
    COMBINED_SHOWN_MAX = 50 /* lines where several messages are combined */
};

/* --- headers ------------------------------------------------------------------------------------------------- */

static void email_put_address_list(const char *header, char *const *texts, size_t count, struct strbuf *out)
{
    strbuf_printf(out, "%s:", header);
    for (size_t i = 0; i < count; i++) {
        struct slice name, address;
        mail_address_split(texts[i], &name, &address);
        strbuf_puts(out, i > 0 ? ",\r\n " : " ");
        if (name.len > 0) {
            mail_put_display_name(name, out);
            strbuf_puts(out, "\r\n ");
        }
        strbuf_printf(out, "<%.*s>", (int)address.len, address.at);
    }
    strbuf_puts(out, "\r\n");
}

/* "<0123456789abcdef.2@example.com>"; the domain is the sender's. */
static void email_add_id(const struct payload_input *input, const struct payload_texts *texts, int64_t sequence,
                         struct strbuf *out)
{
    struct slice name, address;
    char hash[17];
    payload_hash(texts->dedup_key.at, hash);
    mail_address_split(input->webhook->from, &name, &address);
    const char *domain = memchr(address.at, '@', address.len);
    strbuf_printf(out, "<%s.%" PRId64 "%.*s>", hash, sequence, (int)(address.at + address.len - domain), domain);
}

/* The messages before this one in its incident: the first one, which is the thread's root, and the newest ones. */
static void email_put_references(const struct payload_input *input, struct strbuf *out)
{
    const struct payload_texts *texts = &input->texts[input->count - 1];
    int64_t sequence = texts->message->sequence;
    if (sequence <= 1)
        return;
    strbuf_puts(out, "In-Reply-To: ");
    email_add_id(input, texts, 1, out);
    strbuf_puts(out, "\r\nReferences: ");
    email_add_id(input, texts, 1, out);
    for (int64_t before = sequence - REFERENCES_MAX > 2 ? sequence - REFERENCES_MAX : 2; before < sequence; before++) {
        strbuf_puts(out, "\r\n ");
        email_add_id(input, texts, before, out);
    }
    strbuf_puts(out, "\r\n");
}

static void email_put_headers(const struct payload_input *input, const char *headline, const char *boundary,
                              struct strbuf *out)
{
    const struct payload_texts *newest = &input->texts[input->count - 1];
    struct strbuf subject = { 0 };
    cut_chars(headline, SUBJECT_MAX, &subject);
    email_put_address_list("From", &input->webhook->from, 1, out);
    email_put_address_list("To", input->webhook->to.texts, input->webhook->to.count, out);
    mail_put_header("Subject", subject.at, out);
    strbuf_puts(out, "Date: ");
    mail_put_date(input->now_ms, out);
    strbuf_puts(out, "\r\nMessage-ID: ");
    email_add_id(input, newest, newest->message->sequence, out);
    strbuf_puts(out, "\r\n");
    email_put_references(input, out);
    strbuf_puts(out, "Auto-Submitted: auto-generated\r\n");
    if (payload_tone_of(newest->message) == TONE_CRITICAL)
        strbuf_puts(out, "Importance: high\r\n");
    strbuf_puts(out, "MIME-Version: 1.0\r\n");
    strbuf_printf(out, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", boundary);
    strbuf_free(&subject);
}

/* --- text ---------------------------------------------------------------------------------------------------- */

/* Each line of text behind four blanks, so that a command or a line of the log is seen as one. */
static void email_add_indented(const char *text, struct strbuf *out)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        strbuf_printf(out, "    %.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void email_add_text_parts(const struct payload_texts *texts, struct strbuf *out)
{
    struct payload_part parts[PARTS_MAX];
    size_t count = payload_parts(texts, parts);
    for (size_t i = 0; i < count; i++) {
        bool is_code = parts[i].kind == PART_COMMAND || parts[i].kind == PART_EVIDENCE;
        strbuf_printf(out, "%s%s:", is_code && i > 0 ? "\n" : "", parts[i].name);
        if (is_code) {
            strbuf_puts(out, "\n\n");
            email_add_indented(parts[i].text, out);
            strbuf_puts(out, "\n");
        } else {
            strbuf_printf(out, " %s\n", parts[i].text);
        }
    }
    for (int page = 0; page < PAGES; page++)
        if (texts->urls[page].len > 0)
            strbuf_printf(out, "%s: %s\n", payload_page_name((enum payload_page)page), texts->urls[page].at);
}

static void email_add_footer(const struct payload_input *input, const struct payload_texts *texts, struct strbuf *out)
{
    const struct message *message = texts->message;
    strbuf_printf(out, "%s, ", severity_name(message->severity));
    if (message->incident_id != 0)
        strbuf_printf(out, "incident %s, ", texts->incident);
    strbuf_printf(out, "%s, host %s, log %s", texts->alert, input->origin->host, input->origin->log_path);
}

static void email_add_text(const struct payload_input *input, const char *headline, struct strbuf *out)
{
    const struct payload_texts *newest = &input->texts[input->count - 1];
    strbuf_printf(out, "%s\n\n", headline);
    for (size_t i = payload_first_shown(input, COMBINED_SHOWN_MAX); i < input->count && input->count > 1; i++)
        strbuf_printf(out, "%s  %s\n", input->texts[i].time, input->texts[i].first_line.at);
    if (input->count == 1 && input->length == PAYLOAD_FULL)
        email_add_text_parts(newest, out);
    strbuf_puts(out, "\n-- \n");
    email_add_footer(input, newest, out);
    strbuf_puts(out, "\n");
}

/* --- HTML ---------------------------------------------------------------------------------------------------- */

static void email_add_html_part(const struct payload_texts *texts, const struct payload_part *part, struct strbuf *out)
{
    bool is_code = part->kind == PART_COMMAND || part->kind == PART_EVIDENCE;
    bool is_since = part->text == texts->since.at;
    strbuf_printf(out, "<p%s><b>%s</b>", part->kind == PART_SMALL ? " style=\"font-size:small;margin:4px 0\"" : "",
                  part->name);
    strbuf_puts(out, is_code ? "</p>\n<pre style=\"border:1px solid #999;padding:8px;white-space:pre-wrap\">" : " ");
    if (is_since) {
        strbuf_puts(out, "<time datetime=\"");
        mail_put_html(texts->since_time, out);
        strbuf_puts(out, "\">");
    }
    mail_put_html(part->text, out);
    strbuf_puts(out, is_since ? "</time></p>\n" : is_code ? "</pre>\n" : "</p>\n");
}

static void email_add_html_links(const struct payload_texts *texts, struct strbuf *out)
{
    if (!payload_best_page(texts))
        return;
    strbuf_puts(out, "<p>");
    for (int page = 0; page < PAGES; page++) {
        if (texts->urls[page].len == 0)
            continue;
        strbuf_puts(out, "<a href=\"");
        mail_put_html(texts->urls[page].at, out);
        strbuf_printf(out, "\">%s</a> ", payload_page_name((enum payload_page)page));
    }
    strbuf_puts(out, "</p>\n");
}

static void email_add_html(const struct payload_input *input, const char *headline, struct strbuf *out)
{
    static const char *const colors[] = {
        [TONE_WELL] = "#2eb67d", [TONE_WARNING] = "#ecb22e", [TONE_CRITICAL] = "#e01e5a"
    };
    const struct payload_texts *newest = &input->texts[input->count - 1];
    struct payload_part parts[PARTS_MAX];
    struct strbuf footer = { 0 };
    size_t count = input->count == 1 && input->length == PAYLOAD_FULL ? payload_parts(newest, parts) : 0;
    strbuf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    mail_put_html(headline, out);
    strbuf_printf(out,
                  "</title></head>\n<body style=\"font-family:sans-serif\">\n<h2 style=\"border-left:6px solid %s;"
                  "padding-left:10px;font-size:18px\">",
                  colors[payload_tone_of(newest->message)]);
    mail_put_html(headline, out);
    strbuf_puts(out, "</h2>\n");
    for (size_t i = 0; i < count; i++)
        email_add_html_part(newest, &parts[i], out);
    for (size_t i = payload_first_shown(input, COMBINED_SHOWN_MAX); i < input->count && input->count > 1; i++) {
        strbuf_printf(out, "<p><time datetime=\"%s\">%s</time> ", input->texts[i].time, input->texts[i].time);
        mail_put_html(input->texts[i].first_line.at, out);
        strbuf_puts(out, "</p>\n");
    }
    email_add_html_links(newest, out);
    email_add_footer(input, newest, &footer);
    strbuf_puts(out, "<p style=\"font-size:small;color:#666\">");
    mail_put_html(footer.at, out);
    strbuf_puts(out, "</p>\n</body></html>\n");
    strbuf_free(&footer);
}

/* --- the message --------------------------------------------------------------------------------------------- */

static void email_put_part(const char *type, const char *boundary, const struct strbuf *content, struct strbuf *out)
{
    strbuf_printf(out, "--%s\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
                  boundary, type);
    mail_put_quoted_printable(strbuf_text(content), out);
    strbuf_puts(out, "\r\n");
}

void format_email(const struct payload_input *input, struct json_writer *json)
{
    const struct payload_texts *newest = &input->texts[input->count - 1];
    struct strbuf *out = json->out;
    struct strbuf headline = { 0 }, text = { 0 }, html = { 0 };
    char hash[17], boundary[32] = "=_"; /* in quoted-printable, "=_" stands nowhere */
    payload_hash(newest->dedup_key.at, hash);
    strcat(boundary, hash);
    payload_put_headline(input, &headline);
    email_put_headers(input, headline.at, boundary, out);
    email_add_text(input, headline.at, &text);
    email_put_part("text/plain", boundary, &text, out);
    email_add_html(input, headline.at, &html);
    email_put_part("text/html", boundary, &html, out);
    strbuf_printf(out, "--%s--\r\n", boundary);
    strbuf_free(&headline);
    strbuf_free(&text);
    strbuf_free(&html);
}

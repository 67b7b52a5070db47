/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of every page. */
#include "agent/commands/report/html_style.h"
#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/parse_time.h"
#include "agent/commands/show/table.h"
#include "base/budgets.h"
#include "site.h"

void page_text(struct strbuf *out, const char *before, const char *text, const char *after)
{
    strbuf_puts(out, before);
    escape_puts(out, text, ESCAPE_HTML);
    strbuf_puts(out, after);
}

void page_lines(struct strbuf *out, const char *before, const char *text, const char *after)
{
    strbuf_puts(out, before);
    while (*text) {
        size_t len = strcspn(text, "\n");
        escape_put(out, (struct slice){ text, len }, ESCAPE_HTML);
        text += len + (text[len] == '\n');
        strbuf_puts(out, *text ? "\n" : "");
    }
    strbuf_puts(out, after);
}

const char *page_tone(enum tone tone)
{
    return tone == TONE_GOOD ? "good" : tone == TONE_WARNING ? "warning" : tone == TONE_CRITICAL ? "critical" : "plain";
}

/* When the page was made stands on it, since a page that could not be fetched again looks as it did. The script counts on from there. */
static void put_age(const struct page_head *head, struct strbuf *out)
{
    int64_t now_ms = show_now_ms();
    int offset = format_offset(now_ms);
    strbuf_puts(out, "<p class=\"eyebrow\">made at ");
    format_time(out, now_ms, offset);
    strbuf_puts(out, " ");
    format_offset_words(out, offset);
    if (head->as_of_ms && now_ms - head->as_of_ms >= 1000) {
        strbuf_puts(out, " of what was known ");
        format_duration(out, (now_ms - head->as_of_ms) / 1000 * 1000);
        strbuf_puts(out, " before");
    }
    strbuf_puts(out, head->refresh_ms ? "<span id=\"age\"></span></p>\n" : "</p>\n");
}

static void put_document_head(const struct site *site, const struct page_head *head, struct strbuf *out)
{
    strbuf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page_text(out, "<title>", head->title, " - ");
    page_text(out, "", site->title, "</title>\n");
    strbuf_puts(out, "<link rel=\"stylesheet\" href=\"/style.css\">\n<link rel=\"icon\" href=\"/icon.svg\">\n");
    if (head->refresh_ms)
        report_refresh(head->refresh_ms, out);
    strbuf_puts(out, "</head>\n");
}

void page_begin(const struct site *site, const struct page_head *head, struct strbuf *out)
{
    const char *tone = page_tone(head->tone);
    put_document_head(site, head, out);
    strbuf_printf(out, "<body>\n<main>\n<header class=\"%s\">\n", tone);
    report_navigation(head->here, out);
    strbuf_puts(out, "<p class=\"eyebrow\">");
    if (head->badge)
        strbuf_printf(out, "<span class=\"badge %s\">%s</span>", tone, head->badge);
    page_text(out, "", site->title, "</p>\n");
    page_text(out, head->heading ? "<h1 class=\"words\">" : "<h1>", head->heading ? head->heading : head->title,
              "</h1>\n");
    if (head->headline)
        page_text(out, "<p class=\"headline\">", head->headline, "</p>\n");
    put_age(head, out);
    strbuf_puts(out, "</header>\n");
}

bool page_table_address(const char *table, struct strbuf *out)
{
    static const char path[] = "/tables/";
    size_t before = out->len;
    strbuf_puts(out, path);
    request_put_name(table, out);
    /* A browser takes the dots for steps in the path. */
    bool has = *table && strcmp(table, ".") != 0 && strcmp(table, "..") != 0 &&
               out->len - before + sizeof "?span=month" <= SERVE_URL_MAX_BYTES;
    if (!has)
        out->at[out->len = before] = '\0';
    return has;
}

void page_table_cell(struct show_table *cells, const char *table)
{
    struct strbuf address = { 0 };
    if (page_table_address(table, &address))
        show_table_cell_link(cells, TONE_PLAIN, table, address.at);
    else
        show_table_cell(cells, TONE_PLAIN, table);
    strbuf_free(&address);
}

void page_field(const struct request *request, enum parameter parameter, const char *label, struct strbuf *out)
{
    strbuf_printf(out, "<label>%s <input name=\"%s\" value=\"", label, request_parameter_name(parameter));
    page_text(out, "", request->values[parameter], "\"></label>\n");
}

static bool page_time(const struct request *request, enum parameter parameter, enum time_edge edge, int64_t *ms,
                      struct strbuf *why)
{
    const char *text = request->values[parameter];
    if (!text || parse_time(text, show_now_ms(), edge, ms))
        return true;
    strbuf_printf(why, "%s: '%s' is no time: say 2h, 7d, yesterday, 2026-03-03 or 2026-03-03 10:15",
                  request_parameter_name(parameter), text);
    return false;
}

bool page_period(const struct request *request, int64_t *since_ms, int64_t *until_ms, struct strbuf *why)
{
    if (!page_time(request, PARAMETER_SINCE, TIME_SINCE, since_ms, why) ||
        !page_time(request, PARAMETER_UNTIL, TIME_UNTIL, until_ms, why))
        return false;
    if (*since_ms >= *until_ms)
        strbuf_puts(why, "The period ends before it begins.");
    return *since_ms < *until_ms;
}

void page_end(struct strbuf *out)
{
    strbuf_puts(out, "<footer>Made from the agent's history by agent " AGENT_VERSION
                     ".</footer>\n</main>\n</body>\n</html>\n");
}

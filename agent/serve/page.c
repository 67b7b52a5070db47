/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of every page. */
#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "site.h"

enum { REFRESH_S = 60 };

void page_text(struct strbuf *out, const char *before, const char *text, const char *after)
{
    strbuf_puts(out, before);
    escape_puts(out, text, ESCAPE_HTML);
    strbuf_puts(out, after);
}

static const char *page_tone(enum tone tone)
{
    return tone == TONE_GOOD ? "good" : tone == TONE_WARNING ? "warning" : tone == TONE_CRITICAL ? "critical" : "plain";
}

/* When the page was made stands on it, since a page that could not be fetched again looks as it did. */
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
    if (head->refreshes)
        strbuf_printf(out, "; it is made anew every %d s", REFRESH_S);
    strbuf_puts(out, "</p>\n");
}

void page_begin(const struct site *site, const struct page_head *head, struct strbuf *out)
{
    strbuf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    if (head->refreshes)
        strbuf_printf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n", REFRESH_S);
    page_text(out, "<title>", head->title, " - ");
    page_text(out, "", site->title, "</title>\n");
    strbuf_printf(out,
                  "<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n<main>\n<header class=\"%s\">\n"
                  "<nav class=\"eyebrow\"><a href=\"/\">Status</a> <a href=\"/incidents\">Incidents</a> "
                  "<a href=\"/report?since=7d\">The last week</a></nav>\n",
                  page_tone(head->tone));
    page_text(out, "<p class=\"eyebrow\">", site->title, "</p>\n");
    page_text(out, "<h1>", head->title, "</h1>\n");
    if (head->headline)
        page_text(out, "<p class=\"headline\">", head->headline, "</p>\n");
    put_age(head, out);
    strbuf_puts(out, "</header>\n");
}

void page_end(struct strbuf *out)
{
    strbuf_puts(out, "<footer>Made from the agent's history by agent " AGENT_VERSION
                     ".</footer>\n</main>\n</body>\n</html>\n");
}

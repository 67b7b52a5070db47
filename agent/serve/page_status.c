/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answers that are made from the status: the first page, the JSON, the badge, the health check and the metrics. */
#include <inttypes.h>
#include <stdlib.h>

#include "agent/commands/show/format.h"
#include "agent/commands/status/status.h"
#include "base/text.h"
#include "site.h"

/* The screen of `agent status` has a label in so many columns before each line. A line of this terminal is never wrapped. */
enum { SCREEN_LABEL_COLUMNS = 13, SCREEN_WIDTH = 1 << 20 };

enum { HTTP_OK = 200, HTTP_UNAVAILABLE = 503 };

static enum tone tone_of_level(enum status_level level)
{
    static const enum tone tones[] = { TONE_GOOD, TONE_WARNING, TONE_CRITICAL, TONE_WARNING };
    return tones[level];
}

/* A line without a label goes on with what the line before it began. */
static void put_screen_line(const char *line, size_t len, struct strbuf *out)
{
    size_t label_len = len < SCREEN_LABEL_COLUMNS ? len : SCREEN_LABEL_COLUMNS;
    char *text = must_copy(line + label_len, len - label_len), *label = must_copy(line, label_len);
    size_t end = strlen(label);
    while (end > 0 && label[end - 1] == ' ')
        label[--end] = '\0';
    bool is_command = strcmp(label, "  run first") == 0;
    page_text(out, end ? "<dt>" : "<dt class=\"more\">", label + strspn(label, " "), "</dt>");
    page_text(out, is_command ? "<dd><code>" : "<dd>", text, is_command ? "</code></dd>\n" : "</dd>\n");
    free(label);
    free(text);
}

/* The words of the screen, so that the page says what the command says. */
static void put_screen(const struct status *status, struct strbuf *out)
{
    const struct terminal terminal = { .width = SCREEN_WIDTH, .utf8 = true };
    struct strbuf screen = { 0 };
    status_text(status, &terminal, &screen);
    const char *at = strbuf_text(&screen);
    at += strcspn(at, "\n"); /* the headline stands at the head of the page */
    strbuf_puts(out, "<section class=\"card\">\n<dl class=\"facts\">\n");
    while (*at) {
        size_t len = strcspn(at, "\n");
        if (len > 0)
            put_screen_line(at, len, out);
        at += len + (at[len] == '\n');
    }
    strbuf_puts(out, "</dl>\n</section>\n");
    strbuf_free(&screen);
}

static void put_open_incidents(const struct status *status, struct strbuf *out)
{
    if (status->incident_count == 0)
        return;
    strbuf_puts(out, "<section class=\"card\">\n<h2>Open incidents</h2>\n<ul class=\"asks\">\n");
    for (size_t i = 0; i < status->incident_count; i++) {
        const struct status_incident *incident = &status->incidents[i];
        strbuf_printf(out, "<li><a href=\"/incidents/%" PRId64 "\">Incident %" PRId64 "</a>, ", incident->id,
                      incident->id);
        page_text(out, "", incident->severity, ": ");
        page_text(out, "", incident->summary ? incident->summary : incident->alert, "</li>\n");
    }
    strbuf_puts(out, "</ul>\n</section>\n");
}

static void put_status_page(const struct site *site, const struct status *status, struct strbuf *out)
{
    struct strbuf headline = { 0 };
    status_headline(status, &headline);
    page_begin(site,
               &(struct page_head){ .title = "Status",
                                    .here = "/",
                                    .headline = strbuf_text(&headline),
                                    .tone = tone_of_level(status->level),
                                    .refreshes = true,
                                    .as_of_ms = status->as_of_ms },
               out);
    put_open_incidents(status, out);
    put_screen(status, out);
    page_end(out);
    strbuf_free(&headline);
}

/* Presentation attributes and no style sheet, which the policy would refuse. */
static void put_badge(const struct status *status, struct strbuf *out)
{
    static const char *const colours[] = { "#1d7f4e", "#9a6200", "#bf2b2b", "#5d6673" };
    const char *name = status_level_name(status->level);
    strbuf_printf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"170\" height=\"20\" role=\"img\" "
                  "aria-label=\"Iceberg offload: %s\">\n<title>Iceberg offload: %s</title>\n"
                  "<rect width=\"170\" height=\"20\" rx=\"3\" fill=\"#3a414b\"/>\n"
                  "<rect x=\"95\" width=\"75\" height=\"20\" rx=\"3\" fill=\"%s\"/>\n"
                  "<g fill=\"#fff\" font-family=\"system-ui,sans-serif\" font-size=\"11\" text-anchor=\"middle\">"
                  "<text x=\"47\" y=\"14\">Iceberg offload</text><text x=\"132\" y=\"14\">%s</text></g>\n</svg>\n",
                  name, name, colours[status->level], name);
}

static void add_reason(struct strbuf *out, const char *what, const char *why)
{
    strbuf_printf(out, "%s%s", what, why && *why ? ": " : "");
    text_add_visible(out, why ? why : "", why ? strlen(why) : 0);
    strbuf_puts(out, "\n");
}

void health_reasons(const struct status *status, struct strbuf *out)
{
    if (status->agent != AGENT_RUNNING)
        add_reason(out, "the agent is not running", NULL);
    if (status->trouble.failures)
        add_reason(out, "the history cannot be written", strbuf_text(&status->trouble.why));
    for (int i = 0; i < BLIND_REASONS; i++)
        if (status->blindness[i])
            add_reason(out, blind_reason_name((enum blind_reason)i), status->blindness[i]);
    for (size_t i = 0; i < status->webhook_count; i++)
        if (status_webhook_is_stuck(status, &status->webhooks[i]))
            add_reason(out, "a webhook does not deliver", status->webhooks[i].name);
}

static void put_health(const struct status *status, struct answer *answer)
{
    struct strbuf reasons = { 0 };
    health_reasons(status, &reasons);
    answer->status = reasons.len ? HTTP_UNAVAILABLE : HTTP_OK;
    strbuf_puts(&answer->body, reasons.len ? strbuf_text(&reasons) : "well\n");
    strbuf_free(&reasons);
}

bool answer_status(const struct site *site, struct sqlite3 *db, enum route route, struct answer *answer,
                   struct strbuf *error)
{
    struct status status = { 0 };
    bool good = status_gather(&status, db, site->config, NULL, show_now_ms(), error);
    if (good) {
        switch (route) {
        case ROUTE_API_STATUS: status_json(&status, &answer->body); break;
        case ROUTE_BADGE: put_badge(&status, &answer->body); break;
        case ROUTE_HEALTH: put_health(&status, answer); break;
        case ROUTE_METRICS: answer_metrics(site->config, &status, &answer->body); break;
        default: put_status_page(site, &status, &answer->body); break;
        }
    }
    status_free(&status);
    return good;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "site.h"

#include <string.h>

#include "base/budgets.h"
#include "base/json.h"
#include "base/text.h"

enum { GOOD = 200, INTERNAL_ERROR = 500, SERVICE_UNAVAILABLE = 503 };

static const char html_type[] = "text/html; charset=utf-8", text_type[] = "text/plain; charset=utf-8";
static const char openmetrics_type[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";
static const char json_type[] = "application/json";

const struct site_header site_headers[] = {
    { "Content-Security-Policy",
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
      "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" },
    { "X-Content-Type-Options", "nosniff" },
    { "Referrer-Policy", "no-referrer" },
    { "Cache-Control", "no-store" },
    { "Connection", "close" },
    { NULL, NULL },
};

const char *site_type(enum route route)
{
    switch (route) {
    case ROUTE_API_STATUS:
    case ROUTE_API_INCIDENTS:
    case ROUTE_API_CYCLES:
    case ROUTE_API_TABLES:
    case ROUTE_API_DESCRIPTION:
    case ROUTE_API_INCIDENT: return json_type;
    case ROUTE_METRICS: return "text/plain; version=0.0.4; charset=utf-8";
    case ROUTE_HEALTH: return text_type;
    case ROUTE_BADGE: return "image/svg+xml";
    default: return html_type;
    }
}

static const char *title_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        { SITE_BAD_REQUEST, "The request is wrong" },
        { 404, "There is no such page" },
        { INTERNAL_ERROR, "The answer is too long" },
        { SERVICE_UNAVAILABLE, "The history cannot be read" },
    };
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "It did not work";
}

static void refuse_as_json(unsigned status, const char *why, struct strbuf *out)
{
    struct json_writer json = { .out = out };
    json_open(&json, NULL, '{');
    json_put_int(&json, "status", status);
    json_put_text(&json, "error", why);
    json_close(&json, '}');
    strbuf_puts(out, "\n");
}

static void refuse_with(const struct site *site, unsigned status, const char *why, struct answer *answer)
{
    bool is_page = !answer->type || strcmp(answer->type, html_type) == 0;
    bool is_json = answer->type && strcmp(answer->type, json_type) == 0;
    strbuf_clear(&answer->body);
    answer->status = status;
    if (is_json) {
        refuse_as_json(status, why, &answer->body);
        return;
    }
    if (!is_page) {
        answer->type = text_type;
        strbuf_printf(&answer->body, "%s\n", why);
        return;
    }
    answer->type = html_type;
    page_begin(site,
               &(struct page_head){ .title = title_of(status),
                                    .tone = TONE_WARNING,
                                    .refresh_ms = status == SERVICE_UNAVAILABLE ? PAGE_SLOW_MS : 0 },
               &answer->body);
    page_text(&answer->body, "<section class=\"card\"><p class=\"plain\">", why, "</p></section>\n");
    page_end(&answer->body);
}

/* What SQLite says of a damaged file may have any bytes of that file in it. */
void site_refuse(const struct site *site, unsigned status, const char *why, struct answer *answer)
{
    struct strbuf valid = { 0 };
    text_add_valid(&valid, why, strlen(why));
    refuse_with(site, status, strbuf_text(&valid), answer);
    strbuf_free(&valid);
}

void answer_free(struct answer *answer)
{
    strbuf_free(&answer->body);
}

static bool site_answer_from(const struct site *site, struct sqlite3 *db, const struct request *request,
                             struct answer *answer, struct strbuf *error)
{
    switch (request->route) {
    case ROUTE_INCIDENTS:
    case ROUTE_INCIDENT:
    case ROUTE_REPORT:
    case ROUTE_API_INCIDENTS:
    case ROUTE_API_INCIDENT: return answer_incidents(site, db, request, answer, error);
    case ROUTE_TABLES:
    case ROUTE_TABLE: return answer_tables(site, db, request, answer, error);
    case ROUTE_CYCLES:
    case ROUTE_CYCLE: return answer_cycles(site, db, request, answer, error);
    case ROUTE_API_CYCLES: return answer_api_cycles(site, db, request, answer, error);
    case ROUTE_API_TABLES: return answer_api_tables(site, db, request, answer, error);
    default: return answer_status(site, db, request, answer, error);
    }
}

bool site_route_is_quick(enum route route)
{
    return route == ROUTE_HEALTH || route == ROUTE_METRICS || route == ROUTE_BADGE || route == ROUTE_STATUS ||
           route == ROUTE_API_STATUS;
}

bool site_route_is_for_programs(enum route route)
{
    switch (route) {
    case ROUTE_STYLE:
    case ROUTE_ICON:
    case ROUTE_SCRIPT: return false;
    default: return site_type(route) != html_type;
    }
}

bool site_route_reads_the_log(enum route route)
{
    return route == ROUTE_CYCLE;
}

void site_answer(const struct site *site, struct sqlite3 *db, const char *why, const struct request *request,
                 struct answer *answer)
{
    struct strbuf error = { 0 };
    strbuf_puts(&error, db ? "" : why);
    *answer = (struct answer){ .status = GOOD, .type = site_type(request->route) };
    if (request->route == ROUTE_METRICS)
        answer->vary = "Accept";
    if (request->route == ROUTE_METRICS && request->dialect == EXPOSITION_OPENMETRICS)
        answer->type = openmetrics_type;
    bool good = db && site_answer_from(site, db, request, answer, &error);
    if (!good)
        site_refuse(site, SERVICE_UNAVAILABLE, strbuf_text(&error), answer);
    else if (answer->body.len > SERVE_ANSWER_MAX_BYTES)
        site_refuse(site, INTERNAL_ERROR, "The answer is too long. Choose a shorter period.", answer);
    strbuf_free(&error);
}

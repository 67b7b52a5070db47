/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answers that are made from the status: the first page (page_overview.c), the JSON, the badge, the health check and the metrics. */
#include <inttypes.h>
#include <stdlib.h>

#include "agent/commands/show/format.h"
#include "agent/commands/status/status.h"
#include "base/text.h"
#include "page_overview.h"
#include "site.h"

enum { HTTP_OK = 200, HTTP_UNAVAILABLE = 503 };

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

bool answer_status(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                   struct strbuf *error)
{
    struct status status = { 0 };
    bool good = status_gather(&status, db, site->config, NULL, show_now_ms(), error);
    if (good) {
        switch (request->route) {
        case ROUTE_API_STATUS: status_json(&status, &answer->body); break;
        case ROUTE_BADGE: put_badge(&status, &answer->body); break;
        case ROUTE_HEALTH: put_health(&status, answer); break;
        case ROUTE_METRICS:
            answer_metrics(site->config, db, &status, request->dialect, &answer->body);
            answer->differs_by = request->dialect; /* both stand at one address */
            break;
        default:
            good = page_overview(site, &status, db, &answer->body, error);
            answer->differs_by = page_overview_differs_by(&status);
            break;
        }
    }
    status_free(&status);
    return good;
}

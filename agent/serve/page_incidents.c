/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of incidents, one incident's report, and the report of a period. */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>

#include "agent/commands/report/report.h"
#include "agent/commands/show/format.h"
#include "agent/commands/status/status.h"
#include "base/budgets.h"
#include "site.h"

static const int64_t day_ms = INT64_C(86400000);

/* What a query chooses. */
struct wanted {
    int64_t since_ms, until_ms;
    const char *table, *alert; /* globs; NULL: any */
    bool only_open;
};

static bool wanted_read(const struct request *request, struct wanted *wanted, struct strbuf *why)
{
    const char *open = request->values[PARAMETER_OPEN];
    *wanted = (struct wanted){ .since_ms = INT64_MIN,
                               .until_ms = INT64_MAX,
                               .table = request->values[PARAMETER_TABLE],
                               .alert = request->values[PARAMETER_ALERT],
                               .only_open = open && strcmp(open, "yes") == 0 };
    if (open && !wanted->only_open && strcmp(open, "no") != 0) {
        strbuf_puts(why, "open: say yes or no");
        return false;
    }
    return page_period(request, &wanted->since_ms, &wanted->until_ms, why);
}

/* The tables of an incident are named in words: "a, b". */
static bool has_table(const struct report_incident *incident, const char *glob)
{
    const char *at = incident->tables ? incident->tables : "";
    while (*at) {
        const char *end = strstr(at, ", ");
        size_t len = end ? (size_t)(end - at) : strlen(at);
        char *name = must_copy(at, len);
        bool matches = fnmatch(glob, name, 0) == 0;
        free(name);
        if (matches)
            return true;
        at += len + (end ? 2 : 0);
    }
    return false;
}

static bool is_wanted(const struct report_incident *incident, const struct wanted *wanted)
{
    const char *alert = incident->alert_name ? incident->alert_name : "";
    return (!wanted->table || has_table(incident, wanted->table)) &&
           (!wanted->alert || fnmatch(wanted->alert, alert, 0) == 0 ||
            fnmatch(wanted->alert, report_incident_short_name(incident), 0) == 0);
}

/* Leaves the newest ones that are wanted, and no more than are shown. */
static void keep_wanted(struct report_incidents *list, const struct wanted *wanted, bool *is_cut)
{
    size_t kept = 0;
    *is_cut = false;
    for (size_t i = 0; i < list->count; i++) {
        bool wants = is_wanted(&list->at[i], wanted);
        *is_cut |= wants && kept == SERVE_INCIDENTS_MAX;
        if (wants && kept < SERVE_INCIDENTS_MAX)
            list->at[kept++] = list->at[i];
        else
            report_incident_free(&list->at[i]);
    }
    list->count = kept;
}

static void put_form(const struct request *request, const struct wanted *wanted, struct strbuf *out)
{
    strbuf_puts(out, "<section class=\"card\">\n<form action=\"/incidents\">\n");
    page_field(request, PARAMETER_SINCE, "Since (7d, yesterday, 2026-03-03)", out);
    page_field(request, PARAMETER_UNTIL, "Until", out);
    page_field(request, PARAMETER_TABLE, "Table", out);
    page_field(request, PARAMETER_ALERT, "Alert", out);
    strbuf_printf(
        out,
        "<label class=\"tick\"><input type=\"checkbox\" name=\"open\" value=\"yes\"%s> only open ones</label>\n"
        "<button>Show</button>\n</form>\n</section>\n",
        wanted->only_open ? " checked" : "");
}

static void put_list_page(const struct site *site, const struct request *request, const struct wanted *wanted,
                          const struct report_incidents *list, bool is_cut, struct strbuf *out)
{
    page_begin(site,
               &(struct page_head){
                   .title = "Incidents", .here = "/incidents", .refresh_ms = PAGE_SLOW_MS, .as_of_ms = list->as_of_ms },
               out);
    put_form(request, wanted, out);
    strbuf_puts(out, "<section class=\"card\">\n");
    if (list->count == 0) {
        strbuf_puts(out, "<p class=\"note\">There is no such incident.</p>\n");
    } else {
        struct show_table *table = report_incidents_table(list, list->as_of_ms);
        show_table_link(table, "/incidents/");
        show_table_html(table, out);
        show_table_free(table);
    }
    if (is_cut)
        strbuf_printf(out, "<p class=\"note\">These are the newest %d; choose a shorter period to see others.</p>\n",
                      SERVE_INCIDENTS_MAX);
    strbuf_puts(out, "</section>\n");
    page_end(out);
}

static bool answer_list(const struct site *site, struct sqlite3 *db, const struct request *request,
                        const struct wanted *wanted, struct answer *answer, struct strbuf *error)
{
    struct report_incidents list = { .runbook_base = site->config->links.runbook_base };
    struct query query = { .db = db };
    bool is_cut;
    list.as_of_ms = status_as_of(&query, show_now_ms());
    /* A filter looks at all; else those that are not shown need not be read. */
    report_incidents_choose(&list, &query, wanted->since_ms, wanted->until_ms,
                            wanted->table || wanted->alert ? -1 : SERVE_INCIDENTS_MAX + 1, wanted->only_open);
    bool good = !query_failed(&query);
    strbuf_puts(error, strbuf_text(&query.error));
    keep_wanted(&list, wanted, &is_cut);
    if (good && request->route == ROUTE_API_INCIDENTS)
        report_incidents_json(&list, &answer->body);
    else if (good)
        put_list_page(site, request, wanted, &list, is_cut, &answer->body);
    report_incidents_free(&list);
    strbuf_free(&query.error);
    return good;
}

static bool answer_report(const struct site *site, struct sqlite3 *db, const struct request *request,
                          const struct wanted *wanted, struct answer *answer, struct strbuf *error)
{
    struct report report = { 0 };
    bool is_period = request->route == ROUTE_REPORT;
    int64_t now_ms = show_now_ms();
    enum report_found found =
        is_period ? report_gather_period(&report, db, site->config, wanted->since_ms, wanted->until_ms, now_ms, error)
                  : report_gather_incident(&report, db, site->config, request->id, now_ms, error);
    if (found == REPORT_NOTHING)
        site_refuse(site, SITE_NOT_FOUND, "There is no such incident, or the history does not keep it any more.",
                    answer);
    else if (found == REPORT_FOUND && request->route == ROUTE_API_INCIDENT)
        report_json(&report, &answer->body);
    else if (found == REPORT_FOUND)
        report_html_served(&report, &answer->body);
    report_free(&report);
    return found != REPORT_ERROR;
}

bool answer_incidents(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                      struct strbuf *error)
{
    struct wanted wanted = { 0 };
    struct strbuf why = { 0 };
    bool is_list = request->route == ROUTE_INCIDENTS || request->route == ROUTE_API_INCIDENTS;
    bool good = true;
    if (request->route == ROUTE_REPORT) {
        wanted.until_ms = show_now_ms();
        wanted.since_ms = INT64_MIN;
        good = page_period(request, &wanted.since_ms, &wanted.until_ms, &why);
        if (wanted.since_ms == INT64_MIN)
            wanted.since_ms = wanted.until_ms - WEEK_DAYS * day_ms;
    } else if (is_list) {
        good = wanted_read(request, &wanted, &why);
    }
    if (!good)
        site_refuse(site, SITE_BAD_REQUEST, strbuf_text(&why), answer);
    else if (is_list)
        good = answer_list(site, db, request, &wanted, answer, error);
    else
        good = answer_report(site, db, request, &wanted, answer, error);
    strbuf_free(&why);
    return good || error->len == 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of cycles. */
#include <inttypes.h>
#include <stdio.h>

#include "agent/commands/show/format.h"
#include "agent/commands/show/table.h"
#include "agent/commands/status/status.h"
#include "base/budgets.h"
#include "cycles.h"
#include "page_cycle.h"
#include "site.h"

enum tone cycle_outcome_tone(const char *outcome)
{
    return strcmp(outcome, "success") == 0 ? TONE_GOOD : strcmp(outcome, "running") == 0 ? TONE_PLAIN : TONE_CRITICAL;
}

static struct show_table *cycles_table(const struct cycle_rows *list)
{
    static const struct show_column columns[] = {
        { "Cycle", ALIGN_RIGHT, 0 },  { "Started", ALIGN_LEFT, 0 },    { "Outcome", ALIGN_LEFT, 0 },
        { "Took", ALIGN_RIGHT, 0 },   { "Rows", ALIGN_RIGHT, 0 },      { "Succeeded", ALIGN_RIGHT, 0 },
        { "Failed", ALIGN_RIGHT, 0 }, { "Timed out", ALIGN_RIGHT, 0 },
    };
    struct show_table *table = show_table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->count; i++) {
        const struct cycle_row *cycle = &list->at[i];
        show_table_count(table, cycle->id);
        show_table_time(table, cycle->started_ms, format_offset(list->at[0].started_ms));
        show_table_cell(table, cycle_outcome_tone(cycle->outcome), cycle->outcome);
        show_table_duration(table, cycle->duration_ms);
        show_table_count(table, cycle->rows);
        show_table_count(table, cycle->succeeded);
        show_table_count(table, cycle->failed);
        show_table_count(table, cycle->timed_out);
    }
    show_table_link(table, "/cycles/");
    return table;
}

static void put_older(const struct request *request, const struct cycle_rows *list, struct strbuf *out)
{
    char last[24];
    struct strbuf address = { 0 };
    snprintf(last, sizeof last, "%" PRId64, list->at[list->count - 1].id);
    request_put_again(request, "/cycles", PARAMETER_BEFORE, last, &address);
    page_text(out, "<p class=\"note\"><a href=\"", address.at, "\">Older cycles</a></p>\n");
    strbuf_free(&address);
}

static void put_cycles_page(const struct site *site, const struct request *request, const struct cycle_rows *list,
                            int64_t as_of_ms, struct strbuf *out)
{
    page_begin(site, &(struct page_head){ .title = "Cycles", .here = "/cycles", .as_of_ms = as_of_ms }, out);
    strbuf_puts(out, "<section class=\"card\">\n<form action=\"/cycles\">\n");
    page_field(request, PARAMETER_SINCE, "Since (7d, yesterday, 2026-03-03)", out);
    page_field(request, PARAMETER_UNTIL, "Until", out);
    strbuf_puts(out, "<button>Show</button>\n</form>\n</section>\n<section class=\"card\">\n");
    if (list->count == 0) {
        strbuf_puts(out, "<p class=\"note\">There is no such cycle.</p>\n");
    } else {
        struct show_table *table = cycles_table(list);
        show_table_html(table, out);
        show_table_free(table);
    }
    if (list->is_cut)
        put_older(request, list, out);
    strbuf_puts(out, "</section>\n");
    page_end(out);
}

static bool answer_cycle_list(const struct site *site, struct sqlite3 *db, const struct request *request,
                              struct answer *answer, struct strbuf *error)
{
    struct query query = { .db = db };
    struct cycle_rows list = { 0 };
    struct strbuf why = { 0 };
    int64_t since_ms = INT64_MIN, until_ms = INT64_MAX, before;
    if (!api_before(request, &before, &why) || !page_period(request, &since_ms, &until_ms, &why)) {
        site_refuse(site, SITE_BAD_REQUEST, strbuf_text(&why), answer);
        strbuf_free(&why);
        return true;
    }
    int64_t as_of_ms = status_as_of(&query, show_now_ms());
    cycles_gather_behind(&list, &query, since_ms, until_ms, before, as_of_ms, SERVE_CYCLES_MAX);
    bool good = !query_failed(&query);
    strbuf_puts(error, strbuf_text(&query.error));
    if (good)
        put_cycles_page(site, request, &list, as_of_ms, &answer->body);
    cycles_free(&list);
    strbuf_free(&query.error);
    return good;
}

bool answer_cycles(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                   struct strbuf *error)
{
    return request->route == ROUTE_CYCLES ? answer_cycle_list(site, db, request, answer, error)
                                          : answer_cycle(site, db, request, answer, error);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of tables. */
#include "agent/commands/show/format.h"
#include "base/budgets.h"
#include "page_lags.h"
#include "page_table.h"
#include "site.h"

#include <stdlib.h>

static void put_tables_page(const struct site *site, const struct status *status, const struct table_day *days,
                            struct strbuf *out)
{
    page_begin(site,
               &(struct page_head){
                   .title = "Tables", .here = "/tables", .refresh_ms = PAGE_SLOW_MS, .as_of_ms = status->as_of_ms },
               out);
    strbuf_puts(out, "<section class=\"card\">\n");
    if (status->lag_count == 0) {
        strbuf_puts(out, "<p class=\"note\">No run of any table has been seen yet.</p>\n");
    } else {
        page_lags(status, days, STATUS_TABLES_MAX, out);
        strbuf_puts(out,
                    "<p class=\"note\">These are the tables of the last 200 cycles. Runs, failures and rows are those "
                    "of the last day; the dashed line is the critical lag, ");
        format_duration(out, status->lag_critical_ms);
        strbuf_puts(out, ".</p>\n");
    }
    if (status->lag_count == STATUS_TABLES_MAX)
        strbuf_printf(out, "<p class=\"note\">There may be more than these %d.</p>\n", STATUS_TABLES_MAX);
    strbuf_puts(out, "</section>\n");
    page_end(out);
}

bool answer_tables(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                   struct strbuf *error)
{
    struct query query = { .db = db };
    struct status status = { 0 };
    bool good = status_gather(&status, db, site->config, NULL, show_now_ms(), error);
    if (good && request->route == ROUTE_TABLE) {
        good = answer_table(site, &status, &query, request, answer, error);
    } else if (good) {
        struct table_day *days = table_days_gather(&status, &query);
        good = !query_failed(&query);
        strbuf_puts(error, strbuf_text(&query.error));
        if (good)
            put_tables_page(site, &status, days, &answer->body);
        free(days);
    }
    strbuf_free(&query.error);
    status_free(&status);
    return good;
}

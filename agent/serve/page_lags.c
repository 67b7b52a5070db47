/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "page_lags.h"

#include <stdlib.h>

#include "agent/commands/show/format.h"
#include "agent/commands/show/plot.h"
#include "site.h"

static const char *lag_tone(enum status_level level)
{
    return level == STATUS_CRITICAL ? "critical" : level == STATUS_WARNING ? "warning" : "good";
}

static int64_t lateness(const struct status_lag *lag)
{
    return lag->last_success_ms ? lag->lag_ms : INT64_MAX;
}

static int compare_lags(const void *left, const void *right)
{
    const struct status_lag *a = *(const struct status_lag *const *)left, *b = *(const struct status_lag *const *)right;
    if (a->level != b->level)
        return a->level < b->level ? 1 : -1;
    if (lateness(a) != lateness(b))
        return lateness(a) < lateness(b) ? 1 : -1;
    return strcmp(a->table, b->table);
}

static void put_spark(const struct status *status, const struct table_day *day, struct strbuf *out)
{
    struct plot_point points[TABLE_DAY_PIECES];
    struct strbuf label = { 0 };
    int64_t most = 0;
    for (size_t i = 0; i < TABLE_DAY_PIECES; i++) {
        points[i] = (struct plot_point){ .value = day->peaks_ms[i] };
        most = day->peaks_ms[i] > most ? day->peaks_ms[i] : most;
    }
    strbuf_puts(&label, "The lag of the last day, at most ");
    format_duration(&label, most / 1000 * 1000);
    plot_spark(points, TABLE_DAY_PIECES, status->lag_critical_ms, strbuf_text(&label), out);
    strbuf_free(&label);
}

static void put_cell_count(int64_t count, const char *class, struct strbuf *out)
{
    strbuf_printf(out, "<td class=\"right%s\">", class);
    format_count(out, count);
    strbuf_puts(out, "</td>");
}

static void put_lag_row(const struct status *status, const struct status_lag *lag, const struct table_day *day,
                        int offset, struct strbuf *out)
{
    struct strbuf address = { 0 };
    bool has_page = page_table_address(lag->table, &address);
    strbuf_printf(out, "<tr><td>%s%s%s", has_page ? "<a href=\"" : "", strbuf_text(&address), has_page ? "\">" : "");
    page_text(out, "", lag->table, has_page ? "</a></td>" : "</td>");
    strbuf_printf(out, "<td class=\"right %s\">", lag_tone(lag->level));
    if (lag->last_success_ms)
        format_duration(out, lag->lag_ms / 1000 * 1000);
    else
        strbuf_puts(out, "no success");
    strbuf_puts(out, "</td><td>");
    put_spark(status, day, out);
    strbuf_puts(out, "</td>");
    put_cell_count(day->runs, " wide", out);
    put_cell_count(day->failed, day->failed ? " wide critical" : " wide", out);
    put_cell_count(day->rows, " wide", out);
    strbuf_puts(out, "<td class=\"wide\">");
    if (lag->last_success_ms)
        format_time(out, lag->last_success_ms, offset);
    strbuf_puts(out, "</td></tr>\n");
    strbuf_free(&address);
}

void page_lags(const struct status *status, const struct table_day *days, size_t most, struct strbuf *out)
{
    size_t count = status->lag_count, shown = count < most ? count : most;
    const struct status_lag **order = must_alloc((count + 1) * sizeof *order);
    int offset = format_offset(show_now_ms());
    for (size_t i = 0; i < count; i++)
        order[i] = &status->lags[i];
    qsort(order, count, sizeof *order, compare_lags);
    strbuf_puts(out,
                "<table class=\"lags\">\n<thead><tr><th scope=\"col\">Table</th>"
                "<th scope=\"col\" class=\"right\">Lag</th><th scope=\"col\">Last day</th>"
                "<th scope=\"col\" class=\"right wide\">Runs</th><th scope=\"col\" class=\"right wide\">Failed</th>"
                "<th scope=\"col\" class=\"right wide\">Rows</th><th scope=\"col\" class=\"wide\">Last success</th>"
                "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < shown; i++)
        put_lag_row(status, order[i], &days[order[i] - status->lags], offset, out);
    strbuf_puts(out, "</tbody>\n</table>\n");
    free(order);
}

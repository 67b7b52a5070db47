/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table: its lag, rows, durations and runs over a day, a month or a year, its last failures and its incidents. */
#include "page_table.h"

#include <inttypes.h>
#include <stdlib.h>

#include "agent/commands/report/incidents.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/plot.h"
#include "agent/commands/show/table.h"
#include "base/budgets.h"
#include "base/cut.h"
#include "base/mask.h"
#include "table_history.h"
#include "telling.h"

enum { TABLE_INCIDENTS_SHOWN = 20, ERROR_CHARS = 200 };
static const int64_t MINUTE_MS = 60000, HOUR_MS = 3600000;

static const struct span {
    const char *name, *words, *piece; /* "day", "the last day", "15 minutes" */
    int64_t width_ms;
    size_t count;
} spans[] = {
    { "day", "the last day", "15 minutes", 15 * 60000, 96 },
    { "month", "the last 30 days", "6 hours", 6 * 3600000, 120 },
    { "year", "the last year", "3 days", 72 * 3600000, 122 },
};
enum { SPANS = sizeof spans / sizeof spans[0] };

struct table_page {
    const struct site *site;
    const struct status *status;
    const struct status_lag *lag; /* NULL: it did not run lately */
    const char *table;
    const struct span *span;
    struct table_history history;
    struct report_incidents incidents;
    bool has_more_incidents;
    int offset;
};

static const struct status_lag *page_lag_of(const struct status *status, const char *table)
{
    for (size_t i = 0; i < status->lag_count; i++)
        if (strcmp(status->lags[i].table, table) == 0)
            return &status->lags[i];
    return NULL;
}

/* --- Charts ----------------------------------------------------------------------------------------------------- */

/* What a chart shows of each piece. */
struct view {
    const char *id, *title, *value_title, *part_title;
    enum plot_unit unit;
    int64_t (*value)(const struct table_piece *piece);
};

static int64_t piece_lag(const struct table_piece *piece)
{
    return piece->lag_ms < 0 ? -1 : piece->lag_ms / 1000 * 1000;
}

static int64_t piece_rows(const struct table_piece *piece)
{
    return piece->runs ? piece->rows : -1;
}

static int64_t piece_longest(const struct table_piece *piece)
{
    return piece->longest_ms;
}

static int64_t piece_runs(const struct table_piece *piece)
{
    return piece->runs ? piece->runs : -1;
}

static const struct view views[] = {
    { "lag", "Lag", "Highest lag", NULL, PLOT_DURATION, piece_lag },
    { "rows", "Rows", "Rows", NULL, PLOT_COUNT, piece_rows },
    { "durations", "Durations", "Longest run", NULL, PLOT_DURATION, piece_longest },
    { "runs", "Runs", "Runs", "Failed", PLOT_COUNT, piece_runs },
};

static const char *bar_class(const struct table_page *page, const struct view *view, int64_t value)
{
    if (view->value == piece_lag)
        return value > page->status->lag_critical_ms ? "bad" : value > page->status->lag_warning_ms ? "slow" : "fine";
    return view->value == piece_rows ? "rows" : "fine";
}

static void describe(const struct table_page *page, const struct view *view, int64_t most, struct strbuf *out)
{
    strbuf_printf(out, "%s of %s over %s, a bar for every %s; the highest is ", view->title, page->table,
                  page->span->words, page->span->piece);
    if (view->unit == PLOT_DURATION)
        format_duration(out, most > 0 ? most : 0);
    else
        format_count(out, most > 0 ? most : 0);
    strbuf_puts(out, ".");
}

static void put_view(const struct table_page *page, const struct view *view, struct strbuf *out)
{
    const struct table_history *history = &page->history;
    const struct plot_limit limits[] = { { page->status->lag_warning_ms, "limit slow" },
                                         { page->status->lag_critical_ms, "limit severe" } };
    struct plot_point *points = must_alloc(history->count * sizeof *points);
    struct strbuf words = { 0 };
    int64_t most = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct table_piece *piece = &history->pieces[i];
        int64_t value = view->value(piece);
        points[i] = (struct plot_point){ piece->from_ms, piece->from_ms + history->width_ms, value,
                                         view->part_title ? piece->failed : 0, bar_class(page, view, value) };
        most = value > most ? value : most;
    }
    describe(page, view, most, &words);
    strbuf_printf(out, "<section class=\"card\">\n<h2>%s</h2>\n", view->title);
    plot_put(&(struct plot){ .id = view->id,
                             .title = view->title,
                             .description = strbuf_text(&words),
                             .unit = view->unit,
                             .value_title = view->value_title,
                             .part_title = view->part_title,
                             .points = points,
                             .count = history->count,
                             .limits = limits,
                             .limit_count = view->value == piece_lag ? 2 : 0,
                             .said_offset = page->offset },
             out);
    strbuf_puts(out, "</section>\n");
    strbuf_free(&words);
    free(points);
}

/* --- Figures and lists ------------------------------------------------------------------------------------------ */

static void put_figure(struct strbuf *out, const char *label, const char *tone, struct strbuf *figure, const char *note)
{
    strbuf_printf(
        out,
        "<div class=\"card %s\"><p class=\"note\">%s</p><p class=\"figure\">%s</p><p class=\"note\">%s</p></div>\n",
        tone, label, strbuf_text(figure), note);
    strbuf_free(figure);
}

static void put_figures(const struct table_page *page, struct strbuf *out)
{
    const struct table_history *history = &page->history;
    struct strbuf figure = { 0 }, note = { 0 };
    strbuf_puts(out, "<div class=\"cards\">\n");
    format_count(&figure, history->runs);
    put_figure(out, "Runs", "quiet", &figure, page->span->words);
    format_count(&figure, history->failed);
    put_figure(out, "Failed", history->failed ? "critical" : "quiet", &figure, "timed out and aborted ones too");
    format_count(&figure, history->rows);
    put_figure(out, "Rows", "quiet", &figure, "of all runs together");
    format_duration(&figure, history->ended ? history->duration_ms / history->ended : 0);
    strbuf_puts(&note, "on average; the longest ");
    format_duration(&note, history->longest_ms);
    put_figure(out, "A run takes", "quiet", &figure, note.at);
    strbuf_puts(out, "</div>\n");
    strbuf_free(&note);
}

static void failure_words(const struct table_failure *failure, struct masker *masker, struct strbuf *out)
{
    struct strbuf masked = { 0 };
    masker_text(masker, slice_of(failure->error ? failure->error : ""), &masked);
    struct slice line = telling_body(telling_line(strbuf_text(&masked)));
    char *text = must_copy(line.at, line.len);
    cut_chars(text, ERROR_CHARS, out);
    free(text);
    strbuf_free(&masked);
}

static void put_failures(const struct table_page *page, struct strbuf *out)
{
    static const struct show_column columns[] = { { "Cycle", ALIGN_RIGHT, 0 },
                                                  { "Started", ALIGN_LEFT, 0 },
                                                  { "Outcome", ALIGN_LEFT, 0 },
                                                  { "Took", ALIGN_RIGHT, 0 },
                                                  { "What it said", ALIGN_LEFT, 0 } };
    strbuf_puts(out, "<section class=\"card\">\n<h2>Last failures</h2>\n");
    if (page->history.failure_count == 0) {
        strbuf_printf(out, "<p class=\"note\">No run failed in %s.</p>\n</section>\n", page->span->words);
        return;
    }
    struct show_table *table = show_table_new(columns, sizeof columns / sizeof columns[0]);
    struct masker *masker = masker_open();
    for (size_t i = 0; i < page->history.failure_count; i++) {
        const struct table_failure *failure = &page->history.failures[i];
        struct strbuf words = { 0 };
        show_table_count(table, failure->cycle_id);
        show_table_time(table, failure->started_ms, page->offset);
        show_table_cell(table, TONE_CRITICAL, failure->outcome);
        show_table_duration(table, failure->duration_ms);
        failure_words(failure, masker, &words);
        show_table_cell(table, TONE_PLAIN, strbuf_text(&words));
        strbuf_free(&words);
    }
    masker_close(masker);
    show_table_link(table, "/cycles/");
    show_table_html(table, out);
    show_table_free(table);
    strbuf_puts(out, "</section>\n");
}

static void put_table_incidents(const struct table_page *page, struct strbuf *out)
{
    strbuf_puts(out, "<section class=\"card\">\n<h2>Incidents</h2>\n");
    if (page->incidents.count == 0) {
        strbuf_printf(out, "<p class=\"note\">None in %s.</p>\n", page->span->words);
    } else {
        struct show_table *table = report_incidents_table(&page->incidents, page->status->as_of_ms);
        show_table_link(table, "/incidents/");
        show_table_html(table, out);
        show_table_free(table);
    }
    if (page->has_more_incidents)
        strbuf_printf(out, "<p class=\"note\">These are the newest %d.</p>\n", TABLE_INCIDENTS_SHOWN);
    strbuf_puts(out, "</section>\n");
}

/* --- The page --------------------------------------------------------------------------------------------------- */

static void put_spans(const struct table_page *page, struct strbuf *out)
{
    struct strbuf address = { 0 };
    page_table_address(page->table, &address);
    strbuf_puts(out, "<nav class=\"steps\" aria-label=\"How far back\">");
    for (size_t i = 0; i < SPANS; i++)
        strbuf_printf(out, "%s<a href=\"%s?span=%s\"%s>%s</a>", i ? " " : "", strbuf_text(&address), spans[i].name,
                      page->span == &spans[i] ? " aria-current=\"true\"" : "", spans[i].words);
    strbuf_puts(out, "</nav>\n");
    strbuf_free(&address);
}

static void put_cut(const struct table_page *page, struct strbuf *out)
{
    if (page->history.cut_before_ms == 0)
        return;
    strbuf_puts(out, "<p class=\"note\">There are so many runs that only those since ");
    format_time(out, page->history.cut_before_ms, page->offset);
    strbuf_puts(out, " were looked at.</p>\n");
}

static void put_table_page(const struct table_page *page, struct strbuf *out)
{
    struct strbuf headline = { 0 };
    const struct status_lag *lag = page->lag;
    enum status_level level = lag ? lag->level : STATUS_WARNING;
    if (lag && lag->last_success_ms) {
        strbuf_puts(&headline, "Lag ");
        format_duration(&headline, lag->lag_ms / 1000 * 1000);
        strbuf_puts(&headline, ", last success ");
        format_time(&headline, lag->last_success_ms, page->offset);
    } else {
        strbuf_puts(&headline, lag ? "No success within the last 200 cycles" : "It did not run in the last 200 cycles");
    }
    page_begin(page->site,
               &(struct page_head){ .title = page->table,
                                    .headline = strbuf_text(&headline),
                                    .tone = level == STATUS_CRITICAL  ? TONE_CRITICAL
                                            : level == STATUS_WARNING ? TONE_WARNING
                                                                      : TONE_GOOD,
                                    .refresh_ms = page->span == &spans[0] ? PAGE_SLOW_MS : 0,
                                    .as_of_ms = page->status->as_of_ms },
               out);
    put_spans(page, out);
    put_cut(page, out);
    put_figures(page, out);
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        put_view(page, &views[i], out);
    put_failures(page, out);
    put_table_incidents(page, out);
    page_end(out);
    strbuf_free(&headline);
}

/* Leaves the newest incidents of the table. Their tables are named in words: "a, b". */
static void keep_own_incidents(struct table_page *page)
{
    struct report_incidents *list = &page->incidents;
    const char *table = page->table;
    size_t kept = 0, len = strlen(table);
    page->has_more_incidents = false;
    for (size_t i = 0; i < list->count; i++) {
        struct report_incident *incident = &list->at[i];
        bool is_own = incident->table && strcmp(incident->table, table) == 0;
        for (const char *at = incident->tables; at && !is_own; at = strstr(at, ", ") ? strstr(at, ", ") + 2 : NULL)
            is_own = strncmp(at, table, len) == 0 && (at[len] == '\0' || strncmp(at + len, ", ", 2) == 0);
        page->has_more_incidents |= is_own && kept == TABLE_INCIDENTS_SHOWN;
        if (is_own && kept < TABLE_INCIDENTS_SHOWN)
            list->at[kept++] = *incident;
        else
            report_incident_free(incident);
    }
    list->count = kept;
}

static void table_gather(struct table_page *page, struct query *query)
{
    const struct span *span = page->span;
    int64_t as_of_ms = page->status->as_of_ms, shift_ms = page->offset * MINUTE_MS;
    int64_t to_ms = ((as_of_ms + shift_ms) / span->width_ms + 1) * span->width_ms - shift_ms;
    int64_t from_ms = to_ms - span->width_ms * (int64_t)span->count;
    table_history_gather(&page->history, query, page->table, from_ms, span->width_ms, span->count, as_of_ms);
    report_incidents_choose(&page->incidents, query, from_ms, as_of_ms + HOUR_MS, -1, false);
    keep_own_incidents(page);
}

static void table_forget(struct table_page *page)
{
    table_history_free(&page->history);
    report_incidents_free(&page->incidents);
    page->incidents = (struct report_incidents){ .as_of_ms = page->status->as_of_ms };
}

/* A table that did not run in the period that was asked for may have run earlier. */
static bool table_is_known(struct table_page *page, struct query *query)
{
    const struct span *asked = page->span;
    if (page->lag || page->history.runs > 0 || page->incidents.count > 0)
        return true;
    table_forget(page);
    page->span = &spans[SPANS - 1];
    table_gather(page, query);
    bool known = page->history.runs > 0 || page->incidents.count > 0;
    table_forget(page);
    page->span = asked;
    table_gather(page, query);
    return known;
}

static const struct span *span_named(const char *name)
{
    for (size_t i = 0; i < SPANS; i++)
        if (!name || strcmp(name, spans[i].name) == 0)
            return &spans[i];
    return NULL;
}

bool answer_table(const struct site *site, const struct status *status, struct query *query,
                  const struct request *request, struct answer *answer, struct strbuf *error)
{
    struct table_page page = { .site = site,
                               .status = status,
                               .lag = page_lag_of(status, request->name),
                               .table = request->name,
                               .span = span_named(request->values[PARAMETER_SPAN]),
                               .incidents = { .as_of_ms = status->as_of_ms },
                               .offset = format_offset(show_now_ms()) };
    if (!page.span) {
        site_refuse(site, SITE_BAD_REQUEST, "span: say day, month or year", answer);
        return true;
    }
    table_gather(&page, query);
    bool known = table_is_known(&page, query), good = !query_failed(query);
    strbuf_puts(error, strbuf_text(&query->error));
    if (good && !known)
        site_refuse(site, SITE_NOT_FOUND, "There is no such table, or it did not run within the last year.", answer);
    else if (good)
        put_table_page(&page, &answer->body);
    table_forget(&page);
    return good;
}

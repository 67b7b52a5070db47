/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One cycle: its runs, what failed, the incidents that were open, and what the log says. */
#include "page_cycle.h"

#include <inttypes.h>
#include <stdlib.h>

#include "agent/commands/report/incidents.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/table.h"
#include "agent/commands/status/status.h"
#include "base/budgets.h"
#include "base/mask.h"
#include "cycles.h"
#include "page_log.h"
#include "telling.h"

struct cycle_page {
    const struct site *site;
    const struct cycle_row *cycle;
    struct run_rows runs;
    struct report_incidents incidents;
    int64_t before, after, after_ms; /* the ids of its neighbours, and when the latter began; 0: there is none */
    int64_t as_of_ms;
    int offset; /* in minutes, of the times on the page */
};

static void put_cycle_fact(struct strbuf *out, const char *label, const char *value)
{
    page_text(out, "<dt>", label, "</dt>");
    page_text(out, "<dd>", value, "</dd>\n");
}

static void put_fact_time(const struct cycle_page *page, const char *label, int64_t ms, struct strbuf *out)
{
    struct strbuf text = { 0 };
    format_time(&text, ms, page->offset);
    if (ms)
        put_cycle_fact(out, label, strbuf_text(&text));
    strbuf_free(&text);
}

static void put_neighbours(const struct cycle_page *page, struct strbuf *out)
{
    strbuf_puts(out, "<nav class=\"steps\" aria-label=\"Cycles beside this one\">");
    if (page->before)
        strbuf_printf(out, "<a href=\"/cycles/%" PRId64 "\">The cycle before</a> ", page->before);
    if (page->after)
        strbuf_printf(out, "<a href=\"/cycles/%" PRId64 "\">The cycle after</a>", page->after);
    strbuf_puts(out, "</nav>\n");
}

static void put_facts(const struct cycle_page *page, struct strbuf *out)
{
    const struct cycle_row *cycle = page->cycle;
    struct strbuf text = { 0 };
    strbuf_puts(out, "<section class=\"card\">\n<dl class=\"facts\">\n");
    put_fact_time(page, "Started", cycle->started_ms, out);
    put_fact_time(page, "Ended", cycle->ended_ms, out);
    format_duration(&text, cycle->duration_ms);
    put_cycle_fact(out, cycle->ended_ms ? "Took" : "Runs for", strbuf_text(&text));
    strbuf_clear(&text);
    strbuf_printf(&text, "%" PRId64 " succeeded, %" PRId64 " failed, %" PRId64 " timed out", cycle->succeeded,
                  cycle->failed, cycle->timed_out);
    if (cycle->tables)
        strbuf_printf(&text, ", of %" PRId64 " tables", cycle->tables);
    put_cycle_fact(out, "Runs", strbuf_text(&text));
    strbuf_clear(&text);
    format_count(&text, cycle->rows);
    put_cycle_fact(out, "Rows", strbuf_text(&text));
    strbuf_puts(out, "</dl>\n");
    put_neighbours(page, out);
    strbuf_puts(out, "</section>\n");
    strbuf_free(&text);
}

static void rows_cell(struct show_table *table, const struct run_row *run)
{
    struct strbuf text = { 0 };
    if (run->rows >= 0)
        format_count(&text, run->rows);
    if (run->rows_from != ROWS_FROM_LOG)
        strbuf_printf(&text, ", counted by %s", rows_from_name(run->rows_from));
    show_table_cell(table, run->rows < 0 ? TONE_DIM : TONE_PLAIN, text.len ? text.at : "not said");
    strbuf_free(&text);
}

static void put_runs(const struct cycle_page *page, struct strbuf *out)
{
    static const struct show_column columns[] = { { "Table", ALIGN_LEFT, 0 },
                                                  { "Outcome", ALIGN_LEFT, 0 },
                                                  { "Took", ALIGN_RIGHT, 0 },
                                                  { "Rows", ALIGN_RIGHT, 0 },
                                                  { "Started", ALIGN_LEFT, 0 } };
    strbuf_puts(out, "<section class=\"card\">\n<h2>Runs</h2>\n");
    if (page->runs.count == 0) {
        strbuf_puts(out, "<p class=\"note\">No run of this cycle is known.</p>\n</section>\n");
        return;
    }
    struct show_table *table = show_table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < page->runs.count; i++) {
        const struct run_row *run = &page->runs.at[i];
        page_table_cell(table, run->table);
        show_table_cell(table, cycle_outcome_tone(run->outcome), run->outcome);
        show_table_duration(table, strcmp(run->outcome, "running") == 0 ? -1 : run->duration_ms);
        rows_cell(table, run);
        show_table_time(table, run->started_ms, page->offset);
    }
    show_table_html(table, out);
    show_table_free(table);
    if (page->runs.is_cut)
        strbuf_printf(out, "<p class=\"note\">These are the first %d runs of this cycle.</p>\n", SERVE_CYCLE_RUNS_MAX);
    strbuf_puts(out, "</section>\n");
}

/* The telling line, and behind it the whole: a job's banner and stack trace would hide what went wrong. */
static void put_excerpt(int64_t run_id, const char *error, struct strbuf *out)
{
    struct slice line = telling_body(telling_line(error));
    char *telling = must_copy(line.at, line.len);
    page_text(out, "<p class=\"plain\">", telling, "</p>\n");
    if (strlen(telling) < strlen(error)) {
        strbuf_printf(out, "<details id=\"run-%" PRId64 "\"><summary>All of what it said</summary>\n", run_id);
        page_lines(out, "<pre><code>", error, "</code></pre>\n</details>\n");
    }
    free(telling);
}

/* What a failed job said, as the history keeps it: it is there when the log is not any more. */
static void put_run_errors(const struct cycle_page *page, struct strbuf *out)
{
    bool has = false;
    struct masker *masker = masker_open();
    for (size_t i = 0; i < page->runs.count; i++) {
        const struct run_row *run = &page->runs.at[i];
        struct strbuf text = { 0 };
        if (!run->error || !*run->error)
            continue;
        strbuf_puts(out, has ? "" : "<section class=\"card\">\n<h2>What the failed runs said</h2>\n");
        has = true;
        page_text(out, "<h3>", run->table, "");
        if (run->exit_code >= 0)
            strbuf_printf(out, ", exit code %" PRId64, run->exit_code);
        strbuf_puts(out, "</h3>\n");
        masker_text(masker, slice_of(run->error), &text);
        put_excerpt(run->id, strbuf_text(&text), out);
        strbuf_free(&text);
    }
    strbuf_puts(out, has ? "</section>\n" : "");
    masker_close(masker);
}

static void put_incidents(const struct cycle_page *page, struct strbuf *out)
{
    if (page->incidents.count == 0)
        return;
    struct show_table *table = report_incidents_table(&page->incidents, page->as_of_ms);
    show_table_link(table, "/incidents/");
    strbuf_puts(out, "<section class=\"card\">\n<h2>Incidents that were open</h2>\n");
    show_table_html(table, out);
    strbuf_puts(out, "</section>\n");
    show_table_free(table);
}

/* Behind its last record come a few more of the same moment, such as the one that says when the next run is. */
static void put_log(const struct cycle_page *page, struct query *query, struct strbuf *out)
{
    enum { LAST_RECORDS_MS = 1000 };
    const struct cycle_row *cycle = page->cycle;
    struct log_period period = { .from_ms = cycle->started_ms,
                                 .to_ms = cycle->ended_ms ? cycle->ended_ms + LAST_RECORDS_MS : INT64_MAX };
    if (page->after && page->after_ms <= period.to_ms)
        period.to_ms = page->after_ms - 1;
    page_log(page->site, query, &period, &page->incidents, out);
}

static void put_cycle_page(const struct cycle_page *page, struct query *query, struct strbuf *out)
{
    const struct cycle_row *cycle = page->cycle;
    struct strbuf title = { 0 }, headline = { 0 };
    strbuf_printf(&title, "Cycle %" PRId64, cycle->id);
    strbuf_printf(&headline, "%s, ", cycle->outcome);
    format_duration(&headline, cycle->duration_ms);
    strbuf_puts(&headline, ", ");
    format_count(&headline, cycle->rows);
    strbuf_puts(&headline, " rows");
    page_begin(page->site,
               &(struct page_head){ .title = strbuf_text(&title),
                                    .headline = strbuf_text(&headline),
                                    .tone = cycle_outcome_tone(cycle->outcome),
                                    .refresh_ms = cycle->ended_ms ? 0 : PAGE_SLOW_MS,
                                    .as_of_ms = page->as_of_ms },
               out);
    put_facts(page, out);
    put_runs(page, out);
    put_run_errors(page, out);
    put_incidents(page, out);
    put_log(page, query, out);
    page_end(out);
    strbuf_free(&title);
    strbuf_free(&headline);
}

bool answer_cycle(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                  struct strbuf *error)
{
    struct query query = { .db = db };
    struct cycle_rows found = { 0 };
    struct cycle_page page = { .site = site, .as_of_ms = status_as_of(&query, show_now_ms()) };
    cycles_find(&found, &query, request->id, page.as_of_ms);
    if (found.count) {
        page.cycle = &found.at[0];
        page.offset = format_offset(show_now_ms());
        page.incidents.as_of_ms = page.as_of_ms;
        runs_gather(&page.runs, &query, request->id, SERVE_CYCLE_RUNS_MAX);
        cycle_neighbours(&query, page.cycle, &page.before, &page.after, &page.after_ms);
        report_incidents_choose(&page.incidents, &query, page.cycle->started_ms,
                                page.cycle->started_ms + page.cycle->duration_ms + 1, SERVE_INCIDENTS_MAX, false);
    }
    bool good = !query_failed(&query);
    strbuf_puts(error, strbuf_text(&query.error));
    if (good && !found.count)
        site_refuse(site, SITE_NOT_FOUND, "There is no such cycle, or the history does not keep it any more.", answer);
    else if (good)
        put_cycle_page(&page, &query, &answer->body);
    report_incidents_free(&page.incidents);
    runs_free(&page.runs);
    cycles_free(&found);
    strbuf_free(&query.error);
    return good;
}

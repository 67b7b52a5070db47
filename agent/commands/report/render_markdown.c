/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "chart.h"
#include "words.h"

struct page {
    const struct report *report;
    struct strbuf *out;
    int offset;
};

/* A code span may hold anything but its own fence, so the fence is longer than any run of backticks in it. */
static void literal_put(const struct page *page, const char *text)
{
    struct strbuf inert = { 0 };
    size_t longest = 0, run = 0;
    escape_puts(&inert, text, ESCAPE_TEXT);
    for (size_t i = 0; i < inert.len; i++) {
        run = inert.at[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    for (size_t i = 0; i <= longest; i++)
        strbuf_puts(page->out, "`");
    strbuf_printf(page->out, " %s ", strbuf_text(&inert));
    for (size_t i = 0; i <= longest; i++)
        strbuf_puts(page->out, "`");
    strbuf_free(&inert);
}

static void facts_put(const struct page *page, struct words words)
{
    for (size_t i = 0; i < words.count; i++) {
        strbuf_puts(page->out, "- ");
        if (words.at[i].label) {
            strbuf_puts(page->out, "**");
            escape_puts(page->out, words.at[i].label, ESCAPE_MARKDOWN);
            strbuf_puts(page->out, ":** ");
        }
        if (words.at[i].form == WORDS_LITERAL)
            literal_put(page, words.at[i].value);
        else
            escape_puts(page->out, words.at[i].value, ESCAPE_MARKDOWN);
        strbuf_puts(page->out, "\n");
    }
    words_free(&words);
}

static void section_put(const struct page *page, const char *heading, struct words words)
{
    if (words.count)
        strbuf_printf(page->out, "\n## %s\n\n", heading);
    facts_put(page, words);
}

static void grid_put(const struct page *page, const char *heading, struct show_table *grid)
{
    if (show_table_rows(grid) > 0) {
        strbuf_printf(page->out, "\n## %s\n\n", heading);
        show_table_markdown(grid, page->out);
    }
    show_table_free(grid);
}

static void head_put(const struct page *page)
{
    const struct report *report = page->report;
    struct strbuf text = { 0 };
    words_title(report, &text);
    strbuf_puts(page->out, "# ");
    escape_puts(page->out, strbuf_text(&text), ESCAPE_MARKDOWN);
    strbuf_clear(&text);
    words_headline(report, &text);
    strbuf_puts(page->out, "\n\n**");
    escape_puts(page->out, strbuf_text(&text), ESCAPE_MARKDOWN);
    strbuf_puts(page->out, "**\n\n");
    if (report->kind == REPORT_INCIDENT && report->incident.summary) {
        escape_puts(page->out, report->incident.summary, ESCAPE_MARKDOWN);
        strbuf_puts(page->out, "\n\n");
    }
    strbuf_clear(&text);
    format_date(&text, report->begin_ms);
    strbuf_puts(&text, ", times in ");
    format_offset_words(&text, page->offset);
    if (report->host)
        strbuf_printf(&text, ", host %s", report->host);
    escape_puts(page->out, strbuf_text(&text), ESCAPE_MARKDOWN);
    strbuf_puts(page->out, "\n");
    strbuf_free(&text);
}

static void event_put(const struct page *page, const struct report_event *event)
{
    struct strbuf text = { 0 };
    strbuf_puts(page->out, "- ");
    format_clock(page->out, event->at_ms, page->offset);
    strbuf_puts(page->out, " **");
    escape_puts(page->out, event->kind, ESCAPE_MARKDOWN);
    strbuf_puts(page->out, "** ");
    if (event->mark == MARK_EVIDENCE)
        literal_put(page, event->text);
    else
        escape_puts(page->out, event->text, ESCAPE_MARKDOWN);
    if (event->offset >= 0)
        strbuf_printf(page->out, " (log offset %" PRId64 ")", event->offset);
    strbuf_puts(page->out, "\n");
    for (size_t i = 0; i < event->delivery_count; i++) {
        strbuf_clear(&text);
        words_delivery(&page->report->deliveries[event->first_delivery + i], page->offset, &text);
        strbuf_puts(page->out, "  - ");
        escape_puts(page->out, strbuf_text(&text), ESCAPE_MARKDOWN);
        strbuf_puts(page->out, "\n");
    }
    strbuf_free(&text);
}

static void chart_put(const struct page *page)
{
    struct terminal terminal = { .width = 90, .utf8 = true };
    if (page->report->cycle_count == 0)
        return;
    strbuf_puts(page->out, "\n## Cycle durations (logarithmic)\n\n```text\n");
    chart_text(page->report, &terminal, page->out);
    strbuf_puts(page->out, "```\n");
}

static void story_put(const struct page *page)
{
    int64_t day = INT64_MIN;
    strbuf_puts(page->out, "\n## Timeline\n");
    for (size_t i = 0; i < page->report->event_count; i++) {
        const struct report_event *event = &page->report->events[i];
        if (format_day(event->at_ms) != day) {
            strbuf_puts(page->out, "\n### ");
            format_date(page->out, event->at_ms);
            strbuf_puts(page->out, "\n\n");
            day = format_day(event->at_ms);
        }
        event_put(page, event);
    }
}

static void gaps_put(const struct page *page)
{
    struct words gaps = words_gaps(page->report);
    if (gaps.count || page->report->totals.missed) {
        strbuf_puts(page->out, "\n## Missed cycles and late data\n\n");
        if (page->report->totals.missed) {
            strbuf_puts(page->out, "- ");
            words_missed(page->report, page->out);
            strbuf_puts(page->out, "\n");
        }
    }
    facts_put(page, gaps);
}

static void incident_put(const struct page *page)
{
    const struct report *report = page->report;
    struct strbuf text = { 0 };
    section_put(page, "Times", words_times(report));
    section_put(page, "How it went", words_measures(report));
    section_put(page, "Cause", words_cause(report));
    chart_put(page);
    story_put(page);
    grid_put(page, "Tables, from onset to recovery", words_tables(report));
    gaps_put(page);
    grid_put(page, "Open at the same time", words_incidents(&report->related, report->now_ms));
    words_recurrence(report, &text);
    strbuf_puts(page->out, "\n## Recurrence\n\n");
    escape_puts(page->out, strbuf_text(&text), ESCAPE_MARKDOWN);
    strbuf_puts(page->out, "\n");
    strbuf_free(&text);
    section_put(page, "Open questions", words_questions(report));
}

void report_markdown(const struct report *report, struct strbuf *out)
{
    struct page page = { report, out, words_offset(report) };
    head_put(&page);
    if (report->kind == REPORT_INCIDENT) {
        incident_put(&page);
        return;
    }
    section_put(&page, "Figures", words_period(report));
    chart_put(&page);
    grid_put(&page, "Incidents", words_incidents(&report->incidents, report->now_ms));
    grid_put(&page, "Tables", words_tables(report));
    gaps_put(&page);
}

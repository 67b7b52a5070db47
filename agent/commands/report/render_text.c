/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/terminal.h"
#include "chart.h"
#include "words.h"

enum { LABEL_COLUMNS = 19, STORY_INDENT = 11 };

struct page {
    const struct report *report;
    const struct terminal *terminal;
    struct strbuf *out;
    int offset;
};

static enum escape_form form_of(const struct terminal *terminal)
{
    return terminal->utf8 ? ESCAPE_TEXT : ESCAPE_ASCII;
}

/* Raw text, made inert and wrapped. */
static void wrap_put(const struct page *page, enum tone tone, const char *text, int column, int indent)
{
    struct strbuf inert = { 0 };
    escape_puts(&inert, text, form_of(page->terminal));
    if (inert.len)
        terminal_wrap(page->terminal, page->out, tone, strbuf_text(&inert), column, indent);
    else
        strbuf_puts(page->out, "\n");
    strbuf_free(&inert);
}

static void fact_put(const struct page *page, const struct words_fact *fact)
{
    struct strbuf label = { 0 };
    escape_puts(&label, fact->label, form_of(page->terminal));
    int columns = 2 + terminal_columns(strbuf_text(&label));
    strbuf_puts(page->out, "  ");
    terminal_say(page->terminal, page->out, TONE_DIM, strbuf_text(&label));
    if (columns < LABEL_COLUMNS) {
        terminal_spaces(page->out, LABEL_COLUMNS - columns);
    } else {
        strbuf_puts(page->out, "\n");
        terminal_spaces(page->out, LABEL_COLUMNS);
    }
    wrap_put(page, fact->tone, fact->value, LABEL_COLUMNS, LABEL_COLUMNS);
    strbuf_free(&label);
}

/* Takes the words over. */
static void facts_put(const struct page *page, struct words words)
{
    for (size_t i = 0; i < words.count; i++)
        fact_put(page, &words.at[i]);
    words_free(&words);
}

static void bullets_put(const struct page *page, struct words words)
{
    for (size_t i = 0; i < words.count; i++) {
        strbuf_printf(page->out, "  %s ", terminal_glyph(page->terminal, GLYPH_BULLET));
        wrap_put(page, words.at[i].tone, words.at[i].value, 4, 4);
    }
    words_free(&words);
}

static void head_put(const struct page *page)
{
    const struct report *report = page->report;
    bool incident = report->kind == REPORT_INCIDENT;
    struct strbuf text = { 0 };
    words_title(report, &text);
    wrap_put(page, TONE_BOLD, strbuf_text(&text), 0, 0);
    strbuf_clear(&text);
    words_headline(report, &text);
    enum tone tone = !incident ? TONE_PLAIN : report->incident.resolved_ms ? TONE_GOOD : words_tone(&report->incident);
    wrap_put(page, tone, strbuf_text(&text), 0, 0);
    if (incident && report->incident.summary)
        wrap_put(page, TONE_PLAIN, report->incident.summary, 0, 0);
    strbuf_clear(&text);
    format_date(&text, report->begin_ms);
    strbuf_puts(&text, ", times in ");
    format_offset_words(&text, page->offset);
    if (report->host)
        strbuf_printf(&text, ", host %s", report->host);
    wrap_put(page, TONE_DIM, strbuf_text(&text), 0, 0);
    strbuf_free(&text);
}

static enum tone mark_tone(enum report_mark mark)
{
    static const enum tone tones[] = {
        [MARK_NOTE] = TONE_PLAIN,        [MARK_ONSET] = TONE_BOLD,    [MARK_WARNING] = TONE_WARNING,
        [MARK_CRITICAL] = TONE_CRITICAL, [MARK_NOTIFIED] = TONE_BOLD, [MARK_PROMETHEUS] = TONE_DIM,
        [MARK_GOOD] = TONE_GOOD,         [MARK_EVIDENCE] = TONE_DIM,
    };
    return tones[mark];
}

static void event_put(const struct page *page, const struct report_event *event)
{
    struct strbuf text = { 0 };
    format_clock(&text, event->at_ms, page->offset);
    terminal_say(page->terminal, page->out, TONE_DIM, strbuf_text(&text));
    enum glyph glyph = event->mark == MARK_EVIDENCE ? GLYPH_RAIL : GLYPH_NODE;
    strbuf_puts(page->out, " ");
    terminal_say(page->terminal, page->out, mark_tone(event->mark), terminal_glyph(page->terminal, glyph));
    strbuf_puts(page->out, " ");
    strbuf_clear(&text);
    if (event->mark != MARK_EVIDENCE)
        strbuf_printf(&text, "%s%s", event->kind, *event->text ? ": " : "");
    strbuf_puts(&text, event->text);
    if (event->offset >= 0)
        strbuf_printf(&text, " (log offset %" PRId64 ")", event->offset);
    wrap_put(page, mark_tone(event->mark), strbuf_text(&text), STORY_INDENT, STORY_INDENT);
    for (size_t i = 0; i < event->delivery_count; i++) {
        const struct report_delivery *delivery = &page->report->deliveries[event->first_delivery + i];
        strbuf_clear(&text);
        words_delivery(delivery, page->offset, &text);
        terminal_spaces(page->out, STORY_INDENT);
        strbuf_printf(page->out, "%s ", terminal_glyph(page->terminal, GLYPH_ARROW));
        wrap_put(page, delivery->delivered_ms ? TONE_DIM : TONE_WARNING, strbuf_text(&text), STORY_INDENT + 3,
                 STORY_INDENT + 3);
    }
    strbuf_free(&text);
}

static void story_put(const struct page *page)
{
    const struct report *report = page->report;
    int64_t day = format_day(report->begin_ms);
    terminal_heading(page->terminal, page->out, "Timeline");
    for (size_t i = 0; i < report->event_count; i++) {
        if (format_day(report->events[i].at_ms) != day) {
            struct strbuf date = { 0 };
            format_date(&date, report->events[i].at_ms);
            terminal_say(page->terminal, page->out, TONE_DIM, strbuf_text(&date));
            strbuf_puts(page->out, "\n");
            strbuf_free(&date);
            day = format_day(report->events[i].at_ms);
        }
        event_put(page, &report->events[i]);
    }
}

static void grid_put(const struct page *page, const char *heading, struct show_table *grid)
{
    if (show_table_rows(grid) > 0) {
        terminal_heading(page->terminal, page->out, heading);
        show_table_text(grid, page->terminal, 2, page->out);
    }
    show_table_free(grid);
}

static void gaps_put(const struct page *page)
{
    struct words gaps = words_gaps(page->report);
    if (gaps.count == 0 && page->report->totals.missed == 0) {
        words_free(&gaps);
        return;
    }
    terminal_heading(page->terminal, page->out, "Missed cycles and late data");
    if (page->report->totals.missed) {
        struct strbuf text = { 0 };
        words_missed(page->report, &text);
        strbuf_puts(page->out, "  ");
        wrap_put(page, TONE_PLAIN, strbuf_text(&text), 2, 2);
        strbuf_free(&text);
    }
    for (size_t i = 0; i < gaps.count; i++) {
        strbuf_puts(page->out, "  ");
        wrap_put(page, TONE_BOLD, gaps.at[i].label, 2, 2);
        strbuf_puts(page->out, "    ");
        wrap_put(page, gaps.at[i].tone, gaps.at[i].value, 4, 4);
    }
    words_free(&gaps);
}

static void chart_put(const struct page *page)
{
    if (page->report->cycle_count == 0)
        return;
    terminal_heading(page->terminal, page->out, "Cycle durations (logarithmic)");
    chart_text(page->report, page->terminal, page->out);
}

static void incident_put(const struct page *page)
{
    struct strbuf recurrence = { 0 };
    terminal_heading(page->terminal, page->out, "Times");
    facts_put(page, words_times(page->report));
    terminal_heading(page->terminal, page->out, "How it went");
    facts_put(page, words_measures(page->report));
    terminal_heading(page->terminal, page->out, "Cause");
    facts_put(page, words_cause(page->report));
    chart_put(page);
    story_put(page);
    grid_put(page, "Tables, from onset to recovery", words_tables(page->report));
    gaps_put(page);
    grid_put(page, "Open at the same time", words_incidents(&page->report->related, page->report->now_ms));
    terminal_heading(page->terminal, page->out, "Recurrence");
    words_recurrence(page->report, &recurrence);
    strbuf_puts(page->out, "  ");
    wrap_put(page, TONE_PLAIN, strbuf_text(&recurrence), 2, 2);
    strbuf_free(&recurrence);
    struct words questions = words_questions(page->report);
    if (questions.count)
        terminal_heading(page->terminal, page->out, "Open questions");
    bullets_put(page, questions);
}

static void period_put(const struct page *page)
{
    terminal_heading(page->terminal, page->out, "Figures");
    facts_put(page, words_period(page->report));
    chart_put(page);
    grid_put(page, "Incidents", words_incidents(&page->report->incidents, page->report->now_ms));
    grid_put(page, "Tables", words_tables(page->report));
    gaps_put(page);
}

void report_text(const struct report *report, const struct terminal *terminal, struct strbuf *out)
{
    struct page page = { report, terminal, out, words_offset(report) };
    head_put(&page);
    if (report->kind == REPORT_INCIDENT)
        incident_put(&page);
    else
        period_put(&page);
}

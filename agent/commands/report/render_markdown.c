/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "blocks.h"
#include "chart.h"
#include "words.h"

/* A code span may hold anything but its own fence, so the fence is longer than any run of backticks in it. */
static void markdown_literal(const char *text, struct strbuf *out)
{
    struct strbuf escaped = { 0 };
    size_t longest = 0, run = 0;
    escape_puts(&escaped, text, ESCAPE_TEXT);
    for (size_t i = 0; i < escaped.len; i++) {
        run = escaped.at[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    for (size_t i = 0; i <= longest; i++)
        strbuf_puts(out, "`");
    strbuf_printf(out, " %s ", strbuf_text(&escaped));
    for (size_t i = 0; i <= longest; i++)
        strbuf_puts(out, "`");
    strbuf_free(&escaped);
}

static void markdown_fact(const struct fact *fact, struct strbuf *out)
{
    strbuf_puts(out, "- ");
    if (fact->label) {
        strbuf_puts(out, "**");
        escape_puts(out, fact->label, ESCAPE_MARKDOWN);
        strbuf_puts(out, ":** ");
    }
    if (fact->form == FACT_LITERAL)
        markdown_literal(fact->value, out);
    else if (fact->form == FACT_LINK)
        strbuf_printf(out, "<%s>", fact->value);
    else
        escape_puts(out, fact->value, ESCAPE_MARKDOWN);
    strbuf_puts(out, "\n");
}

static void markdown_event(const struct report *report, const struct report_event *event, struct strbuf *out)
{
    strbuf_printf(out, "- %s **", brief_clock(report, event->at_ms).text);
    escape_puts(out, event->kind, ESCAPE_MARKDOWN);
    strbuf_puts(out, "** ");
    if (event->mark == MARK_EVIDENCE)
        markdown_literal(event->text, out);
    else
        escape_puts(out, event->text, ESCAPE_MARKDOWN);
    if (event->offset >= 0)
        strbuf_printf(out, " (log offset %" PRId64 ")", event->offset);
    strbuf_puts(out, "\n");
    for (size_t i = 0; i < event->delivery_count; i++) {
        struct strbuf text = { 0 };
        delivery_words(report, &report->deliveries[event->first_delivery + i], &text);
        strbuf_puts(out, "  - ");
        escape_puts(out, strbuf_text(&text), ESCAPE_MARKDOWN);
        strbuf_puts(out, "\n");
        strbuf_free(&text);
    }
}

static void markdown_timeline(const struct report *report, struct strbuf *out)
{
    for (size_t i = 0; i < report->shown_count; i++) {
        const struct report_event *event = &report->shown[i];
        if (i == 0 || format_day(event->at_ms) != format_day(report->shown[i - 1].at_ms)) {
            strbuf_puts(out, i ? "\n### " : "### ");
            format_date(out, event->at_ms);
            strbuf_puts(out, "\n\n");
        }
        markdown_event(report, event, out);
    }
}

static void markdown_chart(const struct report *report, struct strbuf *out)
{
    struct terminal terminal = { .width = 90, .utf8 = true };
    strbuf_puts(out, "```text\n");
    chart_text(report, &terminal, out);
    strbuf_puts(out, "```\n");
}

static void markdown_block(const struct report *report, const struct block *block, struct strbuf *out)
{
    strbuf_printf(out, "\n## %s\n\n", block->heading);
    switch (block->form) {
    case BLOCK_FACTS:
    case BLOCK_ENTRIES:
    case BLOCK_BULLETS:
        for (size_t i = 0; i < block->facts.count; i++)
            markdown_fact(&block->facts.at[i], out);
        break;
    case BLOCK_PARAGRAPH:
        escape_puts(out, block->facts.at[0].value, ESCAPE_MARKDOWN);
        strbuf_puts(out, "\n");
        break;
    case BLOCK_TABLE: show_table_markdown(block->table, out); break;
    case BLOCK_CHART: markdown_chart(report, out); break;
    case BLOCK_TIMELINE: markdown_timeline(report, out); break;
    case BLOCK_EMPTY: break;
    }
}

/* A paragraph of the head between two marks. */
static void markdown_head(struct strbuf *out, const char *before, const char *text, const char *after)
{
    strbuf_puts(out, before);
    escape_puts(out, text, ESCAPE_MARKDOWN);
    strbuf_puts(out, after);
}

void report_markdown(const struct report *report, struct strbuf *out)
{
    struct blocks blocks = blocks_make(report);
    markdown_head(out, "# ", strbuf_text(&blocks.title), "\n\n");
    markdown_head(out, "**", strbuf_text(&blocks.headline), "**\n\n");
    if (blocks.one_line.len)
        markdown_head(out, "", blocks.one_line.at, "\n\n");
    markdown_head(out, "", strbuf_text(&blocks.about), "\n");
    for (int i = 0; i < SECTIONS; i++)
        if (blocks.at[i].form != BLOCK_EMPTY)
            markdown_block(report, &blocks.at[i], out);
    blocks_free(&blocks);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "blocks.h"
#include "chart.h"
#include "words.h"

enum { LABEL_COLUMNS = 19, TIMELINE_INDENT = 11, LABEL_ABOVE_BELOW = 60, NARROW_INDENT = 4 };

struct screen {
    const struct report *report;
    const struct terminal *terminal;
    struct strbuf *out;
};

/* Raw text, escaped and wrapped: the first line begins at that column, the others are indented. */
static void screen_wrap(const struct screen *screen, enum tone tone, const char *text, int column, int indent)
{
    struct strbuf escaped = { 0 };
    escape_puts(&escaped, text, screen->terminal->utf8 ? ESCAPE_TEXT : ESCAPE_ASCII);
    if (escaped.len)
        terminal_wrap(screen->terminal, screen->out, tone, strbuf_text(&escaped), column, indent);
    else
        strbuf_puts(screen->out, "\n");
    strbuf_free(&escaped);
}

/* A paragraph of its own. */
static void screen_indent(const struct screen *screen, enum tone tone, const char *text, int indent)
{
    terminal_spaces(screen->out, indent);
    screen_wrap(screen, tone, text, indent, indent);
}

static void screen_fact(const struct screen *screen, const struct fact *fact)
{
    int columns = 2 + terminal_columns(fact->label);
    int indent = screen->terminal->width < LABEL_ABOVE_BELOW ? NARROW_INDENT : LABEL_COLUMNS;
    terminal_spaces(screen->out, 2);
    terminal_say(screen->terminal, screen->out, TONE_DIM, fact->label);
    strbuf_puts(screen->out, columns < indent ? "" : "\n");
    terminal_spaces(screen->out, columns < indent ? indent - columns : indent);
    screen_wrap(screen, fact->tone, fact->value, indent, indent);
}

static void screen_entry(const struct screen *screen, const struct fact *fact)
{
    if (fact->label)
        screen_indent(screen, TONE_BOLD, fact->label, 2);
    screen_indent(screen, fact->tone, fact->value, fact->label ? 4 : 2);
}

static void screen_bullet(const struct screen *screen, const struct fact *fact)
{
    strbuf_printf(screen->out, "  %s ", terminal_glyph(screen->terminal, GLYPH_BULLET));
    screen_wrap(screen, fact->tone, fact->value, 4, 4);
}

static void screen_facts(const struct screen *screen, const struct facts *facts,
                         void (*put)(const struct screen *, const struct fact *))
{
    for (size_t i = 0; i < facts->count; i++)
        put(screen, &facts->at[i]);
}

static enum tone mark_tone(enum report_mark mark)
{
    static const enum tone tones[] = {
        [MARK_NOTE] = TONE_PLAIN,        [MARK_ONSET] = TONE_BOLD,    [MARK_WARNING] = TONE_WARNING,
        [MARK_CRITICAL] = TONE_CRITICAL, [MARK_NOTIFIED] = TONE_BOLD, [MARK_PROMETHEUS] = TONE_DIM,
        [MARK_GOOD] = TONE_GOOD,         [MARK_EVIDENCE] = TONE_DIM,  [MARK_ACKNOWLEDGED] = TONE_BOLD,
    };
    return tones[mark];
}

static void screen_delivery(const struct screen *screen, const struct report_delivery *delivery)
{
    struct strbuf text = { 0 };
    delivery_words(screen->report, delivery, &text);
    terminal_spaces(screen->out, TIMELINE_INDENT);
    strbuf_printf(screen->out, "%s ", terminal_glyph(screen->terminal, GLYPH_ARROW));
    screen_wrap(screen, delivery->delivered_ms ? TONE_DIM : TONE_WARNING, strbuf_text(&text), TIMELINE_INDENT + 3,
                TIMELINE_INDENT + 3);
    strbuf_free(&text);
}

static void screen_event(const struct screen *screen, const struct report_event *event)
{
    bool evidence = event->mark == MARK_EVIDENCE;
    struct strbuf text = { 0 };
    if (event->mark == MARK_ACKNOWLEDGED)
        strbuf_puts(&text, "Acknowledged ");
    else if (!evidence)
        strbuf_printf(&text, "%s%s", event->kind, *event->text ? ": " : "");
    strbuf_puts(&text, event->text);
    if (event->offset >= 0)
        strbuf_printf(&text, " (log offset %" PRId64 ")", event->offset);
    terminal_say(screen->terminal, screen->out, TONE_DIM, brief_clock(screen->report, event->at_ms).text);
    strbuf_puts(screen->out, " ");
    terminal_say(screen->terminal, screen->out, mark_tone(event->mark),
                 terminal_glyph(screen->terminal, evidence ? GLYPH_RAIL : GLYPH_NODE));
    strbuf_puts(screen->out, " ");
    screen_wrap(screen, mark_tone(event->mark), strbuf_text(&text), TIMELINE_INDENT, TIMELINE_INDENT);
    for (size_t i = 0; i < event->delivery_count; i++)
        screen_delivery(screen, &screen->report->deliveries[event->first_delivery + i]);
    strbuf_free(&text);
}

static void screen_timeline(const struct screen *screen)
{
    const struct report *report = screen->report;
    int64_t day = format_day(report->begin_ms);
    for (size_t i = 0; i < report->shown_count; i++) {
        if (format_day(report->shown[i].at_ms) != day) {
            struct strbuf date = { 0 };
            format_date(&date, report->shown[i].at_ms);
            terminal_say(screen->terminal, screen->out, TONE_DIM, strbuf_text(&date));
            strbuf_puts(screen->out, "\n");
            strbuf_free(&date);
            day = format_day(report->shown[i].at_ms);
        }
        screen_event(screen, &report->shown[i]);
    }
}

static void screen_table(const struct screen *screen, const struct block *block)
{
    if (block->incidents && screen->terminal->width < REPORT_LIST_BELOW_COLUMNS)
        report_incidents_list(block->incidents, screen->terminal, 2, screen->out);
    else
        show_table_text(block->table, screen->terminal, 2, screen->out);
}

static void screen_block(const struct screen *screen, const struct block *block)
{
    terminal_heading(screen->terminal, screen->out, block->heading);
    switch (block->form) {
    case BLOCK_FACTS: screen_facts(screen, &block->facts, screen_fact); break;
    case BLOCK_BULLETS: screen_facts(screen, &block->facts, screen_bullet); break;
    case BLOCK_ENTRIES:
    case BLOCK_PARAGRAPH: screen_facts(screen, &block->facts, screen_entry); break;
    case BLOCK_TABLE: screen_table(screen, block); break;
    case BLOCK_CHART: chart_text(screen->report, screen->terminal, screen->out); break;
    case BLOCK_TIMELINE: screen_timeline(screen); break;
    case BLOCK_EMPTY: break;
    }
}

void report_text(const struct report *report, const struct terminal *terminal, struct strbuf *out)
{
    struct screen screen = { report, terminal, out };
    struct blocks blocks = blocks_make(report);
    screen_wrap(&screen, TONE_BOLD, strbuf_text(&blocks.title), 0, 0);
    screen_wrap(&screen, blocks.tone, strbuf_text(&blocks.headline), 0, 0);
    if (blocks.one_line.len)
        screen_wrap(&screen, TONE_PLAIN, blocks.one_line.at, 0, 0);
    screen_wrap(&screen, TONE_DIM, strbuf_text(&blocks.about), 0, 0);
    for (int i = 0; i < SECTIONS; i++)
        if (blocks.at[i].form != BLOCK_EMPTY)
            screen_block(&screen, &blocks.at[i]);
    blocks_free(&blocks);
}

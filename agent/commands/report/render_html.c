/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report as one HTML file that needs nothing else: no network, no script. */
#include <inttypes.h>

#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "blocks.h"
#include "chart.h"
#include "html_style.h"
#include "words.h"

static const char *tone_class(enum tone tone)
{
    static const char *const classes[] = {
        [TONE_PLAIN] = "plain", [TONE_BOLD] = "plain",      [TONE_DIM] = "plain",
        [TONE_GOOD] = "good",   [TONE_WARNING] = "warning", [TONE_CRITICAL] = "critical",
    };
    return classes[tone];
}

/* Raw text, escaped, between two tags. */
static void html_text(struct strbuf *out, const char *before, const char *text, const char *after)
{
    strbuf_puts(out, before);
    escape_puts(out, text, ESCAPE_HTML);
    strbuf_puts(out, after);
}

/* --- Blocks ----------------------------------------------------------------------------------------------------- */

/* A value without a label stands above the list as a paragraph. */
static void html_facts(const struct facts *facts, struct strbuf *out)
{
    size_t first = 0;
    for (; first < facts->count && !facts->at[first].label; first++)
        html_text(out, "<p class=\"lead\">", facts->at[first].value, "</p>\n");
    strbuf_puts(out, first < facts->count ? "<dl class=\"facts\">\n" : "");
    for (size_t i = first; i < facts->count; i++) {
        const struct fact *fact = &facts->at[i];
        bool literal = fact->form == FACT_LITERAL;
        html_text(out, "<dt>", fact->label, "</dt>");
        strbuf_printf(out, "<dd class=\"%s\">", tone_class(fact->tone));
        if (fact->form == FACT_LINK)
            html_text(out, "<a href=\"", fact->value, "\">");
        html_text(out, literal ? "<code>" : "", fact->value, literal ? "</code>" : "");
        strbuf_puts(out, fact->form == FACT_LINK ? "</a></dd>\n" : "</dd>\n");
    }
    strbuf_puts(out, first < facts->count ? "</dl>\n" : "");
}

static void html_bullets(const struct facts *facts, struct strbuf *out)
{
    strbuf_puts(out, "<ul class=\"asks\">\n");
    for (size_t i = 0; i < facts->count; i++) {
        strbuf_printf(out, "<li class=\"%s\">", tone_class(facts->at[i].tone));
        html_text(out, "", facts->at[i].value, "</li>\n");
    }
    strbuf_puts(out, "</ul>\n");
}

/* The key names only those shades that the chart has. */
void report_chart_html(const struct report *report, struct strbuf *out)
{
    bool critical = report->incident.critical_ms != 0;
    bool warning = report->kind == REPORT_INCIDENT && !critical;
    for (size_t i = 0; i < report->incidents.count; i++) {
        critical |= report->incidents.at[i].critical_ms != 0;
        warning |= report->incidents.at[i].critical_ms == 0;
    }
    strbuf_puts(out, "<div class=\"scroll\">\n");
    chart_svg(report, out);
    strbuf_puts(out, "</div>\n<ul class=\"key\"><li class=\"fine\">good</li>"
                     "<li class=\"slow\">slow or running</li>"
                     "<li class=\"bad\">failed or too slow</li><li class=\"none\">no cycle</li>");
    strbuf_puts(out, critical ? "<li class=\"severe\">critical incident</li>" : "");
    strbuf_puts(out, warning ? "<li class=\"lesser\">warning</li>" : "");
    if (report->baseline.cycles)
        strbuf_printf(out, "<li class=\"usual\">usual: %s</li>", brief_baseline(&report->baseline).text);
    strbuf_puts(out, "</ul>\n");
    chart_numbers(report, out);
}

static const char *mark_class(enum report_mark mark)
{
    static const char *const classes[] = {
        [MARK_NOTE] = "note-of",      [MARK_ONSET] = "onset",       [MARK_WARNING] = "warning",
        [MARK_CRITICAL] = "critical", [MARK_NOTIFIED] = "plain",    [MARK_PROMETHEUS] = "ghost",
        [MARK_GOOD] = "good",         [MARK_EVIDENCE] = "evidence", [MARK_ACKNOWLEDGED] = "plain",
    };
    return classes[mark];
}

static void html_deliveries(const struct report *report, const struct report_event *event, struct strbuf *out)
{
    strbuf_puts(out, event->delivery_count ? "<ul class=\"sent\">" : "");
    for (size_t i = 0; i < event->delivery_count; i++) {
        const struct report_delivery *delivery = &report->deliveries[event->first_delivery + i];
        struct strbuf text = { 0 };
        delivery_words(report, delivery, &text);
        html_text(out, delivery->delivered_ms ? "<li>" : "<li class=\"failed\">", strbuf_text(&text), "</li>");
        strbuf_free(&text);
    }
    strbuf_puts(out, event->delivery_count ? "</ul>" : "");
}

static void html_event(const struct report *report, const struct report_event *event, struct strbuf *out)
{
    bool evidence = event->mark == MARK_EVIDENCE;
    strbuf_printf(out, "<li class=\"%s\"><time>%s</time><div><p>", mark_class(event->mark),
                  brief_clock(report, event->at_ms).text);
    if (!evidence)
        html_text(out, "<b>", event->kind, "</b> ");
    html_text(out, evidence ? "<code>" : "", event->text, evidence ? "</code>" : "");
    if (event->offset >= 0)
        strbuf_printf(out, " <span class=\"note\">log offset %" PRId64 "</span>", event->offset);
    strbuf_puts(out, "</p>");
    html_deliveries(report, event, out);
    strbuf_puts(out, "</div></li>\n");
}

static void html_timeline(const struct report *report, struct strbuf *out)
{
    int64_t day = format_day(report->begin_ms);
    strbuf_puts(out, "<ol class=\"story\">\n");
    for (size_t i = 0; i < report->shown_count; i++) {
        const struct report_event *event = &report->shown[i];
        if (format_day(event->at_ms) != day) {
            strbuf_puts(out, "<li class=\"day\">");
            format_date(out, event->at_ms);
            strbuf_puts(out, "</li>\n");
            day = format_day(event->at_ms);
        }
        html_event(report, event, out);
    }
    strbuf_puts(out, "</ol>\n");
}

static void html_block(const struct report *report, const struct block *block, struct strbuf *out)
{
    if (block->form == BLOCK_EMPTY)
        return;
    strbuf_printf(out, "<section class=\"card\">\n<h2>%s%s</h2>\n", block->heading,
                  block->form == BLOCK_CHART ? " and rows" : "");
    switch (block->form) {
    case BLOCK_FACTS:
    case BLOCK_ENTRIES: html_facts(&block->facts, out); break;
    case BLOCK_BULLETS: html_bullets(&block->facts, out); break;
    case BLOCK_PARAGRAPH: html_text(out, "<p class=\"plain\">", block->facts.at[0].value, "</p>\n"); break;
    case BLOCK_TABLE: show_table_html(block->table, out); break;
    case BLOCK_CHART: report_chart_html(report, out); break;
    case BLOCK_TIMELINE: html_timeline(report, out); break;
    case BLOCK_EMPTY: break;
    }
    strbuf_puts(out, "</section>\n");
}

/* --- The page --------------------------------------------------------------------------------------------------- */

/* A server says in a header what its page allows itself. */
static const char file_policy[] = "<meta http-equiv=\"Content-Security-Policy\""
                                  " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
/* The page of an open incident is live. */
static void html_style(const struct report *report, bool is_served, struct strbuf *out)
{
    enum { EVERY_MS = 5000 };
    if (is_served) {
        strbuf_puts(out, "<link rel=\"stylesheet\" href=\"/style.css\">\n<link rel=\"icon\" href=\"/icon.svg\">\n");
        if (report->kind == REPORT_INCIDENT && report->incident.open)
            report_refresh(EVERY_MS, out);
        return;
    }
    strbuf_puts(out, "<style>\n");
    report_style(out);
    strbuf_puts(out, "</style>\n");
}

static void html_head(const struct report *report, const struct blocks *blocks, bool is_served, struct strbuf *out)
{
    bool incident = report->kind == REPORT_INCIDENT;
    strbuf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    strbuf_puts(out, is_served ? "" : file_policy);
    html_text(out, "<title>", strbuf_text(&blocks->title), "</title>\n");
    html_style(report, is_served, out);
    strbuf_printf(out, "</head>\n<body>\n<main>\n<header class=\"%s\">\n", tone_class(blocks->tone));
    if (is_served)
        report_navigation(incident ? NULL : "/report?since=7d", out);
    strbuf_puts(out, "<p class=\"eyebrow\">");
    if (incident)
        strbuf_printf(out, "<span class=\"badge %s\">%s</span>", tone_class(report_incident_tone(&report->incident)),
                      tone_class(report_incident_tone(&report->incident)));
    html_text(out, "", strbuf_text(&blocks->about), "</p>\n<h1>");
    html_text(out, "", strbuf_text(&blocks->title), "</h1>\n<p class=\"headline\">");
    html_text(out, "", strbuf_text(&blocks->ending), "</p>\n");
    if (blocks->one_line.len)
        html_text(out, "<p class=\"summary\">", blocks->one_line.at, "</p>\n");
    strbuf_puts(out, "</header>\n");
}

/* One of the figures that stand below the head in large print. */
static void html_card(struct strbuf *out, const char *label, enum tone tone, const char *figure, const char *note)
{
    strbuf_printf(
        out,
        "<div class=\"card %s\"><p class=\"note\">%s</p><p class=\"figure\">%s</p><p class=\"note\">%s</p></div>\n",
        tone == TONE_PLAIN ? "quiet" : tone_class(tone), label, figure, note);
}

static void html_recovery_card(const struct report *report, struct strbuf *out)
{
    const struct report_incident *incident = &report->incident;
    int64_t expected_ms = report_incident_promise_ms(incident), took_ms = report_lasted_ms(report);
    struct strbuf note = { 0 };
    strbuf_puts(&note, incident->resolved_ms ? "from the onset" : "since the onset, not over");
    if (expected_ms)
        strbuf_printf(&note, "; the runbook expects up to %s", brief_lasted(expected_ms).text);
    html_card(out, incident->resolved_ms ? "Time to recover" : "Open for",
              expected_ms && took_ms > expected_ms ? TONE_WARNING : TONE_PLAIN, brief_lasted(took_ms).text,
              strbuf_text(&note));
    strbuf_free(&note);
}

static void html_lead_card(const struct report_incident *incident, struct strbuf *out)
{
    int64_t lead_ms;
    bool known = report_incident_lead(incident, &lead_ms);
    if (known && lead_ms < 0)
        html_card(out, "After Prometheus", TONE_WARNING, brief_duration(-lead_ms).text, "it would have fired first");
    else if (known)
        html_card(out, "Before Prometheus", TONE_GOOD, brief_duration(lead_ms).text, "it would have fired later");
    else if (!incident->notified_ms)
        html_card(out, "Paged", TONE_WARNING, "nobody",
                  incident->silenced ? "a silence was in force" : "nobody was notified");
    else if (report_incident_is_own(incident))
        html_card(out, "Prometheus", TONE_PLAIN, "blind", "it does not watch the agent");
    else
        html_card(out, "Prometheus", TONE_GOOD, "silent",
                  incident->open ? "it would not have fired yet" : "it would not have fired");
}

static void html_acknowledged_card(const struct report *report, struct strbuf *out)
{
    const char *how;
    struct strbuf note = { 0 };
    int64_t at_ms = report_acknowledged(report, &how);
    escape_puts(&note, how, ESCAPE_HTML);
    if (at_ms)
        html_card(out, "Acknowledged", TONE_PLAIN, brief_duration(elapsed_ms(report->incident.opened_ms, at_ms)).text,
                  strbuf_text(&note));
    strbuf_free(&note);
}

static void html_cards(const struct report *report, struct strbuf *out)
{
    const struct report_incident *incident = &report->incident;
    strbuf_puts(out, "<div class=\"cards\">\n");
    html_card(out, "Time to detect", TONE_PLAIN,
              brief_duration(elapsed_ms(incident->onset_ms, incident->opened_ms)).text, "after the onset");
    html_lead_card(incident, out);
    html_acknowledged_card(report, out);
    html_recovery_card(report, out);
    strbuf_puts(out, "</div>\n");
}

/* A page shows the chart early, and two short sections beside each other. */
static void html_blocks(const struct report *report, const struct blocks *blocks, struct strbuf *out)
{
    static const enum section below[] = { SECTION_TIMELINE,    SECTION_MEASURES,   SECTION_RUNBOOKS, SECTION_DEVIATIONS,
                                          SECTION_ROOT_CAUSES, SECTION_INCIDENTS,  SECTION_TABLES,   SECTION_LATE_DATA,
                                          SECTION_RELATED,     SECTION_RECURRENCE, SECTION_QUESTIONS };
    html_block(report, &blocks->at[SECTION_FIGURES], out);
    html_block(report, &blocks->at[SECTION_CHART], out);
    if (report->kind == REPORT_INCIDENT) {
        strbuf_puts(out, "<div class=\"pair\">\n");
        html_block(report, &blocks->at[SECTION_TIMES], out);
        html_block(report, &blocks->at[SECTION_CAUSE], out);
        strbuf_puts(out, "</div>\n");
    }
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++)
        html_block(report, &blocks->at[below[i]], out);
}

static void html_page(const struct report *report, bool is_served, struct strbuf *out)
{
    struct blocks blocks = blocks_make(report);
    html_head(report, &blocks, is_served, out);
    if (report->kind == REPORT_INCIDENT)
        html_cards(report, out);
    html_blocks(report, &blocks, out);
    strbuf_printf(out,
                  "<footer>Made from the agent's history at %s by agent " AGENT_VERSION
                  ".</footer>\n</main>\n</body>\n</html>\n",
                  brief_time(report, report->made_ms).text);
    blocks_free(&blocks);
}

void report_html(const struct report *report, struct strbuf *out)
{
    html_page(report, false, out);
}

void report_html_served(const struct report *report, struct strbuf *out)
{
    html_page(report, true, out);
}

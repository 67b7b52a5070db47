/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One file that needs nothing else: no network, no script. */
#include <inttypes.h>

#include "agent/commands/show/escape.h"
#include "agent/commands/show/format.h"
#include "chart.h"
#include "html_style.h"
#include "words.h"

struct page {
    const struct report *report;
    struct strbuf *out;
    int offset;
};

static const char *tone_class(enum tone tone)
{
    static const char *const classes[] = {
        [TONE_PLAIN] = "plain", [TONE_BOLD] = "plain",      [TONE_DIM] = "plain",
        [TONE_GOOD] = "good",   [TONE_WARNING] = "warning", [TONE_CRITICAL] = "critical",
    };
    return classes[tone];
}

static void text_put(const struct page *page, const char *text)
{
    escape_puts(page->out, text, ESCAPE_HTML);
}

static void literal_put(const struct page *page, const char *text)
{
    strbuf_puts(page->out, "<code>");
    text_put(page, text);
    strbuf_puts(page->out, "</code>");
}

/* Takes the words over. */
static void facts_put(const struct page *page, struct words words)
{
    if (words.count)
        strbuf_puts(page->out, "<dl class=\"facts\">\n");
    for (size_t i = 0; i < words.count; i++) {
        const struct words_fact *fact = &words.at[i];
        strbuf_puts(page->out, "<dt>");
        text_put(page, fact->label);
        strbuf_printf(page->out, "</dt><dd class=\"%s\">", tone_class(fact->tone));
        if (fact->form == WORDS_LITERAL)
            literal_put(page, fact->value);
        else
            text_put(page, fact->value);
        strbuf_puts(page->out, "</dd>\n");
    }
    if (words.count)
        strbuf_puts(page->out, "</dl>\n");
    words_free(&words);
}

static void section_begin(const struct page *page, const char *heading)
{
    strbuf_printf(page->out, "<section class=\"card\">\n<h2>%s</h2>\n", heading);
}

static void section_end(const struct page *page)
{
    strbuf_puts(page->out, "</section>\n");
}

static void head_put(const struct page *page, enum tone tone)
{
    const struct report *report = page->report;
    struct strbuf title = { 0 }, headline = { 0 }, line = { 0 };
    bool incident = report->kind == REPORT_INCIDENT;
    words_title(report, &title);
    words_ending(report, &headline);
    strbuf_puts(page->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                           "<meta http-equiv=\"Content-Security-Policy\""
                           " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
    text_put(page, strbuf_text(&title));
    strbuf_puts(page->out, "</title>\n<style>\n");
    report_style(page->out);
    strbuf_printf(page->out, "</style>\n</head>\n<body>\n<main>\n<header class=\"%s\">\n<p class=\"eyebrow\">",
                  tone_class(tone));
    if (incident)
        strbuf_printf(page->out, "<span class=\"badge %s\">%s</span>", tone_class(words_tone(&report->incident)),
                      words_tone(&report->incident) == TONE_CRITICAL ? "critical" : "warning");
    format_date(&line, report->begin_ms);
    strbuf_puts(&line, ", times in ");
    format_offset_words(&line, page->offset);
    if (report->host)
        strbuf_printf(&line, ", host %s", report->host);
    text_put(page, strbuf_text(&line));
    strbuf_puts(page->out, "</p>\n<h1>");
    text_put(page, strbuf_text(&title));
    strbuf_puts(page->out, "</h1>\n<p class=\"headline\">");
    text_put(page, strbuf_text(&headline));
    strbuf_puts(page->out, "</p>\n");
    if (incident && report->incident.summary) {
        strbuf_puts(page->out, "<p class=\"summary\">");
        text_put(page, report->incident.summary);
        strbuf_puts(page->out, "</p>\n");
    }
    strbuf_puts(page->out, "</header>\n");
    strbuf_free(&title);
    strbuf_free(&headline);
    strbuf_free(&line);
}

static void card_put(const struct page *page, const char *label, enum tone tone, const char *figure, const char *note)
{
    strbuf_printf(page->out, "<div class=\"card %s\"><p class=\"note\">%s</p><p class=\"figure\">",
                  tone == TONE_PLAIN ? "quiet" : tone_class(tone), label);
    text_put(page, figure);
    strbuf_puts(page->out, "</p><p class=\"note\">");
    text_put(page, note);
    strbuf_puts(page->out, "</p></div>\n");
}

static void duration_card_put(const struct page *page, const char *label, enum tone tone, int64_t ms, const char *note)
{
    struct strbuf figure = { 0 };
    format_duration(&figure, ms);
    card_put(page, label, tone, strbuf_text(&figure), note);
    strbuf_free(&figure);
}

static void recovery_card_put(const struct page *page)
{
    const struct report_incident *incident = &page->report->incident;
    int64_t expected = incident->alert < ALERTS ? alert_recovery_ms(incident->alert) : 0;
    int64_t took = page->report->end_ms - incident->opened_ms;
    struct strbuf note = { 0 };
    strbuf_puts(&note, incident->resolved_ms ? "" : "so far");
    if (expected) {
        strbuf_puts(&note, incident->resolved_ms ? "the runbook expects up to " : "; the runbook expects up to ");
        format_duration(&note, expected);
    }
    enum tone tone = expected && took > expected ? TONE_WARNING : TONE_PLAIN;
    duration_card_put(page, "Time to recover", tone, took, strbuf_text(&note));
    strbuf_free(&note);
}

static void lead_card_put(const struct page *page)
{
    const struct report_incident *incident = &page->report->incident;
    int64_t lead_ms;
    if (report_lead(incident, &lead_ms))
        duration_card_put(page, lead_ms < 0 ? "Behind Prometheus" : "Lead", lead_ms < 0 ? TONE_WARNING : TONE_GOOD,
                          lead_ms < 0 ? -lead_ms : lead_ms,
                          lead_ms < 0 ? "it would have fired first" : "before Prometheus would have fired");
    else if (!incident->notified_ms)
        card_put(page, "Lead", TONE_WARNING, "not paged",
                 incident->silenced ? "a silence was in force" : "nobody was notified");
    else if (report_is_own(incident))
        card_put(page, "Lead", TONE_PLAIN, "none", "Prometheus does not watch the agent");
    else
        card_put(page, "Lead", TONE_GOOD, "only us",
                 incident->open ? "Prometheus would not have fired yet" : "Prometheus would not have fired");
}

static void cards_put(const struct page *page)
{
    const struct report *report = page->report;
    const struct report_incident *incident = &report->incident;
    strbuf_puts(page->out, "<div class=\"cards\">\n");
    duration_card_put(page, "Time to detect", TONE_PLAIN, incident->opened_ms - incident->onset_ms, "after the onset");
    lead_card_put(page);
    recovery_card_put(page);
    duration_card_put(page, report_is_own(incident) ? "Duration" : "Outage", TONE_PLAIN,
                      report->end_ms - report->begin_ms,
                      incident->resolved_ms ? "from onset to recovery" : "since the onset, not over");
    strbuf_puts(page->out, "</div>\n");
}

/* The shades that the chart has. */
static void shades_key_put(const struct page *page)
{
    const struct report *report = page->report;
    bool severe = report->kind == REPORT_INCIDENT && report->incident.critical_ms;
    bool lesser = report->kind == REPORT_INCIDENT && !report->incident.critical_ms;
    for (size_t i = 0; i < report->incidents.count; i++) {
        severe |= report->incidents.at[i].critical_ms != 0;
        lesser |= report->incidents.at[i].critical_ms == 0;
    }
    strbuf_puts(page->out, severe ? "<li class=\"severe\">critical incident</li>" : "");
    strbuf_puts(page->out, lesser ? "<li class=\"lesser\">warning</li>" : "");
}

static void chart_put(const struct page *page)
{
    if (page->report->cycle_count == 0)
        return;
    section_begin(page, "Cycle durations (logarithmic) and rows");
    strbuf_puts(page->out, "<div class=\"scroll\">\n");
    chart_svg(page->report, page->out);
    strbuf_puts(page->out, "</div>\n<ul class=\"key\"><li class=\"fine\">good</li>"
                           "<li class=\"slow\">slow or running</li>"
                           "<li class=\"bad\">failed or too slow</li><li class=\"none\">no cycle</li>");
    shades_key_put(page);
    if (page->report->usual.cycles) {
        strbuf_puts(page->out, "<li class=\"usual\">usual: ");
        words_usual(&page->report->usual, page->out);
        strbuf_puts(page->out, "</li>");
    }
    strbuf_puts(page->out, "</ul>\n");
    section_end(page);
}

static const char *mark_class(enum report_mark mark)
{
    static const char *const classes[] = {
        [MARK_NOTE] = "note-of",      [MARK_ONSET] = "onset",       [MARK_WARNING] = "warning",
        [MARK_CRITICAL] = "critical", [MARK_NOTIFIED] = "plain",    [MARK_PROMETHEUS] = "ghost",
        [MARK_GOOD] = "good",         [MARK_EVIDENCE] = "evidence",
    };
    return classes[mark];
}

static void deliveries_put(const struct page *page, const struct report_event *event)
{
    if (event->delivery_count)
        strbuf_puts(page->out, "<ul class=\"sent\">");
    for (size_t i = 0; i < event->delivery_count; i++) {
        const struct report_delivery *delivery = &page->report->deliveries[event->first_delivery + i];
        struct strbuf text = { 0 };
        words_delivery(delivery, page->offset, &text);
        strbuf_puts(page->out, delivery->delivered_ms ? "<li>" : "<li class=\"failed\">");
        text_put(page, strbuf_text(&text));
        strbuf_puts(page->out, "</li>");
        strbuf_free(&text);
    }
    if (event->delivery_count)
        strbuf_puts(page->out, "</ul>");
}

static void event_put(const struct page *page, const struct report_event *event)
{
    strbuf_printf(page->out, "<li class=\"%s\"><time>", mark_class(event->mark));
    format_clock(page->out, event->at_ms, page->offset);
    strbuf_puts(page->out, "</time><div><p>");
    if (event->mark == MARK_EVIDENCE) {
        literal_put(page, event->text);
    } else {
        strbuf_puts(page->out, "<b>");
        text_put(page, event->kind);
        strbuf_puts(page->out, "</b> ");
        text_put(page, event->text);
    }
    if (event->offset >= 0)
        strbuf_printf(page->out, " <span class=\"note\">log offset %" PRId64 "</span>", event->offset);
    strbuf_puts(page->out, "</p>");
    deliveries_put(page, event);
    strbuf_puts(page->out, "</div></li>\n");
}

static void story_put(const struct page *page)
{
    int64_t day = format_day(page->report->begin_ms);
    section_begin(page, "Timeline");
    strbuf_puts(page->out, "<ol class=\"story\">\n");
    for (size_t i = 0; i < page->report->event_count; i++) {
        const struct report_event *event = &page->report->events[i];
        if (format_day(event->at_ms) != day) {
            strbuf_puts(page->out, "<li class=\"day\">");
            format_date(page->out, event->at_ms);
            strbuf_puts(page->out, "</li>\n");
            day = format_day(event->at_ms);
        }
        event_put(page, event);
    }
    strbuf_puts(page->out, "</ol>\n");
    section_end(page);
}

static void grid_put(const struct page *page, const char *heading, struct show_table *grid)
{
    if (show_table_rows(grid) > 0) {
        section_begin(page, heading);
        show_table_html(grid, page->out);
        section_end(page);
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
    section_begin(page, "Missed cycles and late data");
    if (page->report->totals.missed) {
        strbuf_puts(page->out, "<p style=\"margin:0 0 .8rem\">");
        words_missed(page->report, page->out);
        strbuf_puts(page->out, "</p>\n");
    }
    facts_put(page, gaps);
    section_end(page);
}

static void questions_put(const struct page *page)
{
    struct words questions = words_questions(page->report);
    if (questions.count) {
        section_begin(page, "Open questions");
        strbuf_puts(page->out, "<ul class=\"asks\">\n");
        for (size_t i = 0; i < questions.count; i++) {
            strbuf_printf(page->out, "<li class=\"%s\">", tone_class(questions.at[i].tone));
            text_put(page, questions.at[i].value);
            strbuf_puts(page->out, "</li>\n");
        }
        strbuf_puts(page->out, "</ul>\n");
        section_end(page);
    }
    words_free(&questions);
}

static void incident_put(const struct page *page)
{
    const struct report *report = page->report;
    struct strbuf recurrence = { 0 };
    cards_put(page);
    chart_put(page);
    strbuf_puts(page->out, "<div class=\"pair\">\n");
    section_begin(page, "Times");
    facts_put(page, words_times(report));
    section_end(page);
    section_begin(page, "Cause");
    facts_put(page, words_cause(report));
    section_end(page);
    strbuf_puts(page->out, "</div>\n");
    story_put(page);
    section_begin(page, "How it went");
    facts_put(page, words_measures(report));
    section_end(page);
    grid_put(page, "Tables, from onset to recovery", words_tables(report));
    gaps_put(page);
    grid_put(page, "Open at the same time", words_incidents(&report->related, report->now_ms));
    section_begin(page, "Recurrence");
    words_recurrence(report, &recurrence);
    strbuf_puts(page->out, "<p style=\"margin:0\">");
    text_put(page, strbuf_text(&recurrence));
    strbuf_puts(page->out, "</p>\n");
    section_end(page);
    strbuf_free(&recurrence);
    questions_put(page);
}

static void period_put(const struct page *page)
{
    section_begin(page, "Figures");
    facts_put(page, words_period(page->report));
    section_end(page);
    chart_put(page);
    grid_put(page, "Incidents", words_incidents(&page->report->incidents, page->report->now_ms));
    grid_put(page, "Tables", words_tables(page->report));
    gaps_put(page);
}

void report_html(const struct report *report, struct strbuf *out)
{
    struct page page = { report, out, words_offset(report) };
    bool incident = report->kind == REPORT_INCIDENT;
    head_put(&page, !incident ? TONE_PLAIN : report->incident.resolved_ms ? TONE_GOOD : words_tone(&report->incident));
    if (incident)
        incident_put(&page);
    else
        period_put(&page);
    strbuf_puts(out, "<footer>Made from the agent's history at ");
    format_time(out, report->made_ms, page.offset);
    strbuf_puts(out, " by agent " AGENT_VERSION ".</footer>\n</main>\n</body>\n</html>\n");
}

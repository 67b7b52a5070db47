/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "blocks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/commands/show/format.h"
#include "words.h"

enum { MISSED_RANGES = 6 }; /* stretches of missed cycles whose times are listed; the others are only counted */

void facts_add(struct facts *facts, const char *label, enum tone tone, const char *format, ...)
{
    char *value = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&value, format, arguments) < 0)
        value = must_copy("", 0);
    va_end(arguments);
    facts->at = list_room(facts->at, facts->count, sizeof *facts->at);
    facts->at[facts->count++] = (struct fact){ label, value, tone, FACT_TEXT };
}

void facts_free(struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
        free(facts->at[i].value);
    free(facts->at);
    *facts = (struct facts){ 0 };
}

/* The slots from number `first` on that follow each other and have the same reason. Returns how many. */
static size_t missed_run(const struct report *report, size_t first)
{
    size_t count = 1;
    const struct report_missed *missed = report->missed;
    while (first + count < report->missed_count && missed[first + count].overrun == missed[first].overrun &&
           missed[first + count].slot_ms - missed[first + count - 1].slot_ms <= report->interval_ms)
        count++;
    return count;
}

static struct brief slot_brief(const struct report *report, int64_t slot_ms, int64_t *day)
{
    bool same_day = format_day(slot_ms) == *day;
    *day = format_day(slot_ms);
    return same_day ? brief_clock(report, slot_ms) : brief_time(report, slot_ms);
}

/* "25 scheduled cycles did not start: 10:15:00 to 16:15:00" */
static void missed_words(const struct report *report, struct strbuf *out)
{
    int64_t day = format_day(report->begin_ms), told = 0;
    strbuf_printf(out, "%" PRId64 " scheduled cycle%s did not start", report->totals.missed,
                  plural(report->totals.missed));
    for (size_t i = 0, ranges = 0; i < report->missed_count && ranges < MISSED_RANGES; ranges++) {
        size_t count = missed_run(report, i);
        strbuf_printf(out, "%s%s", ranges ? ", " : ": ", slot_brief(report, report->missed[i].slot_ms, &day).text);
        if (count > 1)
            strbuf_printf(out, "%s%s", count > 2 ? " to " : " and ",
                          slot_brief(report, report->missed[i + count - 1].slot_ms, &day).text);
        strbuf_puts(out, report->missed[i].overrun ? " (the cycle before it still ran)" : "");
        told += (int64_t)count;
        i += count;
    }
    if (report->totals.missed > told)
        strbuf_printf(out, " and %" PRId64 " more", report->totals.missed - told);
}

/* A table's longest stretch without new data. */
static void gap_add(struct facts *facts, const struct report *report, const struct report_table *table)
{
    struct strbuf ending = { 0 };
    if (table->gap_to_ms)
        strbuf_printf(&ending, " until %s (%s), then %s rows at once%s", brief_time(report, table->gap_to_ms).text,
                      brief_duration(elapsed_ms(table->gap_from_ms, table->gap_to_ms)).text,
                      brief_count(table->catch_up_rows).text, brief_counted(table->catch_up_from).text);
    else
        strbuf_puts(&ending, " and not yet caught up");
    facts_add(facts, table->name, table->gap_to_ms ? TONE_PLAIN : TONE_CRITICAL,
              "no new data from %s%s; %" PRId64 " slot%s brought nothing", brief_time(report, table->gap_from_ms).text,
              strbuf_text(&ending), table->gap_slots, plural(table->gap_slots));
    strbuf_free(&ending);
}

struct facts facts_late_data(const struct report *report)
{
    struct facts facts = { 0 };
    struct strbuf missed = { 0 };
    missed_words(report, &missed);
    if (report->totals.missed)
        facts_add(&facts, NULL, TONE_PLAIN, "%s", strbuf_text(&missed));
    strbuf_free(&missed);
    for (size_t i = 0; i < report->table_count; i++)
        if (report->tables[i].gap_from_ms)
            gap_add(&facts, report, &report->tables[i]);
    return facts;
}

/* "3,877 (iceberg)" where a witness counted them. */
static void add_rows_cell(struct show_table *shown, const struct report_table *table)
{
    struct strbuf text = { 0 };
    if (!report_has_witness(table->rows_from)) {
        show_table_count(shown, table->rows);
        return;
    }
    strbuf_printf(&text, "%s (%s)", brief_count(table->rows).text, brief_rows_from(table->rows_from).text);
    show_table_cell(shown, TONE_PLAIN, strbuf_text(&text));
    strbuf_free(&text);
}

static struct show_table *table_of_tables(const struct report *report)
{
    static const struct show_column columns[] = {
        { "Table", ALIGN_LEFT, 0 },   { "Runs", ALIGN_RIGHT, 0 },        { "OK", ALIGN_RIGHT, 0 },
        { "Failed", ALIGN_RIGHT, 0 }, { "Timeout", ALIGN_RIGHT, 1 },     { "Aborted", ALIGN_RIGHT, 3 },
        { "Rows", ALIGN_RIGHT, 2 },   { "Last success", ALIGN_LEFT, 1 },
    };
    struct show_table *shown = show_table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < report->table_count; i++) {
        const struct report_table *table = &report->tables[i];
        show_table_cell(shown, TONE_PLAIN, table->name);
        show_table_count(shown, table->runs);
        show_table_count(shown, table->ok);
        show_table_count(shown, table->failed);
        show_table_count(shown, table->timed_out);
        show_table_count(shown, table->aborted);
        add_rows_cell(shown, table);
        if (table->last_success_ms)
            show_table_time(shown, table->last_success_ms, report_offset(report));
        else
            show_table_cell(shown, TONE_WARNING, "none in this window");
    }
    return shown;
}

/* Takes the facts over. */
static struct block block_of_facts(enum block_form form, const char *heading, struct facts facts)
{
    return (struct block){ .form = facts.count ? form : BLOCK_EMPTY, .heading = heading, .facts = facts };
}

/* Takes the table over. */
static struct block block_of_table(const char *heading, struct show_table *table)
{
    return (
        struct block){ .form = show_table_rows(table) ? BLOCK_TABLE : BLOCK_EMPTY, .heading = heading, .table = table };
}

static struct block block_of_incidents(const char *heading, const struct report *report,
                                       const struct report_incidents *incidents)
{
    struct block block = block_of_table(heading, report_incidents_table(incidents, report->as_of_ms));
    block.incidents = incidents;
    return block;
}

static void head_make(struct blocks *blocks, const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    int64_t length_ms = report->end_ms - report->begin_ms, count = (int64_t)report->incidents.count;
    if (report->kind != REPORT_INCIDENT) {
        strbuf_puts(&blocks->title, report->kind == REPORT_REVIEW ? "Review of the runbooks, " : "");
        format_minute(&blocks->title, report->since_ms);
        strbuf_puts(&blocks->title, " to ");
        format_minute(&blocks->title, report->until_ms);
        strbuf_printf(&blocks->ending, "%" PRId64 " incident%s in %s", count, plural(count),
                      brief_duration(length_ms).text);
    } else {
        strbuf_printf(&blocks->title, "Incident %" PRId64 ": %s", incident->id, report_incident_words(incident));
        strbuf_printf(&blocks->headline, "%s, ", incident->severity ? incident->severity : "?");
        strbuf_printf(&blocks->ending, "%s %s", incident->resolved_ms ? "resolved after" : "open for",
                      brief_lasted(report_lasted_ms(report)).text);
        if (!incident->resolved_ms && report->made_ms - report->as_of_ms > report->interval_ms)
            strbuf_printf(&blocks->ending, " when the agent last looked, at %s",
                          brief_time(report, report->as_of_ms).text);
        one_line_words(report, &blocks->one_line);
        blocks->tone = incident->resolved_ms ? TONE_GOOD : report_incident_tone(incident);
    }
    strbuf_puts(&blocks->headline, strbuf_text(&blocks->ending));
    format_date(&blocks->about, report->begin_ms);
    strbuf_puts(&blocks->about, ", times in ");
    format_offset_words(&blocks->about, report_offset(report));
    if (report->host)
        strbuf_printf(&blocks->about, ", host %s", report->host);
}

static void incident_blocks(struct block *at, const struct report *report)
{
    at[SECTION_TIMES] = block_of_facts(BLOCK_FACTS, "Times", facts_times(report));
    at[SECTION_MEASURES] = block_of_facts(BLOCK_FACTS, "How it went", facts_measures(report));
    at[SECTION_CAUSE] = block_of_facts(BLOCK_FACTS, "Cause", facts_cause(report));
    at[SECTION_TIMELINE] = (struct block){ .form = BLOCK_TIMELINE, .heading = "Timeline" };
    at[SECTION_RELATED] = block_of_incidents("Open at the same time", report, &report->related);
    at[SECTION_RECURRENCE] = block_of_facts(BLOCK_PARAGRAPH, "Recurrence", facts_recurrence(report));
    at[SECTION_QUESTIONS] = block_of_facts(BLOCK_BULLETS, "Open questions", facts_questions(report));
}

static void review_blocks(struct block *at, const struct report *report)
{
    at[SECTION_FIGURES] = block_of_facts(BLOCK_FACTS, "Figures", facts_review(report));
    at[SECTION_RUNBOOKS] = block_of_table("Runbooks", table_of_runbooks(report));
    at[SECTION_DEVIATIONS] = block_of_facts(BLOCK_BULLETS, "Deviations from the runbooks", facts_deviations(report));
    at[SECTION_ROOT_CAUSES] = block_of_facts(BLOCK_BULLETS, "Root causes", facts_root_causes(report));
    at[SECTION_INCIDENTS] = block_of_incidents("Incidents", report, &report->incidents);
    at[SECTION_QUESTIONS] = block_of_facts(BLOCK_BULLETS, "For the review", facts_review_questions(report));
}

struct blocks blocks_make(const struct report *report)
{
    struct blocks blocks = { .tone = TONE_PLAIN };
    struct block *at = blocks.at;
    bool incident = report->kind == REPORT_INCIDENT;
    head_make(&blocks, report);
    if (report->kind == REPORT_REVIEW) {
        review_blocks(at, report);
        return blocks;
    }
    if (incident) {
        incident_blocks(at, report);
    } else {
        at[SECTION_FIGURES] = block_of_facts(BLOCK_FACTS, "Figures", facts_period(report));
        at[SECTION_INCIDENTS] = block_of_incidents("Incidents", report, &report->incidents);
    }
    if (report->cycle_count)
        at[SECTION_CHART] = (struct block){ .form = BLOCK_CHART, .heading = "Cycle durations (logarithmic)" };
    at[SECTION_TABLES] =
        block_of_table(incident ? "Tables, from onset to recovery" : "Tables", table_of_tables(report));
    at[SECTION_LATE_DATA] = block_of_facts(BLOCK_ENTRIES, "Missed cycles and late data", facts_late_data(report));
    return blocks;
}

void blocks_free(struct blocks *blocks)
{
    for (int i = 0; i < SECTIONS; i++) {
        facts_free(&blocks->at[i].facts);
        show_table_free(blocks->at[i].table);
    }
    strbuf_free(&blocks->title);
    strbuf_free(&blocks->one_line);
    strbuf_free(&blocks->headline);
    strbuf_free(&blocks->ending);
    strbuf_free(&blocks->about);
}

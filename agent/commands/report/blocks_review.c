/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The review of the runbooks: how often each was needed, whether its promise was kept, and what is to be written into it. */
#include <inttypes.h>

#include "blocks.h"
#include "review.h"
#include "words.h"

struct facts facts_review(const struct report *report)
{
    const struct report_totals *totals = &report->totals;
    struct facts facts = { 0 };
    facts_add(&facts, "Incidents", TONE_PLAIN, "%zu (%" PRId64 " critical, %" PRId64 " warning)",
              report->incidents.count, totals->critical, totals->warning);
    if (totals->resolved)
        facts_add(&facts, "Time to recover", TONE_PLAIN, "mean %s, median %s, from the onset (%" PRId64 " resolved)",
                  brief_lasted(totals->recover_mean_ms).text, brief_lasted(totals->recover_median_ms).text,
                  totals->resolved);
    facts_add_unobserved(&facts, report);
    return facts;
}

static void duration_or_nothing(struct show_table *table, int64_t resolved, int64_t ms)
{
    show_table_cell(table, TONE_PLAIN, resolved ? brief_lasted(ms).text : "");
}

static void put_promise(struct show_table *table, const struct review_row *row)
{
    struct strbuf promise = { 0 }, kept = { 0 };
    if (row->runbook)
        strbuf_printf(&promise, "%" PRId64 " to %" PRId64 " min", row->runbook->least_ms / 60000,
                      row->runbook->most_ms / 60000);
    if (row->runbook && row->resolved)
        strbuf_printf(&kept, "%" PRId64 " of %" PRId64, row->kept, row->resolved);
    show_table_cell(table, TONE_PLAIN, strbuf_text(&promise));
    show_table_cell(table, row->kept < row->resolved ? TONE_WARNING : TONE_PLAIN, strbuf_text(&kept));
    strbuf_free(&promise);
    strbuf_free(&kept);
}

struct show_table *table_of_runbooks(const struct report *report)
{
    static const struct show_column columns[] = {
        { "Runbook", ALIGN_LEFT, 0 },    { "Incidents", ALIGN_RIGHT, 0 }, { "Critical", ALIGN_RIGHT, 4 },
        { "Escalated", ALIGN_RIGHT, 5 }, { "Median", ALIGN_RIGHT, 1 },    { "Longest", ALIGN_RIGHT, 2 },
        { "Promise", ALIGN_RIGHT, 3 },   { "In time", ALIGN_RIGHT, 0 },
    };
    struct review_row rows[REVIEW_ROWS];
    struct show_table *table = show_table_new(columns, sizeof columns / sizeof columns[0]);
    review_make(report, rows);
    for (size_t i = 0; i < REVIEW_ROWS; i++) {
        const struct review_row *row = &rows[i];
        struct strbuf name = { 0 };
        if (!row->runbook && row->incidents == 0)
            continue;
        strbuf_printf(&name, row->runbook ? "%d. %s" : "none", row->runbook ? row->runbook->number : 0,
                      row->runbook ? row->runbook->title : "");
        show_table_cell(table, TONE_PLAIN, strbuf_text(&name));
        show_table_count(table, row->incidents);
        show_table_count(table, row->critical);
        show_table_count(table, row->escalated);
        duration_or_nothing(table, row->resolved, row->median_ms);
        duration_or_nothing(table, row->resolved, row->longest_ms);
        put_promise(table, row);
        strbuf_free(&name);
    }
    return table;
}

/* "Incident 4, 2026-03-03 12:00, iceberg-offload-failure.md, scenario 2: ..." */
static void put_incident_words(const struct report *report, const struct report_incident *incident, struct strbuf *out)
{
    strbuf_printf(out, "Incident %" PRId64 ", %s", incident->id, brief_time(report, incident->onset_ms).text);
    if (incident->runbook) {
        strbuf_puts(out, ", ");
        runbook_words(incident->runbook, incident->scenario, incident->scenario_title, out);
    }
}

static void note_add(struct facts *facts, const struct report *report, const struct report_incident *incident,
                     const char *text)
{
    struct strbuf words = { 0 };
    put_incident_words(report, incident, &words);
    if (text)
        facts_add(facts, NULL, TONE_PLAIN, "%s: %s", strbuf_text(&words), text);
    strbuf_free(&words);
}

struct facts facts_deviations(const struct report *report)
{
    struct facts facts = { 0 };
    for (size_t i = 0; i < report->incidents.count; i++)
        note_add(&facts, report, &report->incidents.at[i], report->incidents.at[i].deviations);
    return facts;
}

struct facts facts_root_causes(const struct report *report)
{
    struct facts facts = { 0 };
    for (size_t i = 0; i < report->incidents.count; i++)
        note_add(&facts, report, &report->incidents.at[i], report->incidents.at[i].cause);
    return facts;
}

/* The incidents of a row that lack something: "incident 4", or "incidents 1, 4, 7". */
static void put_ids(const struct report *report, size_t row, bool (*lacks)(const struct report_incident *),
                    struct strbuf *out)
{
    enum { NAMED = 20 };
    struct strbuf ids = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < report->incidents.count; i++) {
        const struct report_incident *incident = &report->incidents.at[i];
        if ((row == REVIEW_ROWS || review_row_of(incident) == row) && lacks(incident) && count++ < NAMED)
            strbuf_printf(&ids, "%s%" PRId64, count > 1 ? ", " : "", incident->id);
    }
    if (count > 0)
        strbuf_printf(out, "incident%s %s", plural((int64_t)count), ids.at);
    strbuf_free(&ids);
    if (count > NAMED)
        strbuf_printf(out, " and %zu more", count - NAMED);
}

static bool lacks_cause(const struct report_incident *incident)
{
    return !incident->cause && !report_incident_is_own(incident);
}

static bool lacks_scenario(const struct report_incident *incident)
{
    return !incident->scenario_title && !report_incident_is_own(incident);
}

static void ask_about_runbook(struct facts *asks, const struct report *report, size_t index,
                              const struct review_row *row)
{
    struct strbuf ids = { 0 };
    if (row->resolved > row->kept)
        facts_add(asks, NULL, TONE_WARNING,
                  "%s: recovery took longer than %s in %" PRId64 " of %" PRId64
                  ": which step was slow, or is the promise too short?",
                  row->runbook->file, brief_lasted(row->runbook->most_ms).text, row->resolved - row->kept,
                  row->resolved);
    if (row->with_deviations)
        facts_add(asks, NULL, TONE_PLAIN, "%s: %" PRId64 " deviation%s noted: does the runbook need that step?",
                  row->runbook->file, row->with_deviations, plural(row->with_deviations));
    put_ids(report, index, lacks_scenario, &ids);
    if (ids.len)
        facts_add(asks, NULL, TONE_PLAIN, "%s: no scenario matched %s: is one missing?", row->runbook->file, ids.at);
    if (row->incidents == 0)
        facts_add(asks, NULL, TONE_DIM, "%s: not needed in this time: is it still right? Try it in a test.",
                  row->runbook->file);
    strbuf_free(&ids);
}

struct facts facts_review_questions(const struct report *report)
{
    struct review_row rows[REVIEW_ROWS];
    struct facts asks = { 0 };
    struct strbuf ids = { 0 };
    review_make(report, rows);
    put_ids(report, REVIEW_ROWS, lacks_cause, &ids);
    if (ids.len)
        facts_add(&asks, NULL, TONE_WARNING, "The root cause is unknown of %s: agent annotate ID --cause \"...\"",
                  ids.at);
    for (size_t i = 0; i < RUNBOOKS; i++)
        ask_about_runbook(&asks, report, i, &rows[i]);
    strbuf_free(&ids);
    return asks;
}

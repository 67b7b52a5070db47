/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for the rest of a report: tables, gaps, neighbours, and what only a person can answer. */
#include <inttypes.h>
#include <stdlib.h>

#include "agent/commands/show/format.h"
#include "words.h"

static const int64_t POST_MORTEM_MS = 3600000; /* the runbooks ask for one after an outage of more than an hour */
enum { RECURRENCES_TO_ESCALATE = 3, MISSED_SHOWN = 12 };

struct show_table *words_tables(const struct report *report)
{
    static const struct show_column columns[] = {
        { "Table", ALIGN_LEFT, 0 },   { "Runs", ALIGN_RIGHT, 0 },        { "OK", ALIGN_RIGHT, 0 },
        { "Failed", ALIGN_RIGHT, 0 }, { "Timeout", ALIGN_RIGHT, 1 },     { "Aborted", ALIGN_RIGHT, 3 },
        { "Rows", ALIGN_RIGHT, 2 },   { "Last success", ALIGN_LEFT, 1 },
    };
    struct show_table *grid = show_table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < report->table_count; i++) {
        const struct report_table *table = &report->tables[i];
        show_table_cell(grid, TONE_PLAIN, table->name);
        show_table_count(grid, table->runs);
        show_table_count(grid, table->ok);
        show_table_count(grid, table->failed);
        show_table_count(grid, table->timed_out);
        show_table_count(grid, table->aborted);
        show_table_count(grid, table->rows);
        if (table->last_success_ms)
            show_table_time(grid, table->last_success_ms, words_offset(report));
        else
            show_table_cell(grid, TONE_WARNING, "none in this window");
    }
    return grid;
}

struct show_table *words_incidents(const struct report_incidents *list, int64_t now_ms)
{
    static const struct show_column columns[] = {
        { "Id", ALIGN_RIGHT, 0 },      { "Opened", ALIGN_LEFT, 0 }, { "Alert", ALIGN_LEFT, 0 },
        { "Severity", ALIGN_LEFT, 2 }, { "State", ALIGN_LEFT, 1 },  { "Took", ALIGN_RIGHT, 0 },
        { "Lead", ALIGN_RIGHT, 3 },    { "Tables", ALIGN_LEFT, 4 },
    };
    struct show_table *grid = show_table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < list->count; i++) {
        const struct report_incident *incident = &list->at[i];
        int64_t lead_ms;
        struct strbuf lead = { 0 };
        show_table_count(grid, incident->id);
        show_table_time(grid, incident->opened_ms, format_offset(list->at[0].opened_ms));
        show_table_cell(grid, incident->open ? words_tone(incident) : TONE_PLAIN, words_short_name(incident));
        show_table_cell(grid, words_tone(incident), incident->severity);
        show_table_cell(grid, incident->open ? TONE_BOLD : TONE_DIM,
                        incident->open          ? "open"
                        : incident->verified_ms ? "verified"
                                                : "resolved");
        show_table_duration(grid, (incident->resolved_ms ? incident->resolved_ms : now_ms) - incident->opened_ms);
        if (report_lead(incident, &lead_ms))
            format_duration(&lead, lead_ms);
        else if (incident->notified_ms && !incident->open && !report_is_own(incident))
            strbuf_puts(&lead, "only us");
        show_table_cell(grid, TONE_PLAIN, strbuf_text(&lead));
        show_table_cell(grid, TONE_PLAIN, incident->tables);
        strbuf_free(&lead);
    }
    return grid;
}

struct words words_gaps(const struct report *report)
{
    struct words words = { 0 };
    struct strbuf value = { 0 };
    int offset = words_offset(report);
    for (size_t i = 0; i < report->table_count; i++) {
        const struct report_table *table = &report->tables[i];
        if (!table->gap_from_ms)
            continue;
        strbuf_puts(&value, "no new data from ");
        format_time(&value, table->gap_from_ms, offset);
        strbuf_puts(&value, table->gap_to_ms ? " until " : " and not yet caught up");
        if (table->gap_to_ms) {
            format_time(&value, table->gap_to_ms, offset);
            strbuf_puts(&value, " (");
            format_duration(&value, table->gap_to_ms - table->gap_from_ms);
            strbuf_puts(&value, "), then ");
            format_count(&value, table->catch_up_rows);
            strbuf_puts(&value, " rows at once");
        }
        strbuf_printf(&value, "; %" PRId64 " slot%s brought nothing", table->gap_slots,
                      table->gap_slots == 1 ? "" : "s");
        words_add(&words, table->name, table->gap_to_ms ? TONE_PLAIN : TONE_CRITICAL, &value);
    }
    strbuf_free(&value);
    return words;
}

/* The day is said where it is not the one that the report begins on. */
static void moment_put(const struct report *report, int64_t at_ms, struct strbuf *out)
{
    if (format_day(at_ms) == format_day(report->begin_ms))
        format_clock(out, at_ms, words_offset(report));
    else
        format_time(out, at_ms, words_offset(report));
}

void words_inhibited(const struct report *report, struct strbuf *out)
{
    for (size_t i = 0; i < report->table_count; i++) {
        const struct report_table *table = &report->tables[i];
        int64_t warning_ms = report_lag_under(report, table, report->lag_warning_ms);
        int64_t critical_ms = report_lag_under(report, table, report->lag_critical_ms);
        if (!warning_ms)
            continue;
        strbuf_printf(out, "%s%s from ", out->len ? "; " : "its symptom, lag, was not paged apart: ", table->name);
        moment_put(report, warning_ms, out);
        if (critical_ms) {
            strbuf_puts(out, ", critical from ");
            moment_put(report, critical_ms, out);
        }
    }
}

void words_usual(const struct report_usual *usual, struct strbuf *out)
{
    format_duration(out, usual->low_ms);
    strbuf_puts(out, " to ");
    format_duration(out, usual->high_ms);
    strbuf_puts(out, ", median ");
    format_duration(out, usual->median_ms);
}

void words_missed(const struct report *report, struct strbuf *out)
{
    int offset = words_offset(report);
    int64_t day = format_day(report->begin_ms);
    strbuf_printf(out, "%" PRId64 " scheduled cycle%s did not start", report->totals.missed,
                  report->totals.missed == 1 ? "" : "s");
    for (size_t i = 0; i < report->missed_count && i < MISSED_SHOWN; i++) {
        const struct report_missed *missed = &report->missed[i];
        strbuf_puts(out, i ? ", " : ": ");
        if (format_day(missed->slot_ms) != day)
            format_time(out, missed->slot_ms, offset);
        else
            format_clock(out, missed->slot_ms, offset);
        strbuf_puts(out, missed->overrun ? " (the cycle before it still ran)" : "");
        day = format_day(missed->slot_ms);
    }
    if (report->totals.missed > MISSED_SHOWN)
        strbuf_printf(out, " and %" PRId64 " more", report->totals.missed - MISSED_SHOWN);
}

void words_delivery(const struct report_delivery *delivery, int said_offset, struct strbuf *out)
{
    strbuf_printf(out, "%s: %s", delivery->webhook, delivery->status);
    if (delivery->delivered_ms) {
        strbuf_puts(out, " at ");
        format_clock(out, delivery->delivered_ms, said_offset);
        strbuf_puts(out, ", ");
        format_duration(out, delivery->delivered_ms - delivery->created_ms);
    }
    if (delivery->attempts != 1 || delivery->last_error)
        strbuf_printf(out, ", %" PRId64 " attempt%s", delivery->attempts, delivery->attempts == 1 ? "" : "s");
    if (delivery->last_error && *delivery->last_error)
        strbuf_printf(out, ", last error: %s", delivery->last_error);
}

void words_recurrence(const struct report *report, struct strbuf *out)
{
    size_t count = report->earlier.count;
    if (count == 0) {
        strbuf_puts(out, "The first of its kind within 30 days.");
        return;
    }
    strbuf_printf(out,
                  "%zu earlier of its kind within 30 days, %" PRId64 " within 24 hours; the last one, incident %" PRId64
                  ", at ",
                  count, report->earlier_in_day, report->earlier.at[0].id);
    format_time(out, report->earlier.at[0].opened_ms, words_offset(report));
    strbuf_puts(out, ".");
    if (report->earlier.at[0].cause)
        strbuf_printf(out, " Its cause: %s", report->earlier.at[0].cause);
}

static void ask_cause(const struct report *report, struct words *words)
{
    const struct report_incident *incident = &report->incident;
    struct strbuf value = { 0 };
    if (!incident->cause) {
        strbuf_printf(&value, "What was the root cause? agent annotate %" PRId64 " --cause \"...\"", incident->id);
        words_add(words, NULL, TONE_PLAIN, &value);
    }
    if (!incident->deviations && incident->runbook) {
        strbuf_puts(&value, "Did anybody deviate from the runbook, and why? (annotate --deviations)");
        words_add(words, NULL, TONE_PLAIN, &value);
    }
    strbuf_free(&value);
}

static void ask_time(const struct report *report, struct words *words)
{
    const struct report_incident *incident = &report->incident;
    int64_t expected = incident->alert < ALERTS ? alert_recovery_ms(incident->alert) : 0;
    int64_t took = report->end_ms - incident->opened_ms;
    struct strbuf value = { 0 };
    if (report->end_ms - report->begin_ms > POST_MORTEM_MS && !report_is_own(incident)) {
        strbuf_puts(&value, "An outage of more than an hour needs a post-mortem: how is it prevented, and who does what"
                            " until when?");
        words_add(words, NULL, TONE_WARNING, &value);
    }
    if (expected && took > expected) {
        strbuf_puts(&value, incident->resolved_ms ? "Recovery took " : "Recovery has taken ");
        format_duration(&value, took);
        strbuf_puts(&value, " where the runbook says ");
        format_duration(&value, expected);
        strbuf_puts(&value, ": which step was slow, and does the runbook need a change?");
        words_add(words, NULL, TONE_PLAIN, &value);
    }
    if (incident->resolved_ms && !incident->verified_ms && !report_is_own(incident)) {
        strbuf_puts(&value, "Not verified: did 3 good cycles follow?");
        words_add(words, NULL, TONE_PLAIN, &value);
    }
    strbuf_free(&value);
}

static void ask_data(const struct report *report, struct words *words)
{
    struct strbuf value = { 0 };
    for (size_t i = 0; i < report->table_count; i++)
        if (report->tables[i].gap_from_ms) {
            strbuf_printf(&value, "%s%s",
                          value.len ? ", " : "Did the catch-up bring everything? Compare row counts for ",
                          report->tables[i].name);
        }
    if (value.len) {
        strbuf_puts(&value, ". A loss is for the Engineering Lead and the Data Team.");
        words_add(words, NULL, TONE_PLAIN, &value);
    }
    if (report->earlier_in_day >= RECURRENCES_TO_ESCALATE) {
        strbuf_puts(&value, "More than 3 of a kind within 24 hours: the Engineering Lead should know.");
        words_add(words, NULL, TONE_WARNING, &value);
    }
    strbuf_free(&value);
}

static void ask_alarm(const struct report *report, struct words *words)
{
    struct strbuf value = { 0 };
    int64_t lead_ms, failed = 0;
    for (size_t i = 0; i < report->delivery_count; i++)
        failed += strcmp(report->deliveries[i].status, "refused") == 0 ||
                  strcmp(report->deliveries[i].status, "pending") == 0;
    if (failed) {
        strbuf_printf(&value, "%" PRId64 " deliver%s did not arrive: who would not have been told?", failed,
                      failed == 1 ? "y" : "ies");
        words_add(words, NULL, TONE_WARNING, &value);
    }
    if (report_lead(&report->incident, &lead_ms) && lead_ms < 0) {
        strbuf_puts(&value, "Prometheus would have been earlier: which sign did the agent miss?");
        words_add(words, NULL, TONE_WARNING, &value);
    }
    strbuf_free(&value);
}

/* While the agent was blind or mute nothing else may have told. */
static void ask_own(const struct report *report, struct words *words)
{
    struct strbuf value = { 0 };
    if (report->incident.alert == ALERT_LOG_UNREADABLE)
        strbuf_puts(&value, "Who would have noticed a dead scheduler while the log could not be read?");
    else if (report->incident.alert == ALERT_NOTIFICATIONS_STUCK)
        strbuf_puts(&value, "Who was not told of what meanwhile, and is there a second way to reach them?");
    if (value.len)
        words_add(words, NULL, TONE_WARNING, &value);
    strbuf_free(&value);
}

struct words words_questions(const struct report *report)
{
    struct words words = { 0 };
    ask_cause(report, &words);
    ask_own(report, &words);
    ask_time(report, &words);
    ask_data(report, &words);
    ask_alarm(report, &words);
    return words;
}

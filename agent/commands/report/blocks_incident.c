/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts of one incident: its times, how it went, its cause, its recurrence. */
#include <inttypes.h>

#include "agent/commands/show/format.h"
#include "blocks.h"
#include "words.h"

/* Adds a moment and how long it came after an earlier one. Adds nothing if the moment never came. */
static void moment_add(struct facts *facts, const struct report *report, const char *label, enum tone tone,
                       int64_t at_ms, int64_t since_ms, const char *since_what)
{
    if (at_ms && since_ms && at_ms > since_ms)
        facts_add(facts, label, tone, "%s, %s after %s", brief_time(report, at_ms).text,
                  brief_duration(at_ms - since_ms).text, since_what);
    else if (at_ms)
        facts_add(facts, label, tone, "%s", brief_time(report, at_ms).text);
}

static void acknowledged_add(struct facts *facts, const struct report *report)
{
    const char *how;
    int64_t at_ms = report_acknowledged(report, &how);
    if (at_ms)
        facts_add(facts, "Acknowledged", TONE_PLAIN, "%s, %s after detection, %s", brief_time(report, at_ms).text,
                  brief_duration(elapsed_ms(report->incident.opened_ms, at_ms)).text, how);
}

struct facts facts_times(const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    int64_t onset_ms = incident->onset_ms, opened_ms = incident->opened_ms;
    struct facts facts = { 0 };
    moment_add(&facts, report, "Onset", TONE_PLAIN, onset_ms, 0, NULL);
    moment_add(&facts, report, "Detected", TONE_PLAIN, opened_ms, onset_ms, "the onset");
    moment_add(&facts, report, "Notified", TONE_PLAIN, incident->notified_ms, opened_ms, "detection");
    if (!incident->notified_ms)
        facts_add(&facts, "Notified", TONE_PLAIN, incident->silenced ? "no: held back by a silence" : "no");
    moment_add(&facts, report, "Critical", TONE_CRITICAL, incident->critical_ms, onset_ms, "the onset");
    acknowledged_add(&facts, report);
    moment_add(&facts, report, "Prometheus", TONE_DIM, incident->prometheus_ms, onset_ms,
               "the onset, had it fired as meant");
    moment_add(&facts, report, "Escalated", TONE_WARNING, incident->escalated_ms, opened_ms, "detection");
    moment_add(&facts, report, "Resolved", TONE_GOOD, incident->resolved_ms, onset_ms, "the onset");
    moment_add(&facts, report, "Verified", TONE_GOOD, incident->verified_ms, incident->resolved_ms,
               "recovery, by 3 good cycles");
    if (!incident->verified_ms && !report_incident_is_own(incident))
        facts_add(&facts, "Verified", TONE_PLAIN,
                  incident->resolved_ms ? "not yet: 3 good cycles in a row" : "no, still open");
    return facts;
}

static void recovery_add(struct facts *facts, const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    int64_t expected_ms = report_incident_promise_ms(incident), took_ms = report_lasted_ms(report);
    const char *so_far = incident->resolved_ms ? "" : " so far";
    if (!expected_ms)
        facts_add(facts, "Time to recover", TONE_PLAIN, "%s%s", brief_lasted(took_ms).text, so_far);
    else if (took_ms > expected_ms)
        facts_add(facts, "Time to recover", TONE_WARNING, "%s%s from the onset; %s more than the runbook's %s",
                  brief_lasted(took_ms).text, so_far, brief_lasted(took_ms - expected_ms).text,
                  brief_lasted(expected_ms).text);
    else
        facts_add(facts, "Time to recover", TONE_PLAIN, "%s%s from the onset; the runbook expects up to %s",
                  brief_lasted(took_ms).text, so_far, brief_lasted(expected_ms).text);
}

/* Nobody knows what happened then. */
static void unobserved_add(struct facts *facts, const struct report *report)
{
    if (report->log_unread_ms)
        facts_add(facts, "Not observed", TONE_WARNING, "%s of it, because the log could not be read",
                  brief_lasted(report->log_unread_ms).text);
    if (!report->incident.resolved_ms && elapsed_ms(report->as_of_ms, report->made_ms) > report->interval_ms)
        facts_add(facts, "Not observed", TONE_WARNING, "the %s since then: no agent ran",
                  brief_lasted(elapsed_ms(report->as_of_ms, report->made_ms)).text);
}

static void escalation_add(struct facts *facts, const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    int64_t expected_ms = report_incident_expected_ms(incident);
    int64_t due_ms = incident->opened_ms + expected_ms + report->escalation_ms;
    const char *whom = report->escalated_to;
    struct strbuf due = { 0 };
    if (expected_ms)
        strbuf_printf(&due, "due at %s, ", brief_time(report, due_ms).text);
    if (incident->escalated_ms)
        facts_add(facts, "Escalation", TONE_WARNING, "%sdone at %s%s%s", strbuf_text(&due),
                  brief_time(report, incident->escalated_ms).text, whom ? " to " : "", whom ? whom : "");
    else if (expected_ms)
        facts_add(facts, "Escalation", TONE_PLAIN, "%s%s", strbuf_text(&due),
                  report->end_ms >= due_ms ? "not done"
                  : incident->resolved_ms  ? "not needed"
                                           : "not yet");
    strbuf_free(&due);
}

/* The time of the day; with the date if it is not the day on which the report begins. */
static struct brief moment_brief(const struct report *report, int64_t at_ms)
{
    return format_day(at_ms) == format_day(report->begin_ms) ? brief_clock(report, at_ms) : brief_time(report, at_ms);
}

static void inhibited_add(struct facts *facts, const struct report *report)
{
    struct strbuf value = { 0 };
    for (size_t i = 0; i < report->table_count; i++) {
        const struct report_table *table = &report->tables[i];
        int64_t warning_ms = report_lag_explained(report, table, report->lag_warning_ms);
        int64_t critical_ms = report_lag_explained(report, table, report->lag_critical_ms);
        if (warning_ms)
            strbuf_printf(&value, "%s%s from %s",
                          value.len ? "; " : "not paged for itself, because this incident explains it: ", table->name,
                          moment_brief(report, warning_ms).text);
        if (warning_ms && critical_ms)
            strbuf_printf(&value, ", critical from %s", moment_brief(report, critical_ms).text);
    }
    if (value.len)
        facts_add(facts, "Lag", TONE_PLAIN, "%s", strbuf_text(&value));
    strbuf_free(&value);
}

struct facts facts_measures(const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    struct facts facts = { 0 };
    struct strbuf lead = { 0 };
    int64_t lead_ms;
    bool late = report_incident_lead(incident, &lead_ms) && lead_ms < 0;
    enum tone tone = report_incident_is_own(incident) ? TONE_PLAIN : TONE_GOOD;
    facts_add(&facts, "Time to detect", TONE_PLAIN, "%s",
              brief_duration(elapsed_ms(incident->onset_ms, incident->opened_ms)).text);
    recovery_add(&facts, report);
    unobserved_add(&facts, report);
    lead_words(incident, &lead);
    facts_add(&facts, "Prometheus", late || !incident->notified_ms ? TONE_WARNING : tone, "%s", strbuf_text(&lead));
    strbuf_free(&lead);
    escalation_add(&facts, report);
    inhibited_add(&facts, report);
    if (incident->silenced)
        facts_add(&facts, "Silenced", TONE_WARNING, "%" PRId64 " notification%s held back", incident->silenced,
                  plural(incident->silenced));
    else if (report->silence_count)
        facts_add(&facts, "Silenced", TONE_WARNING, "for a while, but nothing was held back");
    return facts;
}

static void blocks_add_text(struct facts *facts, const char *label, enum fact_form form, const char *text)
{
    if (!text)
        return;
    facts_add(facts, label, TONE_PLAIN, "%s", text);
    facts->at[facts->count - 1].form = form;
}

static void runbook_add(struct facts *facts, const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    struct strbuf words = { 0 }, url = { 0 };
    runbook_words(incident->runbook, incident->scenario, incident->scenario_title, &words);
    if (words.len == 0 && report_incident_is_own(incident))
        strbuf_puts(&words, "none: it is the agent's own trouble, not the pipeline's");
    blocks_add_text(facts, "Runbook", FACT_TEXT, words.at);
    if (runbook_url(report->runbook_base, incident->runbook, &url))
        blocks_add_text(facts, "Runbook's page", FACT_LINK, url.at);
    strbuf_free(&words);
    strbuf_free(&url);
}

struct facts facts_cause(const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    struct facts facts = { 0 };
    blocks_add_text(&facts, "Tables", FACT_TEXT, incident->tables);
    blocks_add_text(&facts, "Cause", FACT_TEXT, incident->cause);
    blocks_add_text(&facts, "Deviations", FACT_TEXT, incident->deviations);
    const char *guess = incident->cause ? "First guess" : incident->resolved_ms ? "Cause as seen" : "Likely cause";
    blocks_add_text(&facts, guess, FACT_TEXT, incident->likely_cause);
    blocks_add_text(&facts, "Evidence", FACT_LITERAL, incident->evidence);
    runbook_add(&facts, report);
    blocks_add_text(&facts, incident->resolved_ms ? "Advised first" : "First command", FACT_LITERAL,
                    incident->first_command);
    blocks_add_text(&facts, "Alert", FACT_TEXT, incident->alert_name);
    facts_add_page(&facts, report);
    return facts;
}

struct facts facts_recurrence(const struct report *report)
{
    const struct report_incident *last = report->earlier.at;
    struct facts facts = { 0 };
    if (report->earlier.count == 0)
        facts_add(&facts, NULL, TONE_PLAIN, "The first of its kind within 30 days.");
    else
        facts_add(&facts, NULL, TONE_PLAIN,
                  "%zu earlier of its kind within 30 days, %" PRId64 " within 24 hours; the last one, incident %" PRId64
                  ", at %s.%s%s",
                  report->earlier.count, report->earlier_in_day, last->id, brief_time(report, last->opened_ms).text,
                  last->cause ? " Its cause: " : "", last->cause ? last->cause : "");
    return facts;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The open questions of an incident, which only a person can answer. */
#include <inttypes.h>

#include "blocks.h"
#include "words.h"

static const int64_t POST_MORTEM_MS = 3600000; /* the runbooks ask for one after an outage of more than an hour */
enum { RECURRENCES_TO_ESCALATE = 3 }; /* with so many earlier ones within 24 hours, the Engineering Lead should know */

static void ask_for_cause(struct facts *questions, const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    if (!incident->cause)
        facts_add(questions, NULL, TONE_PLAIN, "What was the root cause? agent annotate %" PRId64 " --cause \"...\"",
                  incident->id);
    if (!incident->deviations && incident->runbook)
        facts_add(questions, NULL, TONE_PLAIN,
                  "Did anybody deviate from the runbook, and why? (annotate --deviations)");
}

/* While the agent could not read the log or notify anybody, nothing else may have done so. */
static void ask_about_own_trouble(struct facts *questions, const struct report *report)
{
    if (report->incident.alert == ALERT_LOG_UNREADABLE)
        facts_add(questions, NULL, TONE_WARNING,
                  "Who would have noticed a dead scheduler while the log could not be read?");
    else if (report->incident.alert == ALERT_NOTIFICATIONS_STUCK)
        facts_add(questions, NULL, TONE_WARNING,
                  "Who was not told of what meanwhile, and is there a second way to reach them?");
}

static void ask_about_recovery(struct facts *questions, const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    int64_t expected_ms = report_incident_promise_ms(incident), took_ms = report_lasted_ms(report);
    bool own = report_incident_is_own(incident);
    if (took_ms > POST_MORTEM_MS && !own)
        facts_add(questions, NULL, TONE_WARNING,
                  "An outage of more than an hour needs a post-mortem: how is it prevented, and who does what until "
                  "when?");
    if (expected_ms && took_ms > expected_ms)
        facts_add(questions, NULL, TONE_PLAIN,
                  "Recovery %s %s where the runbook says %s: which step was slow, and does the runbook need a change?",
                  incident->resolved_ms ? "took" : "has taken", brief_lasted(took_ms).text,
                  brief_lasted(expected_ms).text);
    if (incident->resolved_ms && !incident->verified_ms && !own)
        facts_add(questions, NULL, TONE_PLAIN, "Not verified: did 3 good cycles follow?");
}

/* Of a table that still waits for data there is nothing to compare yet. */
static void ask_about_data(struct facts *questions, const struct report *report)
{
    struct strbuf tables = { 0 };
    for (size_t i = 0; i < report->table_count; i++)
        if (report->tables[i].gap_from_ms && report->tables[i].gap_to_ms)
            strbuf_printf(&tables, "%s%s", tables.len ? ", " : "", report->tables[i].name);
    if (tables.len)
        facts_add(questions, NULL, TONE_PLAIN,
                  "Did the catch-up bring everything? Compare row counts for %s. A loss is for the Engineering Lead "
                  "and the Data Team.",
                  strbuf_text(&tables));
    strbuf_free(&tables);
    if (report->earlier_in_day >= RECURRENCES_TO_ESCALATE)
        facts_add(questions, NULL, TONE_WARNING,
                  "More than 3 of a kind within 24 hours: the Engineering Lead should know.");
}

static void ask_about_notifications(struct facts *questions, const struct report *report)
{
    int64_t lead_ms, failed = 0;
    for (size_t i = 0; i < report->delivery_count; i++)
        failed += strcmp(report->deliveries[i].status, "refused") == 0 ||
                  strcmp(report->deliveries[i].status, "pending") == 0;
    if (failed)
        facts_add(questions, NULL, TONE_WARNING, "%" PRId64 " deliver%s did not arrive: who would not have been told?",
                  failed, failed == 1 ? "y" : "ies");
    if (report_incident_lead(&report->incident, &lead_ms) && lead_ms < 0)
        facts_add(questions, NULL, TONE_WARNING, "Prometheus would have been earlier: which sign did the agent miss?");
}

struct facts facts_questions(const struct report *report)
{
    struct facts questions = { 0 };
    ask_for_cause(&questions, report);
    ask_about_own_trouble(&questions, report);
    ask_about_recovery(&questions, report);
    ask_about_data(&questions, report);
    ask_about_notifications(&questions, report);
    return questions;
}

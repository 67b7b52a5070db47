/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"
#include "agent/commands/show/format.h"

#include <inttypes.h>
#include <stdlib.h>

void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->at[i].value);
    free(words->at);
    *words = (struct words){ 0 };
}

void words_add(struct words *words, const char *label, enum tone tone, struct strbuf *value)
{
    words->at = list_room(words->at, words->count, sizeof *words->at);
    words->at[words->count++] =
        (struct words_fact){ label, must_copy(strbuf_text(value), value->len), tone, WORDS_PLAIN };
    strbuf_clear(value);
}

static void words_add_text(struct words *words, const char *label, enum words_form form, const char *text)
{
    struct strbuf value = { 0 };
    if (!text)
        return;
    strbuf_puts(&value, text);
    words_add(words, label, TONE_PLAIN, &value);
    words->at[words->count - 1].form = form;
    strbuf_free(&value);
}

int words_offset(const struct report *report)
{
    return format_offset(report->begin_ms);
}

enum tone words_tone(const struct report_incident *incident)
{
    bool critical = incident->severity && strcmp(incident->severity, "critical") == 0;
    return critical ? TONE_CRITICAL : TONE_WARNING;
}

const char *words_short_name(const struct report_incident *incident)
{
    static const char prefix[] = "IcebergOffload";
    const char *name = incident->alert_name ? incident->alert_name : "?";
    size_t len = sizeof prefix - 1;
    return strncmp(name, prefix, len) == 0 && name[len] ? name + len : name;
}

void words_title(const struct report *report, struct strbuf *out)
{
    if (report->kind == REPORT_INCIDENT) {
        strbuf_printf(out, "Incident %" PRId64 ": %s", report->incident.id, words_short_name(&report->incident));
        return;
    }
    format_minute(out, report->since_ms);
    strbuf_puts(out, " to ");
    format_minute(out, report->until_ms);
}

void words_ending(const struct report *report, struct strbuf *out)
{
    if (report->kind == REPORT_PERIOD) {
        size_t count = report->incidents.count;
        strbuf_printf(out, "%zu incident%s in ", count, count == 1 ? "" : "s");
        format_duration(out, report->until_ms - report->since_ms);
    } else {
        strbuf_puts(out, report->incident.resolved_ms ? "resolved after " : "open for ");
        format_duration(out, report->end_ms - report->begin_ms);
        if (!report->incident.resolved_ms && report->made_ms - report->now_ms > report->interval_ms) {
            strbuf_puts(out, " when the agent last looked, at ");
            format_time(out, report->now_ms, words_offset(report));
        }
    }
}

void words_headline(const struct report *report, struct strbuf *out)
{
    if (report->kind == REPORT_INCIDENT)
        strbuf_printf(out, "%s, ", report->incident.severity ? report->incident.severity : "?");
    words_ending(report, out);
}

void words_lead(const struct report_incident *incident, struct strbuf *out)
{
    int64_t lead_ms;
    if (report_lead(incident, &lead_ms)) {
        if (lead_ms > 0) {
            strbuf_puts(out, "paged ");
            format_duration(out, lead_ms);
            strbuf_puts(out, " before Prometheus would have");
        } else if (lead_ms == 0) {
            strbuf_puts(out, "paged at the moment when Prometheus would have");
        } else {
            strbuf_puts(out, "Prometheus would have fired ");
            format_duration(out, -lead_ms);
            strbuf_puts(out, " earlier");
        }
    } else if (!incident->notified_ms) {
        strbuf_puts(out, incident->silenced ? "nobody was paged: a silence was in force" : "nobody was paged");
    } else if (report_is_own(incident)) {
        strbuf_puts(out, "none: Prometheus does not watch the agent");
    } else {
        strbuf_puts(out, incident->open ? "paged; Prometheus would not have fired yet"
                                        : "paged; Prometheus would not have fired");
    }
}

static void add_time(struct words *words, const struct report *report, const char *label, int64_t at_ms, enum tone tone,
                     int64_t since_ms, const char *since_what)
{
    struct strbuf value = { 0 };
    if (!at_ms)
        return;
    format_time(&value, at_ms, words_offset(report));
    if (since_ms && at_ms > since_ms) {
        strbuf_puts(&value, ", ");
        format_duration(&value, at_ms - since_ms);
        strbuf_printf(&value, " after %s", since_what);
    }
    words_add(words, label, tone, &value);
    strbuf_free(&value);
}

struct words words_times(const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    struct words words = { 0 };
    add_time(&words, report, "Onset", incident->onset_ms, TONE_PLAIN, 0, NULL);
    add_time(&words, report, "Detected", incident->opened_ms, TONE_PLAIN, incident->onset_ms, "the onset");
    add_time(&words, report, "Notified", incident->notified_ms, TONE_PLAIN, incident->opened_ms, "detection");
    if (!incident->notified_ms)
        words_add_text(&words, "Notified", WORDS_PLAIN, incident->silenced ? "no: held back by a silence" : "no");
    add_time(&words, report, "Critical", incident->critical_ms, TONE_CRITICAL, incident->onset_ms, "the onset");
    add_time(&words, report, "Acknowledged", report_acknowledged(report), TONE_PLAIN, incident->opened_ms,
             "detection, by a silence");
    add_time(&words, report, "Prometheus", incident->prometheus_ms, TONE_DIM, incident->onset_ms,
             "the onset, had it fired as meant");
    add_time(&words, report, "Escalated", incident->escalated_ms, TONE_WARNING, incident->opened_ms, "detection");
    add_time(&words, report, "Resolved", incident->resolved_ms, TONE_GOOD, incident->opened_ms, "detection");
    add_time(&words, report, "Verified", incident->verified_ms, TONE_GOOD, incident->resolved_ms,
             "recovery, by 3 good cycles");
    if (!incident->verified_ms && !report_is_own(incident))
        words_add_text(&words, "Verified", WORDS_PLAIN,
                       incident->resolved_ms ? "not yet: 3 good cycles in a row" : "no, still open");
    return words;
}

static int64_t recovery_ms(const struct report_incident *incident)
{
    return incident->alert < ALERTS ? alert_recovery_ms(incident->alert) : 0;
}

static void add_recovery(struct words *words, const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    int64_t expected = recovery_ms(incident), took = report->end_ms - incident->opened_ms;
    struct strbuf value = { 0 };
    format_duration(&value, took);
    strbuf_puts(&value, incident->resolved_ms ? "" : " so far");
    if (expected) {
        strbuf_puts(&value, "; the runbook expects up to ");
        format_duration(&value, expected);
        strbuf_puts(&value, took > expected ? ": " : ", kept");
        if (took > expected) {
            format_duration(&value, took - expected);
            strbuf_puts(&value, " over");
        }
    }
    words_add(words, "Time to recover", expected && took > expected ? TONE_WARNING : TONE_PLAIN, &value);
    strbuf_free(&value);
}

static void add_escalation(struct words *words, const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    int64_t expected = recovery_ms(incident), due = incident->opened_ms + expected + report->escalation_ms;
    struct strbuf value = { 0 };
    if (!expected && !incident->escalated_ms)
        return;
    if (expected) {
        strbuf_puts(&value, "due at ");
        format_time(&value, due, words_offset(report));
    }
    if (incident->escalated_ms) {
        strbuf_puts(&value, expected ? ", done at " : "done at ");
        format_time(&value, incident->escalated_ms, words_offset(report));
        if (report->escalate_to)
            strbuf_printf(&value, " to %s", report->escalate_to);
    } else {
        const char *in_time = incident->resolved_ms ? ", not needed" : ", not yet";
        strbuf_puts(&value, report->end_ms < due ? in_time : ", not done");
    }
    words_add(words, "Escalation", incident->escalated_ms ? TONE_WARNING : TONE_PLAIN, &value);
    strbuf_free(&value);
}

struct words words_measures(const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    struct words words = { 0 };
    struct strbuf value = { 0 };
    int64_t lead_ms;
    format_duration(&value, incident->opened_ms - incident->onset_ms);
    words_add(&words, "Time to detect", TONE_PLAIN, &value);
    add_recovery(&words, report);
    words_lead(incident, &value);
    bool lost = report_lead(incident, &lead_ms) && lead_ms < 0;
    bool own = report_is_own(incident);
    words_add(&words, "Lead", lost || !incident->notified_ms ? TONE_WARNING : own ? TONE_PLAIN : TONE_GOOD, &value);
    add_escalation(&words, report);
    words_inhibited(report, &value);
    if (value.len)
        words_add(&words, "Inhibited", TONE_PLAIN, &value);
    if (incident->silenced || report->silence_count) {
        if (incident->silenced)
            strbuf_printf(&value, "%" PRId64 " notification%s held back", incident->silenced,
                          incident->silenced == 1 ? "" : "s");
        else
            strbuf_puts(&value, "for a while, but nothing was held back");
        words_add(&words, "Silenced", TONE_WARNING, &value);
    }
    strbuf_free(&value);
    return words;
}

struct words words_cause(const struct report *report)
{
    const struct report_incident *incident = &report->incident;
    struct words words = { 0 };
    words_add_text(&words, "Tables", WORDS_PLAIN, incident->tables);
    words_add_text(&words, "Cause", WORDS_PLAIN, incident->cause);
    words_add_text(&words, "Deviations", WORDS_PLAIN, incident->deviations);
    words_add_text(&words, incident->cause ? "First guess" : "Likely cause", WORDS_PLAIN, incident->likely_cause);
    words_add_text(&words, "Evidence", WORDS_LITERAL, incident->evidence);
    if (incident->runbook) {
        struct strbuf value = { 0 };
        strbuf_puts(&value, incident->runbook);
        if (incident->scenario)
            strbuf_printf(&value, " (scenario %s)", incident->scenario);
        words_add(&words, "Runbook", TONE_PLAIN, &value);
        strbuf_free(&value);
    } else if (report_is_own(incident)) {
        words_add_text(&words, "Runbook", WORDS_PLAIN, "none: it is the agent's own trouble, not the pipeline's");
    }
    words_add_text(&words, "First command", WORDS_LITERAL, incident->first_command);
    return words;
}

static void add_count(struct words *words, const char *label, int64_t count, const char *rest)
{
    struct strbuf value = { 0 };
    format_count(&value, count);
    strbuf_puts(&value, rest);
    words_add(words, label, TONE_PLAIN, &value);
    strbuf_free(&value);
}

/* Rounded down: 100 % is said only where nothing was lost. */
static void add_share(struct words *words, const char *label, int64_t part, int64_t whole, const char *rest)
{
    struct strbuf value = { 0 };
    if (whole <= 0)
        return;
    int64_t hundredths = (int64_t)((double)part * 10000.0 / (double)whole);
    strbuf_printf(&value, "%" PRId64 ".%02d %%%s", hundredths / 100, (int)(hundredths % 100), rest);
    words_add(words, label, TONE_PLAIN, &value);
    strbuf_free(&value);
}

static void add_durations(struct words *words, const struct report_totals *totals)
{
    struct strbuf value = { 0 };
    strbuf_puts(&value, "median ");
    format_duration(&value, totals->p50_ms);
    strbuf_puts(&value, ", p95 ");
    format_duration(&value, totals->p95_ms);
    strbuf_puts(&value, ", longest ");
    format_duration(&value, totals->longest_ms);
    words_add(words, "Cycle duration", TONE_PLAIN, &value);
    strbuf_free(&value);
}

static void add_recoveries(struct words *words, const struct report_totals *totals)
{
    struct strbuf value = { 0 };
    if (!totals->resolved)
        return;
    strbuf_puts(&value, "mean ");
    format_duration(&value, totals->recover_mean_ms);
    strbuf_puts(&value, ", median ");
    format_duration(&value, totals->recover_median_ms);
    strbuf_printf(&value, " (%" PRId64 " resolved)", totals->resolved);
    words_add(words, "Time to recover", TONE_PLAIN, &value);
    strbuf_free(&value);
}

static void add_leads(struct words *words, const struct report_totals *totals)
{
    struct strbuf value = { 0 };
    if (!totals->led && !totals->led_not && !totals->never)
        return;
    strbuf_printf(&value,
                  "earlier than Prometheus %" PRId64 " times, later %" PRId64 ", %" PRId64 " it would not have seen",
                  totals->led, totals->led_not, totals->never);
    if (totals->led || totals->led_not) {
        strbuf_puts(&value, "; median lead ");
        format_duration(&value, totals->lead_median_ms);
        strbuf_puts(&value, ", least ");
        format_duration(&value, totals->lead_least_ms);
    }
    words_add(words, "Lead", totals->led_not ? TONE_WARNING : TONE_GOOD, &value);
    strbuf_free(&value);
}

static void add_over(struct words *words, const struct report *report)
{
    struct strbuf value = { 0 };
    strbuf_printf(&value, "%" PRId64 " over ", report->totals.slow);
    format_duration(&value, report->slow_ms);
    strbuf_printf(&value, ", %" PRId64 " over ", report->totals.too_slow);
    format_duration(&value, report->too_slow_ms);
    words_add(words, "Slow cycles", report->totals.slow ? TONE_WARNING : TONE_PLAIN, &value);
    strbuf_free(&value);
}

struct words words_period(const struct report *report)
{
    const struct report_totals *totals = &report->totals;
    struct words words = { 0 };
    struct strbuf value = { 0 };
    strbuf_printf(&value, "%zu (%" PRId64 " critical, %" PRId64 " warning)", report->incidents.count, totals->critical,
                  totals->warning);
    words_add(&words, "Incidents",
              totals->critical  ? TONE_CRITICAL
              : totals->warning ? TONE_WARNING
                                : TONE_GOOD,
              &value);
    strbuf_free(&value);
    int64_t whole = report->until_ms - report->since_ms;
    add_share(&words, "Availability", whole - totals->down_ms, whole, " of the time without a critical incident");
    add_share(&words, "Success rate", totals->good_runs, totals->runs, " of the runs");
    add_count(&words, "Cycles", totals->cycles, "");
    add_durations(&words, totals);
    add_over(&words, report);
    add_count(&words, "Missed slots", totals->missed, "");
    add_count(&words, "Rows", totals->rows, "");
    add_recoveries(&words, totals);
    add_leads(&words, totals);
    return words;
}

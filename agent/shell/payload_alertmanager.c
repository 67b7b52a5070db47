/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload_parts.h"
#include "timestamp.h"

/*
 * A POST to Alertmanager's /api/v2/alerts. It identifies an alert by its labels and forgets one that is neither
 * re-sent nor given an end: ours are told once and then by reminders, so the end that they carry lies well beyond the
 * longest pause between two notifications, and still cleans up after an agent that never came back.
 */
static const int64_t END_MARGIN_MS = INT64_C(3) * 24 * 60 * 60 * 1000;

/* The names and severities that one incident can go through. Names of one family share an incident. */
static const struct guise {
    enum { FAMILY_OWN, FAMILY_LAG, FAMILY_SLOW } family;
    enum alert alert;
    enum severity severity;
} guises[] = {
    { FAMILY_LAG, ALERT_LAG_ELEVATED, SEVERITY_WARNING },
    { FAMILY_LAG, ALERT_LAG_CRITICAL, SEVERITY_CRITICAL },
    { FAMILY_SLOW, ALERT_CYCLE_SLOW, SEVERITY_WARNING },
    { FAMILY_SLOW, ALERT_CYCLE_TOO_SLOW, SEVERITY_CRITICAL },
    { FAMILY_SLOW, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING },
    { FAMILY_SLOW, ALERT_SCHEDULER_DOWN, SEVERITY_CRITICAL },
    { FAMILY_OWN, ALERT_CONSECUTIVE_FAILURES, SEVERITY_WARNING },
    { FAMILY_OWN, ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL },
    { FAMILY_OWN, ALERT_WATERMARK_STALE, SEVERITY_WARNING },
    { FAMILY_OWN, ALERT_WATERMARK_STALE, SEVERITY_CRITICAL },
    { FAMILY_OWN, ALERT_SUCCESS_RATE_LOW, SEVERITY_WARNING },
    { FAMILY_OWN, ALERT_THROUGHPUT_LOW, SEVERITY_WARNING },
    { FAMILY_OWN, ALERT_LOG_UNREADABLE, SEVERITY_WARNING },
    { FAMILY_OWN, ALERT_NOTIFICATIONS_STUCK, SEVERITY_WARNING },
};
static const size_t guise_count = sizeof guises / sizeof guises[0];

static void put_alert(const struct payload_job *job, const struct facts *facts, enum alert alert,
                      enum severity severity, const char *ends, struct strbuf *out)
{
    struct strbuf labels = { 0 }, annotations = { 0 };

    payload_labels(job->maker, job->origin, facts, alert, severity, &labels);
    payload_annotations(job->maker, facts, job->shortest, &annotations);
    const char *const texts[] = { labels.at, annotations.at, facts->started, ends };
    strbuf_puts(out, out->at[out->len - 1] == '[' ? "" : ",");
    payload_select(job->maker,
                   "SELECT json_object('labels', json(?1), 'annotations', json(?2), 'startsAt', ?3, 'endsAt', ?4)",
                   texts, sizeof texts / sizeof texts[0], out);
    strbuf_free(&labels);
    strbuf_free(&annotations);
}

static int family_of(enum alert alert)
{
    for (size_t i = 0; i < guise_count; i++) {
        if (guises[i].alert == alert) {
            return (int)guises[i].family;
        }
    }
    return FAMILY_OWN;
}

/*
 * An incident that worsens takes other labels, which is another alert to Alertmanager: the guises it may have worn
 * before end in the same push. The end of an alert that never fired is nothing to Alertmanager.
 */
static void end_other_guises(const struct payload_job *job, const struct facts *facts, struct strbuf *out)
{
    const struct message *message = facts->message;
    int family = family_of(message->alert);

    for (size_t i = 0; i < guise_count; i++) {
        const struct guise *guise = &guises[i];
        bool same_incident = family == FAMILY_OWN ? guise->alert == message->alert : (int)guise->family == family;
        if (same_incident && (guise->alert != message->alert || guise->severity != message->severity)) {
            put_alert(job, facts, guise->alert, guise->severity, facts->time, out);
        }
    }
}

/* Of several messages of one incident only the newest says how things are now. */
static bool is_newest(const struct payload_job *job, size_t at)
{
    for (size_t i = at + 1; i < job->count; i++) {
        if (job->facts[i].message->incident_id == job->facts[at].message->incident_id) {
            return false;
        }
    }
    return true;
}

void payload_alertmanager(const struct payload_job *job, struct strbuf *out)
{
    struct strbuf alerts = { 0 };

    strbuf_puts(&alerts, "[");
    for (size_t i = 0; i < job->count; i++) {
        const struct facts *facts = &job->facts[i];
        const struct message *message = facts->message;
        char ends[40];

        if (!is_newest(job, i)) {
            continue;
        }
        if (message->sequence > 1) {
            end_other_guises(job, facts, &alerts);
        }
        clock_format_rfc3339(message->time_ms + END_MARGIN_MS, ends);
        put_alert(job, facts, message->alert, message->severity, facts->ended[0] != '\0' ? facts->ended : ends,
                  &alerts);
    }
    strbuf_puts(&alerts, "]");
    strbuf_add(out, alerts.at, alerts.len);
    strbuf_free(&alerts);
}

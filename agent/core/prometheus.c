/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prometheus.h"

#include "incidents.h"
#include "units.h"

static const int64_t meant_ms[ALERTS] = {
    [ALERT_CONSECUTIVE_FAILURES] = 5 * MINUTE_MS, /* after the third failure */
    [ALERT_LAG_ELEVATED] = 30 * MINUTE_MS,        /* lag > 20 min for 10 min */
    [ALERT_LAG_CRITICAL] = 35 * MINUTE_MS,        /* lag > 30 min for 5 min */
    [ALERT_CYCLE_SLOW] = 10 * MINUTE_MS,          /* after completion, likewise below */
    [ALERT_CYCLE_TOO_SLOW] = 2 * MINUTE_MS,
    [ALERT_WATERMARK_STALE] = 65 * MINUTE_MS, /* unmoved for an hour, for 5 min */
    [ALERT_SCHEDULER_DOWN] = 5 * MINUTE_MS,   /* two minutes, but evaluated every five */
};

static void due_at(struct incident_record *record, int64_t at_ms)
{
    /* The alert of lag is another one when it becomes critical. Of any other alert the earliest time counts. */
    bool is_lag = record->incident.alert == ALERT_LAG_ELEVATED || record->incident.alert == ALERT_LAG_CRITICAL;
    if (!record->prometheus_due_ms || at_ms < record->prometheus_due_ms || is_lag)
        record->prometheus_due_ms = at_ms;
    incident_touch(record);
}

void prometheus_note(struct incident_record *record, int64_t since_ms)
{
    due_at(record, since_ms + meant_ms[record->incident.alert]);
}

void prometheus_note_cycle(struct incident_record *record, int64_t completed_ms, int64_t duration_ms, int64_t slow_ms,
                           int64_t too_slow_ms)
{
    if (duration_ms > slow_ms)
        due_at(record, completed_ms + meant_ms[duration_ms > too_slow_ms ? ALERT_CYCLE_TOO_SLOW : ALERT_CYCLE_SLOW]);
}

int64_t prometheus_time(const struct incident_record *record, int64_t now_ms)
{
    int64_t by_ms = record->incident.open ? now_ms : record->incident.resolved_ms;
    return record->prometheus_due_ms <= by_ms ? record->prometheus_due_ms : 0;
}

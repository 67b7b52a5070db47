/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announce_news.h"

#include "units.h"

/* What there is to tell of an incident, and when what depends on the time alone is due. */

enum { REMINDER_DAYS = 7 };

int64_t announce_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The end of the silence in the engine's time; long ago if there is none. */
int64_t announce_silenced_until(const struct announcer *announcer)
{
    int64_t until_ms = announcer->silenced_until_wall_ms;
    return until_ms == 0 ? INT64_MIN : moment_engine_ms(announcer->moment, until_ms);
}

bool announce_is_silenced(const struct announcer *announcer)
{
    return announcer->moment->now_ms < announce_silenced_until(announcer);
}

/* For struct said: that it flaps is said once, and once more when tables have joined. */
int64_t announce_flapping(const struct incident_record *record)
{
    return record->times_today ? (int64_t)record->member_count + 1 : 0;
}

/* What is true and was not said. */
enum news news_since(const struct announcer *announcer, const struct incident_record *record, const struct said *said)
{
    const struct incident *incident = &record->incident;
    if (!incident->open && said->firing)
        return said->resolved ? NEWS_NONE : NEWS_RESOLVED;
    if (!incident->open)
        return record->telling.held_ms ? NEWS_MISSED : NEWS_NONE;
    if (announcer->catching_up)
        return NEWS_NONE;
    bool same = said->firing && said->severity == incident->severity && said->alert == incident->alert;
    if (!same && incident->severity == SEVERITY_CRITICAL)
        return NEWS_URGENT;
    return same && said->flapping >= announce_flapping(record) ? NEWS_NONE : NEWS_ROUTINE;
}

enum news news_of(const struct announcer *announcer, const struct incident_record *record)
{
    return news_since(announcer, record, &record->telling.told);
}

bool announce_is_unsaid(void *announcer, const struct incident_record *record)
{
    return news_of(announcer, record) != NEWS_NONE;
}

/*
 * Reminders come 1, 2 and 4 times notify.reminder after the turn to critical, then daily for a week. This is the first of these instants
 * that lies well behind the newest message; INT64_MAX if there is none any more.
 */
int64_t announce_reminder_at(const struct announcer *announcer, const struct incident_record *record)
{
    int64_t every_ms = announcer->settings->notify.reminder_ms, after_ms = every_ms;
    int64_t told_ms = record->telling.reminded_ms - record->incident.critical_ms;
    if (!record->incident.open || record->well_ms || record->telling.told.severity != SEVERITY_CRITICAL ||
        every_ms == 0)
        return INT64_MAX;
    while (after_ms < told_ms + every_ms / 2) {
        after_ms = after_ms < 4 * every_ms ? 2 * after_ms : after_ms + DAY_MS;
        if (after_ms > 4 * every_ms + REMINDER_DAYS * (int64_t)DAY_MS)
            return INT64_MAX;
    }
    return record->incident.critical_ms + after_ms;
}

/* An incident escalates once, and a kind of incident once a day. */
int64_t announce_escalation_at(const struct announcer *announcer, const struct incident_record *record)
{
    const struct incident *incident = &record->incident;
    int64_t recovery_ms = alert_recovery_ms(incident->alert), last_ms = announcer->escalated_ms[record->kind];
    int64_t allowed_ms = announce_later(last_ms ? last_ms + DAY_MS : 0, announce_silenced_until(announcer));
    if (!incident->open || record->well_ms || !record->telling.told.firing || incident->escalated_ms)
        return INT64_MAX;
    if (record->escalation_due)
        return announce_later(allowed_ms, announcer->moment->now_ms);
    if (recovery_ms == 0)
        return INT64_MAX;
    /* The runbook's time counts from the telling, so that whoever was told late, after a backlog, has it as well. */
    return announce_later(record->telling.first_told_ms + recovery_ms + announcer->settings->notify.escalation_ms,
                          allowed_ms);
}

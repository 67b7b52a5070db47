/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announce_news.h"

#include <string.h>

#include "base/fnv.h"
#include "cause.h"
#include "saved.h"
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

/* --- updates ------------------------------------------------------------------------------------------------- */

/*
 * An incident that was told may grow: tables join it, one relapses in it, or its cause becomes known. That is told in one update when
 * the cycle ends, so that people learn the names of twelve tables behind one dead component in two messages and not in twelve. Where no
 * cycle is in progress, it is told when nothing more has had the time to come.
 */
enum { UPDATE_WAITS_MS = HOUR_MS, FLAPPING_UPDATE_MS = 6 * HOUR_MS };

/* A cause as a number, which is compared and saved more simply than its text; 0 if it is not known. */
static int64_t cause_mark(const struct cause *cause)
{
    const char *text = cause->id ? cause->id : cause->scenario;
    if (!cause_is_known(cause) || !text)
        return 0;
    return (int64_t)(fnv_add(FNV_EMPTY, text, strlen(text)) % (uint64_t)SAVED_NUMBER_MOST) + 1;
}

static bool any_unnamed(const struct incident_record *record, enum audience audience)
{
    for (size_t i = 0; i < record->member_count; i++) {
        const struct member *member = &record->members[i];
        if (member->bad && !(audience == AUDIENCE_PEOPLE ? member->told : member->noted))
            return true;
    }
    return false;
}

/*
 * True if people were not given the cause that is known now. They are told each cause of an incident once, and no more than a few: a failure
 * that gives another reason at each attempt is no news at each attempt.
 */
static bool has_better_cause(const struct incident_record *record)
{
    const struct telling *telling = &record->telling;
    int64_t mark = cause_mark(&record->incident.cause);
    bool may_change = record->kind == KIND_FAILURES || record->kind == KIND_DOWN;
    if (!may_change || !mark || telling->cause_count == CAUSES_TOLD)
        return false;
    for (size_t i = 0; i < telling->cause_count; i++)
        if (telling->causes[i] == mark)
            return false;
    return true;
}

static const struct said *said_to(const struct incident_record *record, enum audience audience)
{
    return audience == AUDIENCE_PEOPLE ? &record->telling.told : &record->telling.noted;
}

static bool has_grown(const struct incident_record *record, enum audience audience)
{
    const struct said *said = said_to(record, audience);
    return record->incident.open && said->firing && (any_unnamed(record, audience) || has_better_cause(record));
}

struct said news_said(const struct incident_record *record)
{
    return (struct said){ .firing = true,
                          .flapping = record->times_today != 0,
                          .severity = record->incident.severity,
                          .alert = record->incident.alert };
}

void news_note_said(struct incident_record *record, enum audience audience)
{
    struct telling *telling = &record->telling;
    if (audience == AUDIENCE_PEOPLE && has_better_cause(record))
        telling->causes[telling->cause_count++] = cause_mark(&record->incident.cause);
    for (size_t i = 0; i < record->member_count; i++) {
        struct member *member = &record->members[i];
        member->noted = member->noted || member->bad;
        if (audience == AUDIENCE_PEOPLE)
            member->told = member->told || member->bad;
    }
}

void news_note_growth(const struct announcer *announcer, struct incident_record *record)
{
    int64_t now_ms = announcer->moment->now_ms;
    int64_t wait_ms = model_cycle_running(announcer->model) ? UPDATE_WAITS_MS : schedule_burst(announcer->schedule);
    if (!has_grown(record, AUDIENCE_PEOPLE))
        record->telling.update_ms = 0;
    else if (record->telling.update_ms == 0)
        record->telling.update_ms = now_ms + wait_ms;
}

/* Of all that flaps of a kind people are told once more in a while, and not at each turn. */
static int64_t flapping_room_at(const struct announcer *announcer, const struct incident_record *record,
                                int64_t apart_ms)
{
    int64_t updated_ms = announcer->updated_ms[record->kind];
    return record->times_today && updated_ms ? updated_ms + apart_ms : INT64_MIN;
}

static int64_t update_at(const struct announcer *announcer, const struct incident_record *record)
{
    int64_t update_ms = record->telling.update_ms;
    return update_ms ? announce_later(update_ms, flapping_room_at(announcer, record, FLAPPING_UPDATE_MS)) : INT64_MAX;
}

int64_t news_update_at(const struct announcer *announcer, const struct incident_record *record)
{
    int64_t at_ms = update_at(announcer, record);
    if (at_ms <= announcer->moment->now_ms || !has_grown(record, AUDIENCE_PEOPLE))
        return INT64_MAX;
    return announce_later(at_ms, announce_silenced_until(announcer));
}

/* --- news ---------------------------------------------------------------------------------------------------- */

enum news news_since(const struct announcer *announcer, const struct incident_record *record, enum audience audience)
{
    const struct incident *incident = &record->incident;
    const struct said *said = said_to(record, audience);
    if (!incident->open && said->firing)
        return said->resolved ? NEWS_NONE : NEWS_RESOLVED;
    if (!incident->open)
        return record->telling.held_ms ? NEWS_MISSED : NEWS_NONE;
    if (announcer->catching_up)
        return NEWS_NONE;
    bool same = said->firing && said->severity == incident->severity && said->alert == incident->alert;
    if (!same && incident->severity == SEVERITY_CRITICAL)
        return NEWS_URGENT;
    if (!same || (record->times_today && !said->flapping))
        return NEWS_ROUTINE;
    return update_at(announcer, record) <= announcer->moment->now_ms && has_grown(record, audience) ? NEWS_ROUTINE
                                                                                                    : NEWS_NONE;
}

enum news news_of(const struct announcer *announcer, const struct incident_record *record)
{
    return news_since(announcer, record, AUDIENCE_PEOPLE);
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
    return announce_later(record->incident.critical_ms + after_ms, flapping_room_at(announcer, record, DAY_MS));
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

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

int64_t announce_silenced_until(const struct announcer *announcer, const struct incident_record *record)
{
    const struct incident *incident = &record->incident;
    const struct silence_subject subject = { incident->alert, incident->severity, incident->tables,
                                             incident->table_count };
    if (!announcer->silences)
        return INT64_MIN;
    int64_t until_ms = silences_until(announcer->silences, &subject, moment_now_wall_ms(announcer->moment));
    return until_ms == 0 ? INT64_MIN : moment_engine_ms(announcer->moment, time_sum(until_ms, 0));
}

bool announce_is_silenced(const struct announcer *announcer, const struct incident_record *record)
{
    return announcer->moment->now_ms < announce_silenced_until(announcer, record);
}

/* --- updates ------------------------------------------------------------------------------------------------- */

/*
 * An incident that was told may grow: tables join it, one relapses in it, or its cause becomes known. That is told in one update when
 * the cycle ends, so that people learn the names of twelve tables behind one dead component in two messages and not in twelve. Where no
 * cycle is in progress, it is told when nothing more has had the time to come.
 */
enum { UPDATE_WAITS_MS = HOUR_MS };
/* What flaps: updates of it lie so far apart, for tables that are new to it, for tables that relapse, and where it lasts. */
enum { NEW_TABLES_MS = 4 * HOUR_MS, RELAPSES_MS = 12 * HOUR_MS, LASTING_APART_MS = 4 * HOUR_MS };
/*
 * It lasts when it was not well for so long without a break. After the longer time that is told however much was told today, and so is a table
 * that is new to it.
 */
enum { LASTING_CYCLES = 6, LASTING_LEAST_MS = HOUR_MS, LASTING_MOST_MS = 4 * HOUR_MS };

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

/* True if a table is not well that was never well in this incident, so that people do not know of it. */
static bool any_new(const struct incident_record *record)
{
    for (size_t i = 0; i < record->member_count; i++) {
        const struct member *member = &record->members[i];
        if (member->bad && !member->told && !member->well_ms)
            return true;
    }
    return false;
}

static const struct said *said_to(const struct incident_record *record, enum audience audience)
{
    return audience == AUDIENCE_PEOPLE ? &record->telling.told : &record->telling.noted;
}

static bool has_grown(const struct incident_record *record, enum audience audience)
{
    const struct said *said = said_to(record, audience);
    bool begins_to_flap = record->times_today && !said->flapping;
    return record->incident.open && said->firing &&
           (begins_to_flap || any_unnamed(record, audience) || has_better_cause(record));
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
    int64_t before_ms = record->telling.update_ms;
    if (!has_grown(record, AUDIENCE_PEOPLE))
        record->telling.update_ms = 0;
    else if (before_ms == 0)
        record->telling.update_ms = now_ms + wait_ms;
    if (record->telling.update_ms != before_ms)
        incident_touch(record);
}

/* Of all that flaps of a kind people are told once more in a while, and not at each turn; and less when they were told much of it today. */
static int64_t flapping_room_at(const struct announcer *announcer, const struct incident_record *record,
                                int64_t apart_ms)
{
    int64_t updated_ms = announcer->updated_ms[record->kind], oldest_ms = announcer->told_ms[record->kind][0];
    if (record->times_today == 0)
        return INT64_MIN;
    return announce_later(updated_ms ? updated_ms + apart_ms : INT64_MIN, oldest_ms ? oldest_ms + DAY_MS : INT64_MIN);
}

/* The tables that are in trouble when an incident opens are named at once, even if it flaps. */
static bool has_just_opened(const struct announcer *announcer, const struct incident_record *record)
{
    return announcer->moment->now_ms - record->incident.opened_ms < schedule_interval(announcer->schedule);
}

static int64_t update_at(const struct announcer *announcer, const struct incident_record *record)
{
    int64_t update_ms = record->telling.update_ms;
    if (update_ms == 0)
        return INT64_MAX;
    bool is_new = any_new(record);
    int64_t apart_ms = is_new ? NEW_TABLES_MS : RELAPSES_MS;
    if (has_just_opened(announcer, record) || !record->telling.told.flapping)
        apart_ms = 0;
    int64_t room_ms = flapping_room_at(announcer, record, apart_ms), late_ms = update_ms + LASTING_MOST_MS;
    return announce_later(update_ms, is_new && late_ms < room_ms ? late_ms : room_ms);
}

/*
 * What flaps may be wrong for good at last. When it has not been well for an hour or six cycles, and people were told nothing since that began,
 * they are told. INT64_MAX: they know it, or it is well.
 */
static int64_t lasting_at(const struct announcer *announcer, const struct incident_record *record)
{
    const struct telling *telling = &record->telling;
    int64_t lasting_ms = LASTING_CYCLES * schedule_interval(announcer->schedule);
    if (!record->incident.open || !record->times_today || record->well_ms || !telling->told.firing ||
        telling->reminded_ms >= record->bad_ms)
        return INT64_MAX;
    lasting_ms = lasting_ms > LASTING_LEAST_MS ? lasting_ms : LASTING_LEAST_MS;
    int64_t soon_ms =
        announce_later(record->bad_ms + lasting_ms, flapping_room_at(announcer, record, LASTING_APART_MS));
    int64_t late_ms = record->bad_ms + announce_later(lasting_ms, LASTING_MOST_MS);
    return soon_ms < late_ms ? soon_ms : late_ms;
}

int64_t news_update_at(const struct announcer *announcer, const struct incident_record *record)
{
    int64_t update_ms = has_grown(record, AUDIENCE_PEOPLE) ? update_at(announcer, record) : INT64_MAX;
    int64_t lasting_ms = lasting_at(announcer, record), at_ms = update_ms < lasting_ms ? update_ms : lasting_ms;
    if (at_ms <= announcer->moment->now_ms || at_ms == INT64_MAX)
        return INT64_MAX;
    return announce_later(at_ms, announce_silenced_until(announcer, record));
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
    if (!same)
        return NEWS_ROUTINE;
    int64_t now_ms = announcer->moment->now_ms;
    if (audience == AUDIENCE_PEOPLE && lasting_at(announcer, record) <= now_ms)
        return NEWS_ROUTINE;
    return update_at(announcer, record) <= now_ms && has_grown(record, audience) ? NEWS_ROUTINE : NEWS_NONE;
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
        record->acknowledgement || every_ms == 0)
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
    int64_t allowed_ms = announce_later(last_ms ? last_ms + DAY_MS : 0, announce_silenced_until(announcer, record));
    if (!incident->open || record->well_ms || !record->telling.told.firing || incident->escalated_ms ||
        record->acknowledgement)
        return INT64_MAX;
    if (record->escalation_due)
        return announce_later(allowed_ms, announcer->moment->now_ms);
    if (recovery_ms == 0)
        return INT64_MAX;
    /* The runbook's time counts from the telling, so that whoever was told late, after a backlog, has it as well. */
    return announce_later(record->telling.first_told_ms + recovery_ms + announcer->settings->notify.escalation_ms,
                          allowed_ms);
}

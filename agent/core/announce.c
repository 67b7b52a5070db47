/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announce.h"

#include "describe.h"
#include "prometheus.h"
#include "units.h"

/*
 * An incident remembers what was last told of it. Whenever that differs from what is true, and telling is allowed, one notification
 * closes the gap. So a backlog of old news, a crowded hour, a silence and a restart need no special case: what is still true when
 * telling is allowed again is told once, as things then stand.
 *
 * Under a silence, what would have been told is noted for the history. One thing is told all the same: the end of what was told before. It
 * wakes nobody, and whoever was paged, or a receiver that goes on paging, must learn that it is over.
 */

enum { ROUTINE_AN_HOUR = NOTIFICATIONS_AN_HOUR - 1 };

/* The hour that the limit speaks of; schedules below a minute (tests, demonstrations) have a shorter one. */
static int64_t crowded_ms(const struct announcer *announcer)
{
    int64_t interval_ms = schedule_interval(announcer->schedule);
    return interval_ms >= MINUTE_MS ? HOUR_MS : 4 * interval_ms;
}

/* When there is room for one more: now, or when old ones are an hour old. The last place is kept for news of a critical. */
static int64_t room_at(const struct announcer *announcer, bool critical_news)
{
    int64_t now_ms = announcer->moment->now_ms;
    size_t places = critical_news ? NOTIFICATIONS_AN_HOUR : ROUTINE_AN_HOUR;
    if (announcer->sent_count < places)
        return now_ms;
    int64_t free_ms = announcer->sent_ms[announcer->sent_count - places] + crowded_ms(announcer);
    return free_ms > now_ms ? free_ms : now_ms;
}

static void count_sent(struct announcer *announcer)
{
    if (announcer->sent_count == NOTIFICATIONS_AN_HOUR) {
        memmove(announcer->sent_ms, announcer->sent_ms + 1, (NOTIFICATIONS_AN_HOUR - 1) * sizeof *announcer->sent_ms);
        announcer->sent_count--;
    }
    announcer->sent_ms[announcer->sent_count++] = announcer->moment->now_ms;
}

static void note_notified(struct announcer *announcer, const struct incident_record *record,
                          enum notification_status status, enum hearing hearing)
{
    struct strbuf note = { 0 };
    strbuf_printf(&note, "%s %s%s", notification_status_name(status), severity_name(record->incident.severity),
                  hearing == HEARD_BY_NONE ? ", silenced" : "");
    incidents_note(announcer->incidents, record, "notified", strbuf_text(&note));
    strbuf_free(&note);
}

static void send(struct announcer *announcer, struct incident_record *record, enum notification_status status,
                 enum hearing hearing)
{
    struct incident *incident = &record->incident;
    int64_t now_ms = announcer->moment->now_ms;
    struct strbuf summary = { 0 };
    describe_incident(record, status, now_ms, &summary);
    incident->prometheus_ms = prometheus_time(record, now_ms);
    if (hearing == HEARD_BY_ALL)
        count_sent(announcer);
    announcer->notify(announcer->ctx,
                      &(struct notification){
                          .time_ms = now_ms,
                          .status = status,
                          .severity = incident->severity,
                          .alert = incident->alert,
                          .sequence = ++record->telling.sequence,
                          .summary = strbuf_text(&summary),
                          .escalate_to = status == NOTIFY_ESCALATED ? kind_facts(record->kind)->escalate_to : NULL,
                          .hearing = hearing,
                          .incident = incident,
                      });
    if (hearing != HEARD_BY_KEEPERS)
        note_notified(announcer, record, status, hearing);
    strbuf_free(&summary);
}

enum news { NEWS_NONE, NEWS_FIRING, NEWS_RESOLVED };

/* What is true and was not said. */
static enum news news_since(const struct announcer *announcer, const struct incident *incident, const struct said *said)
{
    if (!incident->open)
        return said->firing && !said->resolved ? NEWS_RESOLVED : NEWS_NONE;
    if (announcer->catching_up)
        return NEWS_NONE;
    bool same = said->firing && said->severity == incident->severity && said->alert == incident->alert;
    return same ? NEWS_NONE : NEWS_FIRING;
}

static enum news news_of(const struct announcer *announcer, const struct incident_record *record)
{
    return news_since(announcer, &record->incident, &record->telling.told);
}

bool announce_is_unsaid(void *announcer, const struct incident_record *record)
{
    return news_of(announcer, record) != NEWS_NONE;
}

static void say(struct announcer *announcer, struct incident_record *record, enum news news, enum hearing hearing)
{
    const struct incident *incident = &record->incident;
    struct said *said = hearing == HEARD_BY_NONE ? &record->telling.noted : &record->telling.told;
    if (news == NEWS_RESOLVED)
        said->resolved = true;
    else
        *said = (struct said){ .firing = true, .severity = incident->severity, .alert = incident->alert };
    record->telling.noted = *said;
    if (news == NEWS_FIRING)
        send(announcer, record, NOTIFY_FIRING, hearing);
    else if (announcer->settings->notify.resolved)
        send(announcer, record, NOTIFY_RESOLVED, hearing);
    else if (hearing == HEARD_BY_ALL)
        send(announcer, record, NOTIFY_RESOLVED, HEARD_BY_KEEPERS);
}

/* The end of the silence in the engine's time; long ago if there is none. */
static int64_t silenced_until(const struct announcer *announcer)
{
    int64_t until_ms = announcer->silenced_until_wall_ms;
    return until_ms == 0 ? INT64_MIN : moment_engine_ms(announcer->moment, until_ms);
}

static bool critical_news(const struct incident_record *record, enum news news)
{
    return news == NEWS_FIRING && record->incident.severity == SEVERITY_CRITICAL;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void announce_change(void *ctx, struct incident_record *record)
{
    struct announcer *announcer = ctx;
    int64_t now_ms = announcer->moment->now_ms;
    enum news news = news_of(announcer, record);
    if (now_ms < silenced_until(announcer) && news != NEWS_RESOLVED) {
        news = news_since(announcer, &record->incident, &record->telling.noted);
        if (news != NEWS_NONE)
            say(announcer, record, news, HEARD_BY_NONE);
        return;
    }
    if (news == NEWS_NONE || room_at(announcer, critical_news(record, news)) > now_ms)
        return;
    if (news == NEWS_FIRING) {
        if (!record->telling.told.firing)
            record->telling.first_told_ms = now_ms;
        record->telling.reminded_ms = now_ms;
    }
    say(announcer, record, news, HEARD_BY_ALL);
}

void announce_all(struct announcer *announcer)
{
    for (size_t i = 0; i < announcer->incidents->count; i++)
        announce_change(announcer, announcer->incidents->records[i]);
}

/* When what is no news may be repeated: not in a crowded hour, nor under a silence. */
static int64_t leave_at(const struct announcer *announcer)
{
    return later(room_at(announcer, false), silenced_until(announcer));
}

static int64_t escalation_at(const struct announcer *announcer, const struct incident_record *record)
{
    const struct incident *incident = &record->incident;
    int64_t recovery_ms = alert_recovery_ms(incident->alert);
    if (!incident->open || !record->telling.told.firing || incident->escalated_ms)
        return INT64_MAX;
    if (record->escalation_due)
        return leave_at(announcer);
    if (recovery_ms == 0)
        return INT64_MAX;
    /* The runbook's time counts from the telling, so that whoever was told late, after a backlog, has it as well. */
    int64_t due_ms = record->telling.first_told_ms + recovery_ms + announcer->settings->notify.escalation_ms;
    return later(due_ms, leave_at(announcer));
}

static int64_t reminder_at(const struct announcer *announcer, const struct incident_record *record)
{
    int64_t every_ms = announcer->settings->notify.reminder_ms;
    if (!record->incident.open || record->telling.told.severity != SEVERITY_CRITICAL || every_ms == 0)
        return INT64_MAX;
    return later(record->telling.reminded_ms + every_ms, leave_at(announcer));
}

static int64_t news_at(const struct announcer *announcer, const struct incident_record *record)
{
    enum news news = news_of(announcer, record);
    int64_t room_ms = room_at(announcer, critical_news(record, news));
    switch (news) {
    case NEWS_NONE: return INT64_MAX;
    case NEWS_FIRING: return later(room_ms, silenced_until(announcer));
    case NEWS_RESOLVED: break;
    }
    return room_ms;
}

int64_t announce_due(const struct announcer *announcer)
{
    const struct incidents *incidents = announcer->incidents;
    int64_t best_ms = INT64_MAX;
    for (size_t i = 0; !announcer->catching_up && i < incidents->count; i++) {
        const struct incident_record *record = incidents->records[i];
        int64_t times_ms[] = { news_at(announcer, record), escalation_at(announcer, record),
                               reminder_at(announcer, record) };
        for (size_t t = 0; t < sizeof times_ms / sizeof times_ms[0]; t++)
            best_ms = times_ms[t] < best_ms ? times_ms[t] : best_ms;
    }
    return best_ms;
}

void announce_expire(struct announcer *announcer)
{
    int64_t now_ms = announcer->moment->now_ms;
    for (size_t i = 0; i < announcer->incidents->count; i++) {
        struct incident_record *record = announcer->incidents->records[i];
        if (news_at(announcer, record) <= now_ms)
            announce_change(announcer, record);
        if (escalation_at(announcer, record) <= now_ms) {
            record->incident.escalated_ms = now_ms;
            send(announcer, record, NOTIFY_ESCALATED, HEARD_BY_ALL);
            incidents_store(announcer->incidents, record);
        }
        if (reminder_at(announcer, record) <= now_ms) {
            record->telling.reminded_ms = now_ms;
            send(announcer, record, NOTIFY_REMINDER, HEARD_BY_ALL);
        }
    }
}

void announce_archive(struct announcer *announcer, struct archive *archive)
{
    archive_bool(archive, "catching_up", &announcer->catching_up);
    archive_i64s(archive, "sent", announcer->sent_ms, &announcer->sent_count, NOTIFICATIONS_AN_HOUR);
}

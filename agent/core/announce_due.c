/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announce_news.h"

/* When there will be something to tell. */

static int64_t news_at(const struct announcer *announcer, const struct incident_record *record)
{
    switch (news_of(announcer, record)) {
    case NEWS_NONE: break;
    case NEWS_RESOLVED: return announcer->moment->now_ms;
    case NEWS_URGENT: return announce_later(announcer->moment->now_ms, announce_silenced_until(announcer, record));
    case NEWS_ROUTINE:
    case NEWS_MISSED: return announce_later(announce_room_at(announcer), announce_silenced_until(announcer, record));
    }
    return INT64_MAX;
}

int64_t announce_due_of(const struct announcer *announcer, const struct incident_record *record)
{
    int64_t times_ms[] = {
        news_at(announcer, record), announce_escalation_at(announcer, record), news_update_at(announcer, record),
        announce_later(announce_reminder_at(announcer, record),
                       announce_later(announce_room_at(announcer), announce_silenced_until(announcer, record)))
    };
    int64_t best_ms = INT64_MAX;
    for (size_t t = 0; t < sizeof times_ms / sizeof times_ms[0]; t++)
        best_ms = times_ms[t] < best_ms ? times_ms[t] : best_ms;
    return best_ms;
}

static int64_t due_of_place(const void *ctx, size_t place)
{
    const struct announcer *announcer = ctx;
    const struct incident_record *record = announcer->incidents->places[place];
    return record ? announce_due_of(announcer, record) : INT64_MAX;
}

void announce_all_may_be_due(struct announcer *announcer)
{
    struct incidents *incidents = announcer->incidents;
    deadlines_mark_all(&incidents->deadlines[DEADLINES_TELLING], incidents->place_count);
}

/* What is told of one incident lets others wait longer at most, so that an incident's deadline is reckoned anew only when it changes itself. */
static void notice_timetable(struct announcer *announcer)
{
    struct timetable now = { schedule_interval(announcer->schedule), moment_engine_ms(announcer->moment, 0),
                             schedule_is_observed(announcer->schedule) };
    const struct timetable *before = &announcer->timetable;
    if (now.interval_ms == before->interval_ms && now.offset_ms == before->offset_ms &&
        now.is_observed == before->is_observed)
        return;
    announcer->timetable = now;
    announce_all_may_be_due(announcer);
}

int64_t announce_due(struct announcer *announcer)
{
    if (announcer->incidents->count == 0 || announcer->catching_up)
        return INT64_MAX;
    notice_timetable(announcer);
    return deadlines_first(&announcer->incidents->deadlines[DEADLINES_TELLING], due_of_place, announcer);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "announce_news.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "prometheus.h"
#include "saved.h"
#include "units.h"

/*
 * An incident remembers what was last told of it. Whenever that differs from what is true, and telling is allowed, one notification
 * closes the gap. So a backlog of old news, a crowded hour, a silence and a restart need no special case: what is still true when
 * telling is allowed again is told once, as things then stand.
 *
 * A new critical, a turn to critical and an end are told at once, always, and an escalation when it is due. All else is routine: warnings,
 * updates and reminders. Routine messages are six an hour at most. What exceeds that waits until the oldest of the six is an hour
 * old, and then all that waits is told in one message. A warning whose incident ended while it waited is told with its end.
 *
 * Whoever acknowledged an incident works on it: nobody is reminded of it, and it is not escalated. All else is told.
 *
 * Under a silence that covers the incident (silence.h), what would have been told is noted for the history. One thing is told all the same:
 * the end of what was told before. It wakes nobody, and whoever was paged, or a receiver that goes on paging, must learn that it is over.
 */

enum { COMBINED_NAMED = 20 };

/* --- room ---------------------------------------------------------------------------------------------------- */

/*
 * The hour that the limit speaks of; schedules below a minute (tests, demonstrations) have a shorter one. An interval that is only guessed
 * from when cycles began does not count: cycles that a crash loop cut off begin soon after one another.
 */
static int64_t crowded_ms(const struct announcer *announcer)
{
    int64_t interval_ms = schedule_interval(announcer->schedule);
    return interval_ms >= MINUTE_MS || schedule_is_observed(announcer->schedule) ? HOUR_MS : 4 * interval_ms;
}

/* How many routine messages may be sent now. */
static size_t free_places(const struct announcer *announcer)
{
    size_t used = 0;
    for (size_t i = 0; i < announcer->sent_count; i++)
        used += announcer->moment->now_ms - announcer->sent_ms[i] < crowded_ms(announcer);
    return ROUTINE_AN_HOUR - used;
}

int64_t announce_room_at(const struct announcer *announcer)
{
    int64_t now_ms = announcer->moment->now_ms;
    return free_places(announcer) ? now_ms : announcer->sent_ms[0] + crowded_ms(announcer);
}

static void count_sent(struct announcer *announcer)
{
    if (announcer->sent_count == ROUTINE_AN_HOUR)
        memmove(announcer->sent_ms, announcer->sent_ms + 1, --announcer->sent_count * sizeof *announcer->sent_ms);
    announcer->sent_ms[announcer->sent_count++] = announcer->moment->now_ms;
}

/* True if something routine is to be told of it now, if only there is room. */
static bool is_waiting(const struct announcer *announcer, const struct incident_record *record)
{
    enum news news = news_of(announcer, record);
    bool is_routine = news == NEWS_ROUTINE || news == NEWS_MISSED ||
                      announce_reminder_at(announcer, record) <= announcer->moment->now_ms;
    return is_routine && !announce_is_silenced(announcer, record);
}

/* --- telling ------------------------------------------------------------------------------------------------- */

static void note_notified(struct announcer *announcer, const struct incident_record *record,
                          enum notification_status status, enum hearing hearing)
{
    static const char *const how[] = {
        [HEARD_BY_ALL] = "", [HEARD_BY_NONE] = ", silenced", [HEARD_IN_COMBINED] = ", together with others"
    };
    struct strbuf note = { 0 };
    strbuf_printf(&note, "%s %s%s", notification_status_name(status), severity_name(record->incident.severity),
                  how[hearing]);
    incidents_note(announcer->incidents, record, "notified", strbuf_text(&note));
    strbuf_free(&note);
}

static void count_told(struct announcer *announcer, enum incident_kind kind)
{
    int64_t *told_ms = announcer->told_ms[kind];
    memmove(told_ms, told_ms + 1, (TOLD_A_DAY - 1) * sizeof *told_ms);
    told_ms[TOLD_A_DAY - 1] = announcer->moment->now_ms;
}

static void send_words(struct announcer *announcer, struct incident_record *record, enum notification_status status,
                       enum hearing hearing, const char *summary)
{
    struct incident *incident = &record->incident;
    incident_touch(record);
    if (hearing == HEARD_BY_ALL || hearing == HEARD_AS_COMBINED)
        count_told(announcer, record->kind);
    incident->prometheus_ms = prometheus_time(record, announcer->moment->now_ms);
    announcer->notify(announcer->ctx,
                      &(struct notification){
                          .time_ms = announcer->moment->now_ms,
                          .status = status,
                          .severity = incident->severity,
                          .alert = incident->alert,
                          .sequence = ++record->telling.sequence,
                          .summary = summary,
                          .escalate_to = status == NOTIFY_ESCALATED ? incident_escalate_to(record) : NULL,
                          .hearing = hearing,
                          .incident = incident,
                      });
}

static void send(struct announcer *announcer, struct incident_record *record, enum notification_status status,
                 enum hearing hearing)
{
    struct strbuf summary = { 0 };
    news_note_said(record, hearing == HEARD_BY_NONE ? AUDIENCE_HISTORY : AUDIENCE_PEOPLE);
    describe_incident(announcer->incidents, record, status, LINE_SENT, &summary);
    send_words(announcer, record, status, hearing, strbuf_text(&summary));
    if (hearing != HEARD_BY_KEEPERS)
        note_notified(announcer, record, status, hearing);
    strbuf_free(&summary);
}

/* It is told that it is open, as it now is. */
static void say_firing(struct announcer *announcer, struct incident_record *record, enum hearing hearing)
{
    struct telling *telling = &record->telling;
    incident_touch(record);
    telling->noted = news_said(record);
    if (hearing != HEARD_BY_NONE) {
        telling->update_ms = 0;
        telling->first_told_ms = telling->told.firing ? telling->first_told_ms : announcer->moment->now_ms;
        telling->reminded_ms = announcer->moment->now_ms;
        telling->held_ms = 0;
        telling->told = telling->noted;
        if (record->times_today)
            announcer->updated_ms[record->kind] = announcer->moment->now_ms;
    }
    send(announcer, record, NOTIFY_FIRING, hearing);
}

static void say_resolved(struct announcer *announcer, struct incident_record *record, enum hearing hearing)
{
    incident_touch(record);
    record->telling.noted.resolved = true;
    if (hearing != HEARD_BY_NONE)
        record->telling.told.resolved = true;
    if (announcer->settings->notify.resolved)
        send(announcer, record, NOTIFY_RESOLVED, hearing);
    else if (hearing != HEARD_BY_NONE)
        send(announcer, record, NOTIFY_RESOLVED, HEARD_BY_KEEPERS);
}

/* What waits for room is told as it now is, if this is its news. Returns the status in which it is. */
static enum notification_status say_waiting(struct announcer *announcer, struct incident_record *record, enum news news,
                                            enum hearing hearing)
{
    if (news != NEWS_ROUTINE && news != NEWS_MISSED) {
        record->telling.reminded_ms = announcer->moment->now_ms;
        if (record->times_today)
            announcer->updated_ms[record->kind] = announcer->moment->now_ms;
        send(announcer, record, NOTIFY_REMINDER, hearing);
        return NOTIFY_REMINDER;
    }
    say_firing(announcer, record, hearing);
    if (news == NEWS_MISSED)
        say_resolved(announcer, record, hearing);
    return news == NEWS_MISSED ? NOTIFY_RESOLVED : NOTIFY_FIRING;
}

static void add_combined(const struct announcer *announcer, const struct incident_record *record,
                         enum notification_status status, size_t index, struct strbuf *words)
{
    if (index >= COMBINED_NAMED)
        return;
    strbuf_printf(words, "\n%s #%" PRId64 ": ",
                  status == NOTIFY_RESOLVED ? "resolved" : severity_name(record->incident.severity),
                  record->incident.id);
    describe_incident(announcer->incidents, record, status, LINE_SENT, words);
}

/* The more urgent of two to stand for all in the combined message: what is open, then what is worse, then what is older. */
static struct incident_record *bearer_of(struct incident_record *one, struct incident_record *other)
{
    if (!one || one->incident.open != other->incident.open)
        return !one || other->incident.open ? other : one;
    return other->incident.severity > one->incident.severity ? other : one;
}

struct waiting {
    struct incident_record *record;
    enum news news;
};

/* What waits, so many of them; owned by the caller. */
static struct waiting *find_waiting(const struct announcer *announcer, size_t count)
{
    struct waiting *waiting = must_alloc(count * sizeof *waiting);
    size_t found = 0;
    for (size_t i = 0; i < announcer->incidents->count && found < count; i++) {
        struct incident_record *record = announcer->incidents->records[i];
        if (is_waiting(announcer, record))
            waiting[found++] = (struct waiting){ record, news_of(announcer, record) };
    }
    return waiting;
}

/* All are found before any is told, since of what flaps nothing waits any more when one of its kind was told. */
static void say_combined(struct announcer *announcer, size_t count)
{
    struct incident_record *bearer = NULL;
    struct strbuf words = { 0 }, list = { 0 };
    struct waiting *waiting = find_waiting(announcer, count);
    for (size_t i = 0; i < count; i++) {
        enum notification_status status = say_waiting(announcer, waiting[i].record, waiting[i].news, HEARD_IN_COMBINED);
        add_combined(announcer, waiting[i].record, status, i, &list);
        bearer = bearer_of(bearer, waiting[i].record);
    }
    free(waiting);
    if (count > COMBINED_NAMED)
        strbuf_printf(&list, "\nand %zu more", count - COMBINED_NAMED);
    if (bearer) {
        enum notification_status status = bearer->incident.open ? NOTIFY_FIRING : NOTIFY_RESOLVED;
        describe_combined(announcer->incidents, bearer, status, count, &words);
        strbuf_puts(&words, strbuf_text(&list));
        send_words(announcer, bearer, status, HEARD_AS_COMBINED, strbuf_text(&words));
    }
    strbuf_free(&words);
    strbuf_free(&list);
}

/* Tells what waits, one by one as long as there is room for all, else in one message. */
static void tell_waiting(struct announcer *announcer)
{
    struct incidents *incidents = announcer->incidents;
    size_t waiting = 0, places = free_places(announcer);
    for (size_t i = 0; i < incidents->count; i++)
        waiting += is_waiting(announcer, incidents->records[i]);
    if (waiting == 0 || places == 0)
        return;
    if (waiting > places) {
        say_combined(announcer, waiting);
        count_sent(announcer);
        return;
    }
    for (size_t i = 0; i < incidents->count; i++) {
        struct incident_record *record = incidents->records[i];
        if (!is_waiting(announcer, record))
            continue;
        say_waiting(announcer, record, news_of(announcer, record), HEARD_BY_ALL);
        count_sent(announcer);
    }
}

static void hold(struct announcer *announcer, struct incident_record *record)
{
    if (record->telling.held_ms)
        return;
    incident_touch(record);
    record->telling.held_ms = announcer->moment->now_ms;
    explain(announcer->explainer, record->kind, NULL, VERDICT_HELD,
            "incident %" PRId64 " is not told now: %d such messages were sent within the hour", record->incident.id,
            ROUTINE_AN_HOUR);
    incidents_note(announcer->incidents, record, "note",
                   "held back: people were told enough within the hour; it is told together with what else waits");
}

/* Notes for the history what people would have been told. */
static void note_silenced(struct announcer *announcer, struct incident_record *record)
{
    enum news news = news_since(announcer, record, AUDIENCE_HISTORY);
    if (!record->incident.open && record->telling.held_ms)
        incident_touch(record);
    if (!record->incident.open)
        record->telling.held_ms = 0; /* what is over by the end of the silence is never told */
    if (news == NEWS_RESOLVED)
        say_resolved(announcer, record, HEARD_BY_NONE);
    else if (news == NEWS_URGENT || news == NEWS_ROUTINE)
        say_firing(announcer, record, HEARD_BY_NONE);
}

static void escalate(struct announcer *announcer, struct incident_record *record)
{
    record->incident.escalated_ms = announcer->escalated_ms[record->kind] = announcer->moment->now_ms;
    explain(announcer->explainer, record->kind, NULL, VERDICT_CRITICAL, "incident %" PRId64 " is escalated: %s",
            record->incident.id,
            record->escalation_due ? "its kind came more than 3 times in 24 h" : "its runbook's time and more is over");
    send(announcer, record, NOTIFY_ESCALATED, HEARD_BY_ALL);
    incidents_store(announcer->incidents, record);
}

static void escalate_if_due(struct announcer *announcer, struct incident_record *record)
{
    if (announce_escalation_at(announcer, record) <= announcer->moment->now_ms)
        escalate(announcer, record);
}

void announce_step_begins(struct announcer *announcer)
{
    announcer->is_gathering = true;
}

__attribute__((cold, noinline)) static void tell_gathered(struct announcer *announcer)
{
    const struct incident_list *gathered = &announcer->incidents->gathered;
    while (gathered->count > 0) {
        struct incident_record *record = gathered->at[0];
        incident_forget_gathered(record);
        announce_change(announcer, record);
        /* Now, and not as a deadline: whether more lines of this instant are read before it would depend on when they are read. */
        escalate_if_due(announcer, record);
    }
}

void announce_step_ends(struct announcer *announcer)
{
    announcer->is_gathering = false;
    if (announcer->incidents->gathered.count > 0)
        tell_gathered(announcer);
}

void announce_change(void *ctx, struct incident_record *record)
{
    struct announcer *announcer = ctx;
    if (announcer->is_gathering) {
        incident_gather(record);
        return;
    }
    news_note_growth(announcer, record);
    enum news news = news_of(announcer, record);
    if (news == NEWS_RESOLVED) {
        say_resolved(announcer, record, HEARD_BY_ALL);
    } else if (announce_is_silenced(announcer, record)) {
        note_silenced(announcer, record);
    } else if (news == NEWS_URGENT) {
        say_firing(announcer, record, HEARD_BY_ALL);
    } else if (news == NEWS_ROUTINE && free_places(announcer)) {
        say_firing(announcer, record, HEARD_BY_ALL);
        count_sent(announcer);
    } else if (news == NEWS_ROUTINE) {
        hold(announcer, record);
    }
}

void announce_cycle_ended(struct announcer *announcer)
{
    for (size_t i = 0; i < announcer->incidents->count; i++) {
        struct incident_record *record = announcer->incidents->records[i];
        news_note_growth(announcer, record);
        if (record->telling.update_ms <= announcer->moment->now_ms)
            continue;
        record->telling.update_ms = announcer->moment->now_ms;
        incident_touch(record);
        announce_change(announcer, record);
    }
}

void announce_all(struct announcer *announcer)
{
    struct incidents *incidents = announcer->incidents;
    for (size_t i = 0; i < incidents->count; i++) {
        struct incident_record *record = incidents->records[i];
        enum news news = news_of(announcer, record);
        if (announce_is_silenced(announcer, record) || news == NEWS_RESOLVED || news == NEWS_URGENT)
            announce_change(announcer, record);
        escalate_if_due(announcer, record);
    }
    tell_waiting(announcer);
}

void announce_archive(struct announcer *announcer, struct archive *archive)
{
    size_t kinds = KINDS;
    archive_bool(archive, "catching_up", &announcer->catching_up);
    saved_i64s(archive, "sent", announcer->sent_ms, &announcer->sent_count, ROUTINE_AN_HOUR);
    saved_i64s(archive, "escalations", announcer->escalated_ms, &kinds, KINDS);
    kinds = KINDS;
    saved_i64s(archive, "flapping_updates", announcer->updated_ms, &kinds, KINDS);
    kinds = KINDS * TOLD_A_DAY;
    saved_i64s(archive, "told", announcer->told_ms[0], &kinds, KINDS * TOLD_A_DAY);
}

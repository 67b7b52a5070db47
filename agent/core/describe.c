/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "calendar.h"
#include "incidents.h"
#include "line.h"
#include "units.h"

/* The parts of an incident's first line. */

enum { RECURRING_DAYS = 3, LASTED_LEAST_MS = 10 * SECOND_MS };
/* What a duration and a date take that a face adds to a line that the history keeps: " (23 h 59 min)" and "30 Sep ". */
enum { AS_OF_CHARS = 21 };

const char *incident_escalate_to(const struct incident_record *record)
{
    const char *whom = record->incident.cause.escalate_to;
    return whom ? whom : kind_facts(record->kind)->escalate_to;
}

/* --- tables -------------------------------------------------------------------------------------------------- */

static bool is_bad(const struct incident_record *record, const struct tables *tables, const char *name)
{
    const struct member *member = incident_member(record, tables_find(tables, slice_of(name)));
    return member && member->bad;
}

static size_t count_offloaded(const struct tables *tables)
{
    size_t count = 0;
    for (size_t i = 0; i < tables->count; i++)
        count += !tables->at[i].retired;
    return count;
}

/* The line speaks of all tables that were in the incident when it is over, before that of those that are not well. Returns how many are well. */
static size_t find_affected(const struct incidents *incidents, const struct incident_record *record,
                            enum notification_status status, struct line *line, const char **well)
{
    const struct incident *incident = &record->incident;
    bool all = status == NOTIFY_RESOLVED || !incident_any_bad(record);
    for (size_t i = 0; i < incident->table_count; i++) {
        const char *name = incident->tables[i];
        bool is_meant = all || is_bad(record, incidents->tables, name);
        line->table = is_meant && line->count == 0 ? name : line->table;
        line->count += is_meant;
        *well = is_meant ? *well : name;
    }
    line->known = status == NOTIFY_RESOLVED ? 0 : count_offloaded(incidents->tables);
    return incident->table_count - line->count;
}

/* --- asides -------------------------------------------------------------------------------------------------- */

static void aside_well(size_t count, const char *name, struct strbuf *out)
{
    if (count == 1)
        strbuf_printf(out, "%s well again", name);
    else if (count > 1)
        strbuf_printf(out, "%zu others well again", count);
}

static const char *ordinal_end(int64_t number)
{
    int64_t last = number % 10, tens = number / 10 % 10;
    return tens == 1 || last == 0 || last > 3 ? "th" : last == 1 ? "st" : last == 2 ? "nd" : "rd";
}

/* What comes back at about the same time of day: "for the 5th night at about 02:00". */
static void aside_days(const struct incidents *incidents, const struct incident_record *record, struct strbuf *out,
                       struct strbuf *in_short)
{
    enum { ABOUT_MS = 30 * MINUTE_MS, NIGHT_FROM = 22, NIGHT_TO = 6 };
    int64_t about_ms = moment_wall_ms(incidents->moment, record->incident.onset_ms) + ABOUT_MS / 2;
    char clock[CLOCK_WORDS_BYTES];
    about_ms -= about_ms % ABOUT_MS;
    incidents->clock(about_ms, about_ms, clock);
    long hour = strtol(clock, NULL, 10);
    const char *what = record->is_weekly ? "week" : hour >= NIGHT_FROM || hour < NIGHT_TO ? "night" : "day";
    strbuf_printf(in_short, "%" PRId64 "%s %s", record->days, ordinal_end(record->days), what);
    strbuf_printf(out, "for the %s at about %s", strbuf_text(in_short), clock);
}

static void aside_recurrence(const struct incidents *incidents, const struct incident_record *record,
                             struct strbuf *out, struct strbuf *in_short)
{
    if (record->times_today) {
        strbuf_printf(in_short, "%" PRId64 "%s time", record->times_today, ordinal_end(record->times_today));
        strbuf_printf(out, "%s in 24 h", strbuf_text(in_short));
    } else if (record->days >= RECURRING_DAYS) {
        aside_days(incidents, record, out, in_short);
    }
}

static void aside_held(const struct incident_record *record, struct strbuf *out)
{
    if (record->times_today)
        strbuf_printf(out, "told when well for %" PRId64 " cycles", record->calm_cycles);
}

/* --- the line ------------------------------------------------------------------------------------------------ */

/* Owns the parts that must be put together. */
struct parts {
    struct line line;
    char onset[CLOCK_WORDS_BYTES], then[CLOCK_WORDS_BYTES];
    struct strbuf lasted, again, asides[LINE_ASIDES], short_aside, note;
};

static void set_times(const struct incidents *incidents, const struct incident_record *record, enum line_use use,
                      struct parts *parts)
{
    const struct incident *incident = &record->incident;
    int64_t now_ms = incidents->moment->now_ms;
    int64_t wall_ms = moment_now_wall_ms(incidents->moment);
    incidents->clock(moment_wall_ms(incidents->moment, incident->onset_ms), wall_ms, parts->onset);
    incidents->clock(moment_wall_ms(incidents->moment, record->then_ms), wall_ms, parts->then);
    int64_t lasted_ms = incident_lasted_ms(incident->onset_ms, incident->resolved_ms, now_ms);
    duration_words(lasted_ms, &parts->lasted);
    parts->line.onset = parts->onset;
    parts->line.then = parts->then;
    parts->line.lasted = strbuf_text(&parts->lasted);
    parts->line.shows_lasted = use == LINE_SENT && lasted_ms >= LASTED_LEAST_MS;
}

/* Of what flaps: whether it is well, or since when it has not been for long. */
static const char *turn_words(const struct incidents *incidents, const struct incident_record *record,
                              struct strbuf *again)
{
    char clock[CLOCK_WORDS_BYTES];
    const struct moment *moment = incidents->moment;
    if (record->well_ms)
        return "well at the moment";
    if (record->bad_ms <= record->incident.onset_ms || moment->now_ms - record->bad_ms < HOUR_MS)
        return NULL;
    incidents->clock(moment_wall_ms(moment, record->bad_ms), moment_now_wall_ms(moment), clock);
    strbuf_printf(again, "now without a break since %s", clock);
    return strbuf_text(again);
}

static void set_head(const struct incidents *incidents, const struct incident_record *record,
                     enum notification_status status, struct parts *parts)
{
    struct line *line = &parts->line;
    const struct kind_facts *facts = kind_facts(record->kind);
    line->writer = incidents->settings->writer;
    if (status == NOTIFY_RESOLVED) {
        line->head = record->is_gone ? "{tables} no longer offloaded, ended after {for}" : facts->over;
        return;
    }
    line->is_still = status == NOTIFY_REMINDER;
    line->cause = facts->words_say_cause ? NULL : record->incident.cause.words;
    line->head = record->what ? record->what : facts->wrong;
    line->detail = record->detail;
    if (record->times_today) {
        line->head = facts->on_and_off;
        line->detail = turn_words(incidents, record, &parts->again);
    }
}

static void set_asides(const struct incidents *incidents, const struct incident_record *record,
                       enum notification_status status, struct parts *parts)
{
    const char *well = NULL;
    size_t well_count = find_affected(incidents, record, status, &parts->line, &well);
    if (status == NOTIFY_RESOLVED)
        return;
    if (status == NOTIFY_ESCALATED) {
        strbuf_puts(&parts->note, record->escalation_due && !record->times_today ? "comes back again and again, " : "");
        strbuf_printf(&parts->note, "%s told", incident_escalate_to(record));
        parts->line.note = strbuf_text(&parts->note);
        parts->line.short_note = "escalated";
    }
    aside_recurrence(incidents, record, &parts->asides[0], &parts->short_aside);
    parts->line.short_aside = parts->short_aside.len ? strbuf_text(&parts->short_aside) : NULL;
    aside_well(well_count, well, &parts->asides[1]);
    aside_held(record, &parts->asides[2]);
    for (size_t i = 0, count = 0; i < LINE_ASIDES; i++)
        if (parts->asides[i].len)
            parts->line.asides[count++] = strbuf_text(&parts->asides[i]);
}

static size_t room_for(const struct incidents *incidents, enum notification_status status, enum line_use use)
{
    size_t host_chars = (size_t)incidents->settings->notify.host_chars + strlen(": ");
    if (use == LINE_KEPT)
        return FIRST_LINE_MAX_CHARS - AS_OF_CHARS; /* `agent status` and its like show it without the host */
    return FIRST_LINE_MAX_CHARS - host_chars - (status == NOTIFY_RESOLVED ? strlen("RESOLVED ") : 0);
}

/* front: what stands before the line in addition. */
static void describe_behind(const struct incidents *incidents, const struct incident_record *record,
                            enum notification_status status, enum line_use use, size_t front, struct strbuf *out)
{
    struct parts parts = { 0 };
    set_times(incidents, record, use, &parts);
    set_head(incidents, record, status, &parts);
    set_asides(incidents, record, status, &parts);
    line_write(&parts.line, room_for(incidents, status, use) - front, out);
    strbuf_free(&parts.lasted);
    strbuf_free(&parts.again);
    strbuf_free(&parts.note);
    strbuf_free(&parts.short_aside);
    for (size_t i = 0; i < LINE_ASIDES; i++)
        strbuf_free(&parts.asides[i]);
}

void describe_incident(const struct incidents *incidents, const struct incident_record *record,
                       enum notification_status status, enum line_use use, struct strbuf *out)
{
    describe_behind(incidents, record, status, use, 0, out);
}

void describe_combined(const struct incidents *incidents, const struct incident_record *record,
                       enum notification_status status, size_t count, struct strbuf *out)
{
    struct strbuf front = { 0 };
    strbuf_printf(&front, "%zu incidents: ", count);
    strbuf_puts(out, strbuf_text(&front));
    describe_behind(incidents, record, status, LINE_SENT, front.len, out);
    strbuf_free(&front);
}

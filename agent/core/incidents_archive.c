/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <stdlib.h>

#include "saved.h"

/* The incidents in the saved state: what is open, what was told, and what waits to be verified. */

enum { INCIDENTS_MOST = KINDS * TABLES_MAX }; /* more are never open at once, and far fewer wait to be verified */

static void archive_owned(struct archive *archive, const char *name, const char **owned)
{
    char *text = (char *)(uintptr_t)*owned;
    archive_text(archive, name, &text);
    *owned = text;
}

/* What is true of a table in an incident, as one number. */
enum { MARK_TOLD = 1, MARK_NOTED = 2 };

static int64_t member_marks(const struct member *member)
{
    return (member->told ? MARK_TOLD : 0) | (member->noted ? MARK_NOTED : 0);
}

static void member_mark(struct member *member, int64_t marks)
{
    member->told = marks & MARK_TOLD;
    member->noted = marks & MARK_NOTED;
}

/* The members as four lists of numbers, one behind the other, each with room for so many. */
static void members_list(const struct incident_record *record, int64_t *lists, size_t room)
{
    for (size_t i = 0; i < record->member_count; i++) {
        const struct member *member = &record->members[i];
        lists[i] = (int64_t)member->table;
        lists[room + i] = member->bad;
        lists[2 * room + i] = member_marks(member);
        lists[3 * room + i] = member->well_ms;
    }
}

static void members_archive(struct incident_record *record, struct tables *tables, struct archive *archive)
{
    size_t room = archive_loading(archive) ? tables->count : record->member_count;
    int64_t *lists = must_alloc((4 * room + 1) * sizeof *lists), *bad = lists + room, *marks = bad + room,
            *well_ms = marks + room;
    size_t count = record->member_count, bad_count = count, mark_count = count, well_count = count;
    if (!archive_loading(archive))
        members_list(record, lists, room);
    saved_i64s(archive, "members", lists, &count, room);
    saved_i64s(archive, "members.bad", bad, &bad_count, room);
    saved_i64s(archive, "members.marks", marks, &mark_count, room); /* an older agent saved neither these */
    saved_i64s(archive, "members.well", well_ms, &well_count, room);
    archive_bool(archive, "members.lost", &record->has_lost);
    for (size_t i = 0; archive_loading(archive) && i < count && i < bad_count; i++) {
        if (lists[i] < 0 || (size_t)lists[i] >= tables->count || !tables->at[lists[i]].name[0]) {
            record->has_lost = true;
            continue;
        }
        const struct table *table = &tables->at[lists[i]];
        incident_add_member(record, table);
        struct member *member = incident_member(record, table);
        incident_set_bad(record, member, bad[i] != 0);
        member_mark(member, i < mark_count ? marks[i] : MARK_TOLD | MARK_NOTED);
        member->well_ms = i < well_count ? well_ms[i] : 0;
    }
    free(lists);
}

static void said_archive(struct said *said, const char *const names[5], struct archive *archive)
{
    int severity = (int)said->severity, alert = (int)said->alert;
    archive_bool(archive, names[0], &said->firing);
    archive_enum(archive, names[1], &severity, SEVERITIES);
    archive_enum(archive, names[2], &alert, ALERTS);
    archive_bool(archive, names[3], &said->resolved);
    saved_i64(archive, names[4], &said->flapping);
    said->severity = (enum severity)severity;
    said->alert = (enum alert)alert;
}

static void telling_archive(struct telling *telling, struct archive *archive)
{
    static const char *const told[] = { "told", "told.severity", "told.alert", "told.resolved", "told.flapping" };
    static const char *const noted[] = { "noted", "noted.severity", "noted.alert", "noted.resolved", "noted.flapping" };
    said_archive(&telling->told, told, archive);
    if (archive_loading(archive))
        telling->noted = telling->told; /* an older agent saved only what was told */
    said_archive(&telling->noted, noted, archive);
}

/* An older agent saved nothing of this: then nobody is told of a cause once more. */
static void growth_archive(struct telling *telling, struct archive *archive)
{
    if (archive_loading(archive)) {
        telling->update_ms = -1;
        telling->cause_count = 0;
    }
    saved_i64(archive, "update", &telling->update_ms);
    saved_i64s(archive, "causes", telling->causes, &telling->cause_count, CAUSES_TOLD);
    if (telling->update_ms < 0) {
        telling->update_ms = 0;
        telling->cause_count = CAUSES_TOLD;
    }
}

static const int64_t NOT_SAVED = -SAVED_NUMBER_MOST;

/* An older agent did not save since when something is wrong. From now on is certain, and people are told if it lasts. */
static void turns_archive(struct incident_record *record, int64_t now_ms, struct archive *archive)
{
    if (archive_loading(archive))
        record->bad_ms = NOT_SAVED;
    saved_i64(archive, "bad", &record->bad_ms);
    saved_i64(archive, "well", &record->well_ms);
    saved_count(archive, "well.cycles", &record->well_cycles);
    if (archive_loading(archive) && record->bad_ms == NOT_SAVED)
        record->bad_ms = record->well_ms ? 0 : now_ms;
}

static void record_archive(struct incident_record *record, struct tables *tables, int64_t now_ms,
                           struct archive *archive)
{
    struct incident *incident = &record->incident;
    struct telling *telling = &record->telling;
    int kind = (int)record->kind, alert = (int)incident->alert, severity = (int)incident->severity;
    const struct table *opener = incident->table ? tables_find(tables, slice_of(incident->table)) : NULL;
    int64_t table = opener ? (int64_t)opener->index : -1;

    saved_count(archive, "incident", &incident->id);
    archive_enum(archive, "family", &kind, KINDS);
    archive_enum(archive, "alert", &alert, ALERTS);
    archive_enum(archive, "severity", &severity, SEVERITIES);
    archive_bool(archive, "open", &incident->open);
    saved_i64(archive, "table.index", &table);
    saved_i64(archive, "onset", &incident->onset_ms);
    saved_i64(archive, "opened", &incident->opened_ms);
    saved_i64(archive, "critical", &incident->critical_ms);
    saved_i64(archive, "resolved", &incident->resolved_ms);
    saved_i64(archive, "verified", &incident->verified_ms);
    saved_i64(archive, "escalated", &incident->escalated_ms);
    saved_i64(archive, "prometheus.at", &incident->prometheus_ms);
    saved_count(archive, "acknowledgement", &record->acknowledgement); /* an older agent saved neither of the two */
    saved_i64(archive, "acknowledged", &incident->acknowledged_ms);
    if (archive_loading(archive))
        record->trouble_ms = incident->onset_ms; /* an older agent saved nothing of this, and not the next three */
    saved_i64(archive, "trouble", &record->trouble_ms);
    archive_text(archive, "words", &record->what);
    archive_text(archive, "words.detail", &record->detail);
    saved_i64(archive, "words.then", &record->then_ms);
    archive_owned(archive, "summary", &incident->summary);
    archive_owned(archive, "cause", &incident->cause.words);
    archive_owned(archive, "scenario", &incident->cause.scenario);
    archive_owned(archive, "first_command", &incident->cause.first_command);
    archive_owned(archive, "cause.runbook", &incident->cause.runbook); /* an older agent saved none, as with the next */
    archive_owned(archive, "cause.title", &incident->cause.title);
    archive_owned(archive, "cause.escalate_to", &incident->cause.escalate_to);
    archive_owned(archive, "cause.id", &incident->cause.id);
    archive_owned(archive, "line", &incident->evidence);
    telling_archive(telling, archive);
    archive_bool(archive, "escalation", &record->escalation_due);
    saved_i64(archive, "first_told", &telling->first_told_ms);
    saved_i64(archive, "reminded", &telling->reminded_ms);
    saved_i64(archive, "held", &telling->held_ms);
    growth_archive(telling, archive);
    saved_count(archive, "sequence", &telling->sequence);
    saved_count(archive, "good_cycles", &record->good_cycles);
    archive_bool(archive, "gone", &record->is_gone);
    saved_i64(archive, "prometheus", &record->prometheus_due_ms);
    saved_count(archive, "evidence", &record->evidence_count);
    saved_i64(archive, "days", &record->days);
    archive_bool(archive, "weekly", &record->is_weekly);
    saved_i64(archive, "times_today", &record->times_today);
    saved_i64(archive, "calm_cycles", &record->calm_cycles);
    turns_archive(record, now_ms, archive);
    members_archive(record, tables, archive);
    if (archive_loading(archive)) {
        record->kind = (enum incident_kind)kind;
        incident->alert = (enum alert)alert;
        incident->severity = (enum severity)severity;
        bool is_known = table >= 0 && (size_t)table < tables->count && tables->at[table].name[0];
        incident->table = is_known ? tables->at[table].name : NULL;
        incident_list_anew(record);
    }
}

/* Incidents are saved in the order of their ids. Where no higher id follows, the count is damaged and the last one was found again. */
static bool load_next(struct incidents *incidents, struct archive *archive, struct tables *tables, int64_t *last_id)
{
    struct incident_record *record = incidents_add(incidents);
    record_archive(record, tables, incidents->moment->now_ms, archive);
    bool is_next = record->incident.id > *last_id;
    *last_id = record->incident.id;
    if (!is_next)
        incidents_drop(incidents, incidents->count - 1);
    return is_next;
}

void incidents_archive_past(struct incidents *incidents, struct archive *archive)
{
    for (int kind = 0; kind < KINDS; kind++) {
        size_t kept = OPENINGS_KEPT;
        saved_i64s(archive, kind_facts((enum incident_kind)kind)->openings_key, incidents->openings[kind], &kept,
                   OPENINGS_KEPT);
    }
    size_t causes = KINDS * OPENINGS_KEPT, ends = KINDS * HELD_ENDS_KEPT;
    saved_i64s(archive, "opening_causes", incidents->opening_causes[0], &causes, KINDS * OPENINGS_KEPT);
    saved_i64s(archive, "held_ends", incidents->held_ends[0], &ends, KINDS * HELD_ENDS_KEPT);
}

void incidents_archive_record(struct incidents *incidents, struct incident_record *record, struct archive *archive,
                              struct tables *tables)
{
    record_archive(record, tables, incidents->moment->now_ms, archive);
}

void incidents_load_record(struct incidents *incidents, struct archive *archive, struct tables *tables)
{
    int64_t last_id = incidents->count ? incidents->records[incidents->count - 1]->incident.id : 0;
    if (incidents->count < INCIDENTS_MOST)
        load_next(incidents, archive, tables, &last_id);
}

void incidents_archive(struct incidents *incidents, struct archive *archive, struct tables *tables)
{
    int64_t count = (int64_t)incidents->count;
    saved_count(archive, "last_incident", &incidents->last_id);
    incidents_archive_past(incidents, archive);
    recurrences_archive(&incidents->recurrences, archive);
    saved_i64(archive, "incidents", &count);
    count = count < INCIDENTS_MOST ? count : INCIDENTS_MOST;
    if (archive_loading(archive))
        for (int64_t last_id = 0; count > 0 && load_next(incidents, archive, tables, &last_id); count--)
            ;
    else
        for (int64_t i = 0; i < count; i++)
            record_archive(incidents->records[i], tables, incidents->moment->now_ms, archive);
}

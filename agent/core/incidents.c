/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <stdlib.h>

#include "describe.h"
#include "prometheus.h"
#include "units.h"

enum { EVIDENCE_MOST = 20, GOOD_CYCLES_TO_VERIFY = 3, RESOLVED_KEPT = 32 };

/* --- records ------------------------------------------------------------------------------------------------- */

static void replace(const char **owned, const char *text)
{
    char *copy = text ? must_copy(text, strlen(text)) : NULL;
    free((void *)(uintptr_t)*owned);
    *owned = copy;
}

static void replace_cause(struct cause *owned, struct cause cause)
{
    replace(&owned->words, cause.words);
    replace(&owned->scenario, cause.scenario);
    replace(&owned->first_command, cause.first_command);
}

struct incident_record *incidents_add(struct incidents *incidents)
{
    if (incidents->count == incidents->room) {
        incidents->room = incidents->room ? 2 * incidents->room : 8;
        incidents->records = must_grow(incidents->records, incidents->room, sizeof *incidents->records);
    }
    struct incident_record *record = must_alloc(sizeof *record);
    incidents->records[incidents->count++] = record;
    return record;
}

void incidents_drop(struct incidents *incidents, size_t index)
{
    struct incident_record *record = incidents->records[index];
    size_t behind = --incidents->count - index;
    memmove(incidents->records + index, incidents->records + index + 1, behind * sizeof *incidents->records);
    replace(&record->incident.summary, NULL);
    replace_cause(&record->incident.cause, (struct cause){ 0 });
    replace(&record->incident.evidence, NULL);
    free((void *)(uintptr_t)record->incident.tables);
    free(record->members);
    free(record->what);
    free(record);
}

void incidents_free(struct incidents *incidents)
{
    while (incidents->count)
        incidents_drop(incidents, incidents->count - 1);
    free(incidents->records);
}

static struct member *member_of(const struct incident_record *record, const struct table *table)
{
    for (size_t i = 0; table && i < record->member_count; i++)
        if (record->members[i].table == table->index)
            return &record->members[i];
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void incident_add_member(struct incident_record *record, const struct table *table)
{
    struct incident *incident = &record->incident;
    size_t count = record->member_count + 1;
    const char **names = must_alloc(count * sizeof *names);
    if (record->member_count)
        memcpy(names, incident->tables, record->member_count * sizeof *names);
    names[record->member_count] = table->name;
    qsort(names, count, sizeof *names, compare_names);
    free((void *)(uintptr_t)incident->tables);
    incident->tables = names;
    incident->table_count = count;
    record->members = must_grow(record->members, count, sizeof *record->members);
    record->members[record->member_count++] = (struct member){ .table = table->index, .bad = true };
}

struct incident_record *incidents_find(const struct incidents *incidents, enum incident_kind kind,
                                       const struct table *table)
{
    for (size_t i = 0; i < incidents->count; i++) {
        struct incident_record *record = incidents->records[i];
        if (!record->incident.open || record->kind != kind)
            continue;
        const struct member *member = member_of(record, table);
        if (!table || (member && member->bad))
            return record;
    }
    return NULL;
}

/*
 * A table that relapses returns to the incident that it is in, whichever other one is near: a table is never in two of a kind.
 * Otherwise tables whose trouble began within one and a half intervals of each other have one cause.
 */
static struct incident_record *find_to_join(const struct incidents *incidents, const struct finding *finding)
{
    int64_t reach_ms = schedule_interval(incidents->schedule) * 3 / 2;
    struct incident_record *near = NULL;
    for (size_t i = 0; i < incidents->count; i++) {
        struct incident_record *record = incidents->records[i];
        int64_t apart_ms = record->incident.onset_ms - finding->onset_ms;
        if (!record->incident.open || record->kind != finding->kind)
            continue;
        if (member_of(record, finding->table))
            return record;
        if (!near && apart_ms <= reach_ms && apart_ms >= -reach_ms)
            near = record;
    }
    return near;
}

/* --- the history --------------------------------------------------------------------------------------------- */

void incidents_note(struct incidents *incidents, const struct incident_record *record, const char *kind,
                    const char *text)
{
    const struct moment *moment = incidents->moment;
    incidents->sink.timeline(incidents->sink.ctx, &(struct timeline_entry){
                                                      .incident_id = record->incident.id,
                                                      .at_ms = moment->now_ms,
                                                      .offset = moment->event ? moment->event->offset : -1,
                                                      .kind = kind,
                                                      .text = text,
                                                  });
}

void incidents_note_open(struct incidents *incidents, int64_t from_id, const char *kind, struct slice text)
{
    char *words = must_copy(text.len ? text.at : "", text.len);
    for (size_t i = 0; i < incidents->count; i++)
        if (incidents->records[i]->incident.open && incidents->records[i]->incident.id >= from_id)
            incidents_note(incidents, incidents->records[i], kind, words);
    free(words);
}

void incidents_note_line(struct incidents *incidents, struct incident_record *record)
{
    const struct event *event = incidents->moment->event;
    if (!event || event->line.len == 0 || record->evidence_count++ >= EVIDENCE_MOST)
        return;
    char *line = must_copy(event->line.at, event->line.len);
    incidents_note(incidents, record, "evidence", line);
    free(line);
}

void incidents_store(struct incidents *incidents, struct incident_record *record)
{
    struct incident *incident = &record->incident;
    struct strbuf summary = { 0 };
    int64_t now_ms = incidents->moment->now_ms;
    describe_incident(record, incident->open ? NOTIFY_FIRING : NOTIFY_RESOLVED, now_ms, &summary);
    replace(&incident->summary, strbuf_text(&summary));
    strbuf_free(&summary);
    incident->prometheus_ms = prometheus_time(record, now_ms);
    incidents->sink.incident(incidents->sink.ctx, incident);
}

void incidents_retell(const struct incidents *incidents)
{
    for (size_t i = 0; i < incidents->count; i++)
        incidents->sink.incident(incidents->sink.ctx, &incidents->records[i]->incident);
}

/* A change, as the history tells it: the facts, an entry of the timeline, and the line that decided. */
static void tell_change(struct incidents *incidents, struct incident_record *record, const char *kind, const char *text)
{
    incidents_store(incidents, record);
    incidents_note(incidents, record, kind, text ? text : record->incident.summary);
    incidents_note_line(incidents, record);
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static void take_words(struct incident_record *record, const struct finding *finding)
{
    free(record->what);
    record->what = must_copy(finding->what, strlen(finding->what));
}

static void take_details(struct incidents *incidents, struct incident_record *record, const struct finding *finding)
{
    const struct event *event = incidents->moment->event;
    /* A cause that is known is not given up for none. */
    if (finding->cause.words || !record->incident.cause.words)
        replace_cause(&record->incident.cause, finding->cause);
    if (finding->evidence) {
        replace(&record->incident.evidence, finding->evidence);
    } else if (event && event->line.len) {
        char *line = must_copy(event->line.at, event->line.len);
        replace(&record->incident.evidence, line);
        free(line);
    }
}

static void set_severity(struct incidents *incidents, struct incident_record *record, const struct finding *finding)
{
    record->kind = finding->kind;
    record->incident.severity = finding->severity;
    record->incident.alert = kind_alert(finding->kind, finding->severity);
    if (finding->severity == SEVERITY_CRITICAL && !record->incident.critical_ms)
        record->incident.critical_ms = incidents->moment->now_ms;
}

/* When more than three of a kind open within a day, somebody else must look. */
static void count_opening(struct incidents *incidents, struct incident_record *record)
{
    int64_t *openings = incidents->openings[record->kind], now_ms = incidents->moment->now_ms;
    int64_t oldest_ms = openings[1]; /* with the new one: the fourth newest */
    memmove(openings, openings + 1, (OPENINGS_KEPT - 1) * sizeof *openings);
    openings[OPENINGS_KEPT - 1] = now_ms;
    if (oldest_ms && now_ms - oldest_ms < DAY_MS)
        incidents_escalate(record);
}

static struct incident_record *open_incident(struct incidents *incidents, const struct finding *finding)
{
    struct incident_record *record = incidents_add(incidents);
    record->incident = (struct incident){
        .id = ++incidents->last_id,
        .open = true,
        .table = finding->table ? finding->table->name : NULL,
        .onset_ms = finding->onset_ms,
        .opened_ms = incidents->moment->now_ms,
    };
    set_severity(incidents, record, finding);
    if (finding->table)
        incident_add_member(record, finding->table);
    take_words(record, finding);
    take_details(incidents, record, finding);
    tell_change(incidents, record, "opened", NULL);
    count_opening(incidents, record);
    return record;
}

static void join(struct incidents *incidents, struct incident_record *record, const struct table *table)
{
    struct member *member = member_of(record, table);
    if (member)
        member->bad = true;
    else
        incident_add_member(record, table);
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s joins", table->name);
    tell_change(incidents, record, "joined", strbuf_text(&text));
    strbuf_free(&text);
}

struct incident_record *incidents_raise(struct incidents *incidents, const struct finding *finding)
{
    struct incident_record *record = incidents_find(incidents, finding->kind, finding->table);
    if (!record && finding->table) {
        record = find_to_join(incidents, finding);
        if (record)
            join(incidents, record, finding->table);
    }
    if (!record) {
        record = open_incident(incidents, finding);
    } else {
        take_words(record, finding);
        if (finding->severity > record->incident.severity) {
            set_severity(incidents, record, finding);
            take_details(incidents, record, finding);
            tell_change(incidents, record, "escalated", NULL);
        }
    }
    incidents->sink.changed(incidents->sink.announce_ctx, record);
    return record;
}

static bool any_bad(const struct incident_record *record)
{
    for (size_t i = 0; i < record->member_count; i++)
        if (record->members[i].bad)
            return true;
    return false;
}

static void resolve(struct incidents *incidents, struct incident_record *record)
{
    record->incident.open = false;
    record->incident.resolved_ms = incidents->moment->now_ms;
    tell_change(incidents, record, "resolved", NULL);
    incidents->sink.changed(incidents->sink.announce_ctx, record);
}

void incidents_clear(struct incidents *incidents, enum incident_kind kind, const struct table *table)
{
    struct incident_record *record = incidents_find(incidents, kind, table);
    if (!record)
        return;
    struct member *member = member_of(record, table);
    if (member)
        member->bad = false;
    if (!member || !any_bad(record)) {
        resolve(incidents, record);
        return;
    }
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s is well again", table->name);
    incidents_note(incidents, record, "note", strbuf_text(&text));
    incidents_store(incidents, record);
    strbuf_free(&text);
}

void incidents_turn_into(struct incidents *incidents, struct incident_record *record, const struct finding *finding)
{
    set_severity(incidents, record, finding);
    record->prometheus_due_ms = 0;
    replace_cause(&record->incident.cause, finding->cause);
    take_words(record, finding);
    incidents_store(incidents, record);
    incidents_note(incidents, record, "escalated", record->incident.summary);
    incidents->sink.changed(incidents->sink.announce_ctx, record);
}

void incidents_set_cause(struct incidents *incidents, struct incident_record *record, struct cause cause)
{
    const char *known = record->incident.cause.words;
    if (!cause.words || (known && strcmp(known, cause.words) == 0))
        return;
    replace_cause(&record->incident.cause, cause);
    incidents_note(incidents, record, "note", cause.words);
    incidents_store(incidents, record);
}

void incidents_escalate(struct incident_record *record)
{
    record->escalation_due = true;
}

/* --- after the end ------------------------------------------------------------------------------------------- */

static bool is_unsaid(const struct incidents *incidents, const struct incident_record *record)
{
    return incidents->sink.is_unsaid(incidents->sink.announce_ctx, record);
}

void incidents_verify(struct incidents *incidents, int64_t started_ms, bool is_good)
{
    for (size_t i = incidents->count; i-- > 0;) {
        struct incident_record *record = incidents->records[i];
        if (record->incident.open || started_ms < record->incident.resolved_ms)
            continue;
        record->good_cycles = is_good ? record->good_cycles + 1 : 0;
        if (record->good_cycles < GOOD_CYCLES_TO_VERIFY || is_unsaid(incidents, record))
            continue;
        record->incident.verified_ms = incidents->moment->now_ms;
        incidents_store(incidents, record);
        incidents_note(incidents, record, "verified", "three good cycles");
        incidents_drop(incidents, i);
    }
}

/* A pipeline that never has three good cycles in a row, or whose log tells of no cycles, must not fill the memory. */
void incidents_forget(struct incidents *incidents)
{
    size_t resolved = 0;
    if (incidents->count <= RESOLVED_KEPT)
        return;
    for (size_t i = incidents->count; i-- > 0;) {
        const struct incident_record *record = incidents->records[i];
        resolved += !record->incident.open;
        if (!record->incident.open && resolved > RESOLVED_KEPT && !is_unsaid(incidents, record))
            incidents_drop(incidents, i);
    }
}

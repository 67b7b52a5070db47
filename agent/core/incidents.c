/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cause.h"
#include "clip.h"
#include "describe.h"
#include "prometheus.h"
#include "telling.h"
#include "units.h"

enum { EVIDENCE_MOST = 20 };

/* --- the history --------------------------------------------------------------------------------------------- */

void incidents_note_at(struct incidents *incidents, const struct incident_record *record, int64_t at_ms,
                       const char *kind, const char *text)
{
    const struct moment *moment = incidents->moment;
    incidents->sink.timeline(incidents->sink.ctx, &(struct timeline_entry){
                                                      .incident_id = record->incident.id,
                                                      .at_ms = at_ms,
                                                      .offset = moment->event ? moment->event->offset : -1,
                                                      .kind = kind,
                                                      .text = text,
                                                  });
}

void incidents_note(struct incidents *incidents, const struct incident_record *record, const char *kind,
                    const char *text)
{
    incidents_note_at(incidents, record, incidents->moment->now_ms, kind, text);
}

void incidents_note_open(struct incidents *incidents, int64_t from_id, const char *kind, struct slice text)
{
    char *words = clipped_copy(text, WHAT_MAX_BYTES);
    for (size_t i = 0; i < incidents->count; i++)
        if (incidents->records[i]->incident.open && incidents->records[i]->incident.id >= from_id)
            incidents_note(incidents, incidents->records[i], kind, words);
    free(words);
}

void incidents_note_line(struct incidents *incidents, struct incident_record *record)
{
    const struct event *event = incidents->moment->event;
    if (!event || event->line.len == 0)
        return;
    incident_touch(record);
    if (record->evidence_count++ >= EVIDENCE_MOST)
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
    incident_touch(record);
    describe_incident(incidents, record, incident->open ? NOTIFY_FIRING : NOTIFY_RESOLVED, LINE_KEPT, &summary);
    incident_replace_text(&incident->summary, strbuf_text(&summary));
    strbuf_free(&summary);
    incident->prometheus_ms = prometheus_time(record, now_ms);
    incidents->sink.incident(incidents->sink.ctx, incident);
}

void incidents_announce(struct incidents *incidents, struct incident_record *record)
{
    incidents->sink.changed(incidents->sink.announce_ctx, record);
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

/* The turns of an incident that flaps fill its timeline only as long as the log's lines may. */
static bool tells_turns(const struct incident_record *record)
{
    return record->times_today == 0 || record->evidence_count < EVIDENCE_MOST;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static void take_words(struct incident_record *record, const struct finding *finding)
{
    free(record->what);
    free(record->detail);
    record->what = finding->what ? must_copy(finding->what, strlen(finding->what)) : NULL;
    record->detail = finding->detail ? clipped_copy(slice_of(finding->detail), WHAT_MAX_BYTES) : NULL;
    record->then_ms = finding->then_ms;
}

/* Returns false if that is no news. */
static bool take_evidence(struct incident_record *record, struct slice line)
{
    const char *old = record->incident.evidence;
    struct strbuf plain = { 0 };
    if (line.len == 0)
        return false;
    telling_put_plain(line, &plain);
    char *fresh = clipped_copy(strbuf_slice(&plain), EVIDENCE_MAX_BYTES);
    bool is_new = !old || strcmp(old, fresh) != 0;
    if (is_new)
        incident_replace_text(&record->incident.evidence, fresh);
    free(fresh);
    strbuf_free(&plain);
    return is_new;
}

/* The line that a failure begins with only says that it failed. What the failures of the table have said so far tells why, or a witness does. */
static struct slice failure_telling(const struct table *table)
{
    struct slice line = telling_line(table && table->error ? table->error : "");
    return line.len == 0 && table && table->told ? telling_line(table->told) : line;
}

void incidents_take_telling(struct incidents *incidents, struct incident_record *record, const struct table *table)
{
    if (take_evidence(record, failure_telling(table)))
        incidents_store(incidents, record);
}

static void take_details(struct incidents *incidents, struct incident_record *record, const struct finding *finding)
{
    const struct event *event = incidents->moment->event;
    /* A cause that is known is not given up for none, nor for that of one table among others. */
    bool is_other = finding->kind == KIND_FAILURES && cause_differs(&finding->cause, &record->incident.cause);
    if (!is_other && cause_may_replace(&record->incident.cause, &finding->cause))
        incident_replace_cause(&record->incident.cause, finding->cause);
    if (event && event->line.len && event_is_from_log(event->kind))
        take_evidence(record, event->kind == EVENT_RUN_FAILED ? failure_telling(finding->table) : event->line);
    else if (event && event->kind == EVENT_PROBE_DOWN && !record->incident.evidence)
        take_evidence(record, event->line);
}

static void set_severity(struct incidents *incidents, struct incident_record *record, const struct finding *finding)
{
    record->kind = finding->kind;
    record->incident.severity = finding->severity;
    record->incident.alert = kind_alert(finding->kind, finding->severity);
    incident_list_anew(record);
    if (finding->severity == SEVERITY_CRITICAL && !record->incident.critical_ms)
        record->incident.critical_ms = incidents->moment->now_ms;
}

/*
 * Trouble begins for the table (NULL: none) of the incident. What begins again and again within a day flaps: from then on the incident is
 * held open, so that people are told once and not at each turn.
 */
static void note_beginning(struct incidents *incidents, struct incident_record *record, const struct finding *finding)
{
    const struct table *table = finding->table;
    int64_t now_ms = incidents->moment->now_ms, index = table ? (int64_t)table->index : -1;
    recurrences_note(&incidents->recurrences, record->kind, index, now_ms);
    int64_t today = recurrences_today(&incidents->recurrences, record->kind, index, now_ms);
    if (record->times_today == 0 && !incidents_flap(incidents, finding, today))
        return;
    int64_t calm_cycles = incidents_calm_cycles(incidents, record->kind, index);
    if (calm_cycles > record->calm_cycles)
        record->calm_cycles = calm_cycles;
    if (record->times_today)
        return;
    /* Where it is new for this table, its cause has opened so many times. */
    record->times_today = today > 1 ? today : incidents->settings->detect.flapping_opens;
    explain(incidents->explainer, record->kind, table, VERDICT_HELD,
            "incident %" PRId64 " flaps: it began %" PRId64 " times in 24 h, detect.flapping_opens is %" PRId64
            "; it is held open until it has been well for %" PRId64 " cycles",
            record->incident.id, record->times_today, incidents->settings->detect.flapping_opens, record->calm_cycles);
}

/* That it began to flap goes into its timeline, behind what shows it. */
static void note_flapping(struct incidents *incidents, const struct incident_record *record, bool flapped_before)
{
    struct strbuf text = { 0 };
    if (flapped_before || record->times_today == 0)
        return;
    strbuf_printf(&text, "it flaps: it is held open until it has been well for %" PRId64 " cycles",
                  record->calm_cycles);
    incidents_note(incidents, record, "note", strbuf_text(&text));
    strbuf_free(&text);
}

/* When more than three of a kind open within a day, somebody else must look. */
static void count_opening(struct incidents *incidents, struct incident_record *record)
{
    int64_t *openings = incidents->openings[record->kind], *causes = incidents->opening_causes[record->kind];
    int64_t now_ms = incidents->moment->now_ms;
    int64_t oldest_ms = openings[1]; /* with the new one: the fourth newest */
    memmove(openings, openings + 1, (OPENINGS_KEPT - 1) * sizeof *openings);
    memmove(causes, causes + 1, (OPENINGS_KEPT - 1) * sizeof *causes);
    openings[OPENINGS_KEPT - 1] = now_ms;
    causes[OPENINGS_KEPT - 1] = cause_mark(&record->incident.cause);
    if (oldest_ms && now_ms - oldest_ms < DAY_MS)
        incidents_escalate(record);
}

/* Why it opened or worsened: the numbers go into its timeline. */
static void note_rule(struct incidents *incidents, const struct incident_record *record, const struct finding *finding,
                      enum verdict verdict)
{
    explain(incidents->explainer, finding->kind, finding->table, verdict, "incident %" PRId64 ": %s",
            record->incident.id, finding->rule ? finding->rule : record->incident.summary);
    if (finding->rule)
        incidents_note(incidents, record, "rule", finding->rule);
}

static struct incident_record *open_incident(struct incidents *incidents, const struct finding *finding)
{
    struct incident_record *record = incidents_add(incidents);
    record->incident = (struct incident){
        .id = ++incidents->last_id,
        .open = true,
        .table = finding->table ? finding->table->name : NULL,
        .onset_ms = finding->since_ms && finding->since_ms < finding->onset_ms ? finding->since_ms : finding->onset_ms,
        .opened_ms = incidents->moment->now_ms,
    };
    record->trouble_ms = record->bad_ms = finding->onset_ms;
    set_severity(incidents, record, finding);
    if (finding->table)
        incident_add_member(record, finding->table);
    note_beginning(incidents, record, finding);
    record->days = recurrences_days(&incidents->recurrences, record->kind,
                                    finding->table ? (int64_t)finding->table->index : -1, &record->is_weekly);
    take_words(record, finding);
    take_details(incidents, record, finding);
    tell_change(incidents, record, "opened", NULL);
    note_flapping(incidents, record, false);
    note_rule(incidents, record, finding, VERDICT_OPENED);
    count_opening(incidents, record);
    return record;
}

/* In an incident that flaps that is no news, unless the table was well for long. */
static void note_relapse(struct incident_record *record, struct member *member, const struct finding *finding)
{
    const struct incidents *incidents = record->of;
    incident_set_bad(record, member, true);
    if (finding->onset_ms - member->well_ms >= incidents->settings->detect.relapse_ms)
        member->told = member->noted = false;
}

static void join(struct incidents *incidents, struct incident_record *record, const struct finding *finding)
{
    const struct table *table = finding->table;
    struct member *member = incident_member(record, table);
    const char *how = !table ? "it begins again" : member ? " relapses" : " joins";
    if (member)
        note_relapse(record, member, finding);
    else if (table)
        incident_add_member(record, finding->table);
    if (finding->cause.words && !cause_is_known(&record->incident.cause))
        incident_replace_cause(&record->incident.cause, finding->cause);
    record->bad_ms = record->well_ms ? finding->onset_ms : record->bad_ms;
    record->well_ms = record->well_cycles = 0;
    bool flapped_before = record->times_today > 0;
    note_beginning(incidents, record, finding);
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s%s", table ? table->name : "", how);
    if (tells_turns(record))
        tell_change(incidents, record, "joined", strbuf_text(&text));
    note_flapping(incidents, record, flapped_before);
    explain(incidents->explainer, record->kind, table, VERDICT_JOINED, "%s incident %" PRId64, strbuf_text(&text),
            record->incident.id);
    strbuf_free(&text);
}

struct incident_record *incidents_raise(struct incidents *incidents, const struct finding *finding)
{
    struct incident_record *record = incidents_find(incidents, finding->kind, finding->table);
    if (!record) {
        record = incidents_to_join(incidents, finding);
        if (record)
            join(incidents, record, finding);
    }
    if (!record) {
        record = open_incident(incidents, finding);
    } else {
        take_words(record, finding);
        if (finding->severity > record->incident.severity) {
            set_severity(incidents, record, finding);
            take_details(incidents, record, finding);
            tell_change(incidents, record, "escalated", NULL);
            note_rule(incidents, record, finding, VERDICT_CRITICAL);
        }
    }
    incident_touch(record);
    incidents->sink.changed(incidents->sink.announce_ctx, record);
    return record;
}

void incident_resolve(struct incidents *incidents, struct incident_record *record)
{
    record->incident.open = false;
    incident_list_anew(record);
    record->incident.resolved_ms = incidents->moment->now_ms;
    if (record->times_today)
        incidents_note_held_end(incidents, record->kind);
    tell_change(incidents, record, "resolved", NULL);
    explain(incidents->explainer, record->kind, NULL, VERDICT_ENDED, "incident %" PRId64 " is resolved",
            record->incident.id);
    incidents->sink.changed(incidents->sink.announce_ctx, record);
}

/* That it is bad again is news again, except where it flaps. */
static void note_well(struct incident_record *record, struct member *member)
{
    incident_set_bad(record, member, false);
    member->well_ms = record->of->moment->now_ms;
    if (record->times_today == 0)
        member->told = member->noted = false;
}

void incidents_clear_in(struct incidents *incidents, struct incident_record *record, const struct table *table)
{
    struct member *member = incident_member(record, table);
    if (member)
        note_well(record, member);
    bool is_well = !member || !incident_any_bad(record);
    if (is_well && record->times_today == 0) {
        incident_resolve(incidents, record);
        return;
    }
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s is well again%s", table ? table->name : "it",
                  is_well ? ", and held open because it flaps" : "");
    if (tells_turns(record))
        incidents_note(incidents, record, "note", strbuf_text(&text));
    if (is_well)
        record->well_ms = incidents->moment->now_ms;
    incidents_store(incidents, record);
    strbuf_free(&text);
}

void incidents_turn_into(struct incidents *incidents, struct incident_record *record, const struct finding *finding)
{
    if (incidents_to_join(incidents, finding)) { /* one that flaps is held open, and begins again */
        incidents_raise(incidents, finding);
        return;
    }
    set_severity(incidents, record, finding);
    record->prometheus_due_ms = 0;
    incident_replace_cause(&record->incident.cause, finding->cause);
    take_words(record, finding);
    incidents_store(incidents, record);
    incidents_note(incidents, record, "escalated", record->incident.summary);
    incidents->sink.changed(incidents->sink.announce_ctx, record);
}

void incidents_set_cause(struct incidents *incidents, struct incident_record *record, struct cause cause)
{
    const struct cause *known = &record->incident.cause;
    bool is_same = cause_is_known(&cause) && cause_is_known(known) && !cause_differs(&cause, known);
    if (!cause.words || is_same || (known->words && strcmp(known->words, cause.words) == 0) ||
        !cause_may_replace(known, &cause))
        return;
    incident_replace_cause(&record->incident.cause, cause);
    incidents_note(incidents, record, "note", cause.words);
    incidents_store(incidents, record);
}

void incidents_explain(struct incidents *incidents, struct incident_record *record, struct cause cause)
{
    incidents_set_cause(incidents, record, cause);
    incidents->sink.changed(incidents->sink.announce_ctx, record);
}

struct incident_record *incidents_move(struct incidents *incidents, struct incident_record *record,
                                       const struct finding *finding)
{
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s leaves, because it has another cause: %s", finding->table->name, finding->cause.words);
    struct member *member = incident_member(record, finding->table);
    if (record->times_today)
        note_well(record, member); /* it will be back */
    else
        incident_drop_member(record, finding->table, incidents->tables);
    if (!incident_any_bad(record))
        record->well_ms = incidents->moment->now_ms;
    incidents_store(incidents, record);
    incidents_note(incidents, record, "note", strbuf_text(&text));
    explain(incidents->explainer, finding->kind, finding->table, VERDICT_APART, "no longer in incident %" PRId64 ": %s",
            record->incident.id, strbuf_text(&text));
    strbuf_free(&text);
    recurrences_take_back(&incidents->recurrences, finding->kind, (int64_t)finding->table->index);
    return incidents_raise(incidents, finding);
}

void incidents_escalate(struct incident_record *record)
{
    record->escalation_due = true;
    incident_touch(record);
}

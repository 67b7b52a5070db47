/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include "units.h"

/* How incidents end: recoveries are verified, and one that flaps is held open until it has been well for some cycles. */

enum { GOOD_CYCLES_TO_VERIFY = 3, RESOLVED_KEPT = 32 };

static bool is_unsaid(const struct incidents *incidents, const struct incident_record *record)
{
    return incidents->sink.is_unsaid(incidents->sink.announce_ctx, record);
}

bool incidents_leave(struct incidents *incidents, const struct table *table)
{
    bool left_any = false;
    for (size_t i = 0; i < incidents->count; i++) {
        struct incident_record *record = incidents->records[i];
        struct member *member = incident_member(record, table);
        if (!record->incident.open || !member || !member->bad)
            continue;
        left_any = true;
        incident_set_bad(record, member, false);
        member->well_ms = incidents->moment->now_ms;
        if (!incident_any_bad(record)) {
            record->is_gone = true;
            incident_resolve(incidents, record);
            continue;
        }
        struct strbuf text = { 0 };
        strbuf_printf(&text, "%s is no longer offloaded", table->name);
        incidents_note(incidents, record, "note", strbuf_text(&text));
        incidents_store(incidents, record);
        strbuf_free(&text);
    }
    return left_any;
}

static void incidents_verify(struct incidents *incidents, int64_t started_ms, bool is_good)
{
    for (size_t i = incidents->count; i-- > 0;) {
        struct incident_record *record = incidents->records[i];
        if (record->incident.open || started_ms < record->incident.resolved_ms)
            continue;
        record->good_cycles = is_good ? record->good_cycles + 1 : 0;
        incident_touch(record);
        if (record->good_cycles < GOOD_CYCLES_TO_VERIFY || is_unsaid(incidents, record))
            continue;
        record->incident.verified_ms = incidents->moment->now_ms;
        incidents_store(incidents, record);
        incidents_note(incidents, record, "verified", "three good cycles");
        incidents_drop(incidents, i);
    }
}

/* A first failure is no incident again yet, but nothing is well with it either. */
static bool any_failed(const struct incidents *incidents, const struct incident_record *record)
{
    for (size_t i = 0; i < record->member_count; i++) {
        const struct table *table = &incidents->tables->at[record->members[i].table];
        if (table->last_failed)
            return true;
    }
    return false;
}

void incidents_cycle_completed(struct incidents *incidents, int64_t started_ms, bool is_good)
{
    incidents_verify(incidents, started_ms, is_good);
    for (size_t i = 0; i < incidents->count; i++) {
        struct incident_record *record = incidents->records[i];
        if (!record->incident.open || !record->well_ms)
            continue;
        incident_touch(record);
        record->well_cycles = any_failed(incidents, record) ? 0 : record->well_cycles + 1;
        if (record->well_cycles >= record->calm_cycles)
            incident_resolve(incidents, record);
    }
}

/* An incident that flaps is not held open for more than a day where no cycles complete. */
static int64_t held_until(const struct incident_record *record)
{
    return record->incident.open && record->well_ms ? record->well_ms + DAY_MS : INT64_MAX;
}

static int64_t held_place_until(const void *ctx, size_t place)
{
    const struct incidents *incidents = ctx;
    const struct incident_record *record = incidents->places[place];
    return record ? held_until(record) : INT64_MAX;
}

int64_t incidents_due(struct incidents *incidents)
{
    if (incidents->open_count == 0)
        return INT64_MAX;
    return deadlines_first(&incidents->deadlines[DEADLINES_HELD], held_place_until, incidents);
}

void incidents_expire(struct incidents *incidents)
{
    for (size_t i = 0; i < incidents->count; i++)
        if (held_until(incidents->records[i]) <= incidents->moment->now_ms)
            incident_resolve(incidents, incidents->records[i]);
}

void incidents_end_lost(struct incidents *incidents)
{
    for (size_t i = 0; i < incidents->count; i++) {
        struct incident_record *record = incidents->records[i];
        if (!record->has_lost)
            continue;
        record->has_lost = false;
        incident_touch(record);
        if (!record->incident.open || incident_any_bad(record) || record->well_ms)
            continue;
        incidents_note(incidents, record, "note",
                       "the agent lost its state of these tables and does not know whether this is over; if it is not, "
                       "it opens a new incident");
        incident_resolve(incidents, record);
    }
}

/* A pipeline that never has three good cycles in a row, or whose log tells of no cycles, must not fill the memory. */
void incidents_forget(struct incidents *incidents)
{
    size_t resolved = 0;
    if (incidents->count - incidents->open_count <= RESOLVED_KEPT)
        return;
    for (size_t i = incidents->count; i-- > 0;) {
        const struct incident_record *record = incidents->records[i];
        resolved += !record->incident.open;
        if (!record->incident.open && resolved > RESOLVED_KEPT && !is_unsaid(incidents, record))
            incidents_drop(incidents, i);
    }
}

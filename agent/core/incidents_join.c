/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <inttypes.h>

#include "cause.h"

/* Which incident a table's new trouble belongs to: one cause is one incident, and two causes are two. */

/* True if the finding's table begins to flap with it. */
static bool will_flap(const struct incidents *incidents, const struct finding *finding)
{
    int64_t index = finding->table ? (int64_t)finding->table->index : -1;
    int64_t today = recurrences_today(&incidents->recurrences, finding->kind, index, incidents->moment->now_ms);
    return incidents_flap(incidents, finding, today + 1);
}

/* Only failures say in their own words why they are; what other rules find has one cause for all tables. */
static bool differs(const struct incident_record *record, const struct cause *cause)
{
    return record->kind == KIND_FAILURES && cause_differs(cause, &record->incident.cause);
}

/* How well an incident fits a table that is not in it. A cause that is not known fits every incident whose onset is near. */
enum fit { FIT_NONE, FIT_FLAPPING, FIT_NEAR, FIT_SAME_CAUSE };

static enum fit fit_of(const struct incident_record *record, const struct finding *finding, int64_t apart_ms,
                       int64_t reach_ms, bool flaps)
{
    if (differs(record, &finding->cause))
        return FIT_NONE;
    if (apart_ms > reach_ms)
        return flaps && record->times_today ? FIT_FLAPPING : FIT_NONE;
    return cause_is_known(&finding->cause) && cause_is_known(&record->incident.cause) ? FIT_SAME_CAUSE : FIT_NEAR;
}

static void explain_apart(const struct incidents *incidents, const struct incident_record *record,
                          const struct finding *finding, int64_t apart_ms, int64_t reach_ms)
{
    if (differs(record, &finding->cause))
        explain(incidents->explainer, finding->kind, finding->table, VERDICT_APART,
                "not in incident %" PRId64 ": another cause, \"%s\" instead of \"%s\"", record->incident.id,
                finding->cause.words, record->incident.cause.words);
    else
        explain(incidents->explainer, finding->kind, finding->table, VERDICT_APART,
                "not in incident %" PRId64 ": the onsets are %" PRId64 " s apart, more than %" PRId64
                " s (1.5 intervals)",
                record->incident.id, apart_ms / 1000, reach_ms / 1000);
}

/*
 * True if a table that was in the incident and is well returns to it: it was not well for long, or both flap; and it fails for no other
 * reason.
 */
static bool is_relapse(const struct incidents *incidents, const struct incident_record *record,
                       const struct member *member, const struct finding *finding, bool flaps)
{
    int64_t well_ms = finding->onset_ms - member->well_ms;
    bool was_short = member->bad || well_ms < incidents->settings->detect.relapse_ms;
    if ((was_short || (flaps && record->times_today)) && !differs(record, &finding->cause))
        return true;
    explain(incidents->explainer, finding->kind, finding->table, VERDICT_APART,
            "not in incident %" PRId64 " again: %s (well for %" PRId64 " s, detect.relapse is %" PRId64 " s)",
            record->incident.id, was_short ? "another cause" : "it was well for long", well_ms / 1000,
            incidents->settings->detect.relapse_ms / 1000);
    return false;
}

/*
 * What relapses returns to the incident that it is in, whichever other one is near. Otherwise tables whose trouble began within one and a
 * half intervals of each other have one cause, unless their failures say something else, and tables that flap flap together. Of several the
 * one fits best whose cause is the same, then the one whose onset is nearest.
 */
struct incident_record *incidents_to_join(const struct incidents *incidents, const struct finding *finding)
{
    int64_t reach_ms = schedule_interval(incidents->schedule) * 3 / 2, best_apart_ms = INT64_MAX;
    struct incident_record *best = NULL;
    enum fit best_fit = FIT_NONE;
    bool flaps = will_flap(incidents, finding);
    for (size_t i = 0; i < incidents->count; i++) {
        struct incident_record *record = incidents->records[i];
        if (!record->incident.open || record->kind != finding->kind)
            continue;
        if (!finding->table)
            return record;
        const struct member *member = incident_member(record, finding->table);
        if (member && is_relapse(incidents, record, member, finding, flaps))
            return record;
        if (member)
            continue;
        int64_t ahead_ms = record->trouble_ms - finding->onset_ms, apart_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
        enum fit fit = fit_of(record, finding, apart_ms, reach_ms, flaps);
        if (fit == FIT_NONE)
            explain_apart(incidents, record, finding, apart_ms, reach_ms);
        if (fit < best_fit || fit == FIT_NONE || (fit == best_fit && apart_ms >= best_apart_ms))
            continue;
        best = record;
        best_fit = fit;
        best_apart_ms = apart_ms;
    }
    return best;
}

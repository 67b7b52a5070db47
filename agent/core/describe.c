/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "describe.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cut.h"
#include "incidents.h"
#include "units.h"

enum { NAMES_SHOWN = 4, NAME_CHARS = 100, RECURRING_DAYS = 3 };

void describe_duration(int64_t duration_ms, struct strbuf *out)
{
    if (duration_ms < 0)
        duration_ms = 0;
    if (duration_ms < 10 * SECOND_MS)
        strbuf_printf(out, "%.1f s", (double)duration_ms / SECOND_MS);
    else if (duration_ms < 2 * MINUTE_MS)
        strbuf_printf(out, "%" PRId64 " s", duration_ms / SECOND_MS);
    else if (duration_ms < 2 * HOUR_MS)
        strbuf_printf(out, "%" PRId64 " min", duration_ms / MINUTE_MS);
    else
        strbuf_printf(out, "%" PRId64 " h %02" PRId64 " min", duration_ms / HOUR_MS, duration_ms / MINUTE_MS % 60);
}

/* --- tables -------------------------------------------------------------------------------------------------- */

/* The tables that a summary speaks of: all that were in it when it is over, before that those that are not well. */
struct affected {
    const struct incident *incident;
    const char **names; /* owned; sorted, and behind them, sorted again, those that are well */
    size_t count, well_count;
};

static bool is_bad(const struct incident_record *record, const struct tables *tables, const char *name)
{
    const struct member *member = incident_member(record, tables_find(tables, slice_of(name)));
    return member && member->bad;
}

static struct affected find_affected(const struct incident_record *record, const struct tables *tables,
                                     enum notification_status status)
{
    const struct incident *incident = &record->incident;
    struct affected affected = { .incident = incident,
                                 .names = must_alloc((incident->table_count + 1) * sizeof *affected.names) };
    bool all = status == NOTIFY_RESOLVED || !incident_any_bad(record);
    for (size_t i = 0; i < incident->table_count; i++)
        if (all || is_bad(record, tables, incident->tables[i]))
            affected.names[affected.count++] = incident->tables[i];
    affected.well_count = incident->table_count - affected.count;
    for (size_t i = 0, at = affected.count; i < incident->table_count && affected.well_count; i++)
        if (!is_bad(record, tables, incident->tables[i]))
            affected.names[at++] = incident->tables[i];
    return affected;
}

static void name_some(const char *const *names, size_t count, struct strbuf *out)
{
    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++) {
        strbuf_puts(out, i ? ", " : "");
        cut_chars(names[i], NAME_CHARS, out);
    }
    if (count > NAMES_SHOWN)
        strbuf_printf(out, " and %zu more", count - NAMES_SHOWN);
}

static size_t count_offloaded(const struct tables *tables)
{
    size_t count = 0;
    for (size_t i = 0; i < tables->count; i++)
        count += !tables->at[i].retired;
    return count;
}

/* "12 of 12 tables", and the names where those are not all. */
static void say_how_many(const struct affected *affected, const struct tables *tables, struct strbuf *out)
{
    size_t known = count_offloaded(tables);
    strbuf_printf(out, "%zu of %zu tables", affected->count, known > affected->count ? known : affected->count);
    if (known <= affected->count)
        return;
    strbuf_puts(out, " (");
    name_some(affected->names, affected->count, out);
    strbuf_puts(out, ")");
}

/* What has struck several tables is told by its cause, one table by its name. Returns true if it gave the cause. */
static bool say_where(const struct affected *affected, const struct tables *tables, enum notification_status status,
                      struct strbuf *out)
{
    const char *cause = affected->incident->cause.words;
    bool by_cause = affected->count > 1 && cause && status != NOTIFY_RESOLVED;
    if (by_cause) {
        strbuf_printf(out, "%s: ", cause);
        say_how_many(affected, tables, out);
    } else {
        name_some(affected->names, affected->count, out);
    }
    if (affected->count)
        strbuf_puts(out, ": ");
    return by_cause;
}

/* --- the summary --------------------------------------------------------------------------------------------- */

static const char *ordinal_end(int64_t number)
{
    int64_t last = number % 10, tens = number / 10 % 10;
    return tens == 1 || last == 0 || last > 3 ? "th" : last == 1 ? "st" : last == 2 ? "nd" : "rd";
}

/* What recurs is told as what it is. */
static void say_recurrence(const struct incident_record *record, struct strbuf *out)
{
    if (record->times_today)
        strbuf_printf(out,
                      "; flapping, %" PRId64 "%s time in 24 h; told again when it has been well for %" PRId64 " cycles",
                      record->times_today, ordinal_end(record->times_today), record->calm_cycles);
    else if (record->days >= RECURRING_DAYS)
        strbuf_printf(out, "; for the %" PRId64 "%s %s at about this time", record->days, ordinal_end(record->days),
                      record->is_weekly ? "time on this day of the week," : "day");
}

void describe_incident(const struct incident_record *record, const struct tables *tables,
                       enum notification_status status, int64_t now_ms, struct strbuf *out)
{
    const struct incident *incident = &record->incident;
    struct affected affected = find_affected(record, tables, status);
    bool by_cause = say_where(&affected, tables, status, out);
    switch (status) {
    case NOTIFY_FIRING: break;
    case NOTIFY_ESCALATED:
        strbuf_puts(out, record->escalation_due ? "keeps coming back; " : "not recovered after ");
        if (!record->escalation_due) {
            describe_duration(now_ms - incident->opened_ms, out);
            strbuf_puts(out, "; ");
        }
        break;
    case NOTIFY_REMINDER:
        strbuf_puts(out, "still critical after ");
        describe_duration(now_ms - incident->opened_ms, out);
        strbuf_puts(out, "; ");
        break;
    case NOTIFY_RESOLVED:
        strbuf_puts(out, record->is_gone ? "no longer offloaded, ended after " : "recovered after ");
        describe_duration(incident->resolved_ms - incident->opened_ms, out);
        strbuf_puts(out, "; it was: ");
        break;
    }
    strbuf_puts(out, record->what ? record->what : "");
    if (incident->cause.words && !by_cause)
        strbuf_printf(out, " - %s", incident->cause.words);
    if (affected.well_count) {
        strbuf_puts(out, "; well again: ");
        name_some(affected.names + affected.count, affected.well_count, out);
    }
    free(affected.names);
    if (status != NOTIFY_RESOLVED)
        say_recurrence(record, out);
}

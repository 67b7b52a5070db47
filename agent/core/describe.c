/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "describe.h"

#include <inttypes.h>

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

static void name_tables(const struct incident *incident, struct strbuf *out)
{
    for (size_t i = 0; i < incident->table_count && i < NAMES_SHOWN; i++) {
        strbuf_puts(out, i ? ", " : "");
        cut_chars(incident->tables[i], NAME_CHARS, out);
    }
    if (incident->table_count > NAMES_SHOWN)
        strbuf_printf(out, " and %zu more", incident->table_count - NAMES_SHOWN);
    if (incident->table_count)
        strbuf_puts(out, ": ");
}

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
        strbuf_printf(out, "; for the %" PRId64 "%s day at about this time", record->days, ordinal_end(record->days));
}

void describe_incident(const struct incident_record *record, enum notification_status status, int64_t now_ms,
                       struct strbuf *out)
{
    const struct incident *incident = &record->incident;
    name_tables(incident, out);
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
        strbuf_puts(out, "recovered after ");
        describe_duration(incident->resolved_ms - incident->opened_ms, out);
        strbuf_puts(out, "; it was: ");
        break;
    }
    strbuf_puts(out, record->what ? record->what : "");
    if (incident->cause.words)
        strbuf_printf(out, " - %s", incident->cause.words);
    if (status != NOTIFY_RESOLVED)
        say_recurrence(record, out);
}

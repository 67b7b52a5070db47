/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An incident in one line. */
#include <inttypes.h>

#include "agent/commands/show/format.h"
#include "base/cut.h"
#include "first_line.h"
#include "words.h"

enum { CAUSE_CHARACTERS = 120, TABLES_CHARACTERS = 80 };

/* To the minute, and with the date where it is another day than the one that was said. */
static void put_minute(int64_t ms, int64_t said_day, struct strbuf *out)
{
    struct strbuf minute = { 0 };
    format_minute(&minute, ms + CLOCK_WORDS_ROUND_MS);
    bool same_day = format_day(ms) == said_day;
    strbuf_puts(out, same_day && minute.len > 11 ? minute.at + minute.len - 5 : strbuf_text(&minute));
    strbuf_free(&minute);
}

static void put_times(const struct report *report, struct strbuf *out)
{
    const struct report_incident *incident = &report->incident;
    strbuf_puts(out, incident->resolved_ms ? ", " : ", since ");
    put_minute(incident->onset_ms, -1, out);
    if (incident->resolved_ms) {
        strbuf_puts(out, " to ");
        put_minute(incident->resolved_ms, format_day(incident->onset_ms), out);
    }
    strbuf_printf(out, " (%s)", brief_lasted(report_lasted_ms(report)).text);
}

void one_line_words(const struct report *report, struct strbuf *out)
{
    const struct report_incident *incident = &report->incident;
    struct strbuf lead = { 0 };
    if (report->host)
        strbuf_printf(out, "%s: ", report->host);
    if (first_line_cause_tells(incident->likely_cause))
        cut_chars(incident->likely_cause, CAUSE_CHARACTERS, out);
    else
        strbuf_puts(out, report_incident_words(incident));
    if (incident->tables && *incident->tables) {
        strbuf_puts(out, ": ");
        cut_chars(incident->tables, TABLES_CHARACTERS, out);
    }
    put_times(report, out);
    strbuf_printf(out, ", %s", incident->severity);
    lead_words(incident, &lead);
    if (!incident->notified_ms || incident->prometheus_ms)
        strbuf_printf(out, "; %s", strbuf_text(&lead));
    if (incident->cause) {
        strbuf_puts(out, "; cause: ");
        cut_chars(incident->cause, CAUSE_CHARACTERS, out);
    } else if (incident->resolved_ms) {
        strbuf_puts(out, "; the root cause is not known yet");
    }
    strbuf_free(&lead);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is open: what is wrong since when, what to do first, and where the runbook speaks of it. */
#include <inttypes.h>

#include "agent/commands/show/format.h"
#include "base/cut.h"
#include "base/zone.h"
#include "first_line.h"
#include "text_private.h"

enum { INCIDENTS_SHOWN = 20 };

/* How long it lasts is said once: in the line if that has a place for it. */
void status_incident_line(const struct status *status, const struct status_incident *incident, struct strbuf *out)
{
    const char *summary = incident->summary ? incident->summary : incident->alert;
    struct strbuf whole = { 0 }, line = { 0 }, note = { 0 };
    first_line_whole(summary, incident->likely_cause, &whole);
    first_line_as_of(strbuf_text(&whole), incident->onset_ms, status->as_of_ms, zone_clock_words, &line);
    bool says_when = strcmp(strbuf_text(&line), strbuf_text(&whole)) != 0;
    strbuf_puts(out, strbuf_text(&line));
    if (!says_when) {
        strbuf_puts(&note, "for ");
        duration_words(incident_lasted_ms(incident->onset_ms, 0, status->as_of_ms), &note);
        strbuf_puts(&note, ", ");
    }
    strbuf_printf(&note, "incident %" PRId64 ", %s", incident->id, incident->severity);
    status_add_note(out, strbuf_text(&note));
    strbuf_free(&note);
    strbuf_free(&whole);
    strbuf_free(&line);
}

/* The tables where the line only counts them. */
static bool has_tables_to_name(const struct status_incident *incident)
{
    return incident->tables && strchr(incident->tables, ',') != NULL;
}

static void put_acknowledgement(struct status_screen *screen, const struct status_incident *incident)
{
    enum { BY_CHARACTERS = 60, NOTE_CHARACTERS = 240 }; /* the report has the whole */
    const char *by = incident->acknowledged_by, *note = incident->acknowledgement_note;
    struct strbuf *text = &screen->text;
    if (!incident->acknowledged_ms)
        return;
    cut_chars(by && *by ? by : "somebody", BY_CHARACTERS, text);
    strbuf_puts(text, " at ");
    format_time(text, incident->acknowledged_ms, screen->offset);
    if (note && *note) {
        strbuf_puts(text, ": ");
        cut_chars(note, NOTE_CHARACTERS, text);
    }
    status_put_gathered(screen, "  acked by", TONE_PLAIN);
}

static void status_put_incident(struct status_screen *screen, const struct status_incident *incident, const char *label)
{
    struct strbuf *text = &screen->text;
    status_incident_line(screen->status, incident, text);
    bool critical = strcmp(incident->severity, "critical") == 0;
    status_put_gathered(screen, label, critical ? TONE_CRITICAL : TONE_WARNING);
    if (has_tables_to_name(incident))
        status_put_line(screen, "  tables", TONE_PLAIN, incident->tables);
    put_acknowledgement(screen, incident);
    if (incident->first_command)
        status_put_line(screen, "  run first", TONE_PLAIN, incident->first_command);
    runbook_words(incident->runbook, incident->scenario, incident->scenario_title, text);
    if (incident->runbook)
        status_put_gathered(screen, "  runbook", TONE_PLAIN);
}

static void status_put_silences(struct status_screen *screen)
{
    const struct status *status = screen->status;
    for (size_t i = 0; i < status->silence_count; i++) {
        const struct status_silence *silence = &status->silences[i];
        struct strbuf *text = &screen->text;
        strbuf_puts(text, silence->words);
        if (silence->ends_ms) {
            strbuf_puts(text, " until ");
            format_time(text, silence->ends_ms, screen->offset);
        }
        if (silence->window)
            strbuf_printf(text, " (window %s)", silence->window);
        else
            strbuf_printf(text, " (silence %" PRId64 ")", silence->id);
        if (silence->reason)
            strbuf_printf(text, ": %s", silence->reason);
        status_put_gathered(screen, i == 0 ? "Silenced" : "", TONE_WARNING);
    }
}

void status_put_incidents(struct status_screen *screen)
{
    const struct status *status = screen->status;
    size_t shown = status->incident_count < INCIDENTS_SHOWN ? status->incident_count : INCIDENTS_SHOWN;
    struct strbuf *text = &screen->text;
    for (size_t i = 0; i < shown; i++)
        status_put_incident(screen, &status->incidents[i], i == 0 ? "Open" : "Also open");
    if (status->incident_count == 0)
        status_put_line(screen, "Open", TONE_GOOD, "no incident");
    if (status->open_incidents > (int64_t)shown) {
        strbuf_printf(text, "and %" PRId64 " more: agent incidents --open lists them",
                      status->open_incidents - (int64_t)shown);
        status_put_gathered(screen, "", TONE_WARNING);
    }
    status_put_silences(screen);
}

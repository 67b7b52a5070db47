/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Incidents as comma-separated values (RFC 4180). */
#include <inttypes.h>

#include "base/text.h"
#include "base/zone.h"
#include "incidents.h"

static void put_quoted(struct strbuf *out, const char *text)
{
    strbuf_puts(out, "\"");
    for (; *text; text++) {
        if (*text == '"')
            strbuf_puts(out, "\"");
        strbuf_add(out, text, 1);
    }
    strbuf_puts(out, "\"");
}

/* Every text stands in quotes. What a spreadsheet would take for a formula becomes a text by an apostrophe, and bytes that are no UTF-8 become visible. */
static void csv_put_text(struct strbuf *out, const char *text)
{
    struct strbuf cell = { 0 };
    if (!text)
        return;
    if (*text && strchr("=+-@\t\r", *text))
        strbuf_puts(&cell, "'");
    text_add_valid(&cell, text, strlen(text));
    put_quoted(out, strbuf_text(&cell));
    strbuf_free(&cell);
}

static void put_moment(struct strbuf *out, int64_t ms)
{
    char text[40] = "";
    if (ms)
        zone_format_rfc3339(ms, text);
    strbuf_printf(out, ",%s", text);
}

static void csv_put_next(struct strbuf *out, const char *text)
{
    strbuf_puts(out, ",");
    csv_put_text(out, text);
}

static void put_row(struct strbuf *out, const struct report_incident *incident, int64_t as_of_ms)
{
    int64_t lasted_ms = report_incident_lasted_ms(incident, as_of_ms);
    const int64_t moments[] = { incident->onset_ms,    incident->opened_ms,    incident->notified_ms,
                                incident->critical_ms, incident->escalated_ms, incident->resolved_ms,
                                incident->verified_ms, incident->prometheus_ms };
    const char *const texts[] = { incident->tables,    incident->summary,        incident->likely_cause,
                                  incident->runbook,   incident->scenario_title, incident->cause,
                                  incident->deviations };
    strbuf_printf(out, "%" PRId64, incident->id);
    csv_put_next(out, incident->alert_name);
    csv_put_next(out, incident->severity);
    csv_put_next(out, incident->open ? "open" : "resolved");
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++)
        put_moment(out, moments[i]);
    strbuf_printf(out, ",%" PRId64 ".%03d", lasted_ms / 1000, (int)(lasted_ms % 1000));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        csv_put_next(out, texts[i]);
    strbuf_puts(out, "\r\n");
}

void report_incidents_csv(const struct report_incidents *list, struct strbuf *out)
{
    strbuf_puts(out, "id,alert,severity,state,onset,opened,notified,critical,escalated,resolved,verified,prometheus,"
                     "duration_seconds,tables,summary,likely_cause,runbook,scenario_title,cause,deviations\r\n");
    for (size_t i = 0; i < list->count; i++)
        put_row(out, &list->at[i], list->as_of_ms);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/zone.h"
#include "notify.h"

void message_json(struct json_maker *maker, const struct message *message, struct strbuf *out)
{
    struct strbuf tables = { 0 };
    char time[40], prometheus[40], incident[24];

    json_texts(maker, (const char *const *)message->tables, message->table_count, &tables);
    zone_format_rfc3339(message->time_ms, time);
    zone_format_rfc3339(message->prometheus_ms, prometheus);
    snprintf(incident, sizeof incident, "%lld", (long long)message->incident_id);
    bool fired = message->prometheus_ms != 0 && message->prometheus_ms <= message->time_ms;
    const char *const texts[] = { time,
                                  notification_status_name(message->status),
                                  severity_name(message->severity),
                                  alert_name(message->alert),
                                  message->table,
                                  tables.at,
                                  incident,
                                  message->summary,
                                  alert_runbook(message->alert),
                                  fired ? prometheus : NULL };
    json_select(
        maker,
        "SELECT json_object('time', ?1, 'status', ?2, 'severity', ?3, 'alert', ?4, 'table', ?5,"
        " 'tables', json(?6), 'incident', CAST(?7 AS INTEGER), 'summary', ?8, 'runbook', ?9, 'prometheus_time', ?10)",
        texts, sizeof texts / sizeof texts[0], out);
    strbuf_free(&tables);
}

static void add_visible(struct strbuf *out, const char *text)
{
    if (text)
        text_add_visible(out, text, strlen(text));
}

static void add_upper(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        char letter = (char)toupper((unsigned char)*text);
        strbuf_add(out, &letter, 1);
    }
}

/* "2026-03-03T10:30:03.169+11:00 CRITICAL firing IcebergOffloadConsecutiveFailures #1 bronze_trades_binance: ..." */
void message_text(const struct message *message, struct strbuf *out)
{
    char time[40];
    zone_format_rfc3339(message->time_ms, time);
    strbuf_printf(out, "%s ", time);
    add_upper(out, severity_name(message->severity));
    strbuf_printf(out, " %s %s #%lld", notification_status_name(message->status), alert_name(message->alert),
                  (long long)message->incident_id);
    strbuf_puts(out, ": "); /* the summary names the tables */
    add_visible(out, message->summary);
    if (alert_runbook(message->alert))
        strbuf_printf(out, " (runbook %s)", alert_runbook(message->alert));
    if (message->escalate_to) {
        strbuf_puts(out, " (escalate to ");
        add_visible(out, message->escalate_to);
        strbuf_puts(out, ")");
    }
}

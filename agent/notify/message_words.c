/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/zone.h"
#include "notify.h"

void message_json(const struct message *message, struct strbuf *out)
{
    struct json_writer json = { .out = out };
    bool fired = message->prometheus_ms <= message->time_ms;
    json_open(&json, NULL, '{');
    json_put_time(&json, "time", message->time_ms);
    json_put_text(&json, "status", notification_status_name(message->status));
    json_put_text(&json, "severity", severity_name(message->severity));
    json_put_text(&json, "alert", alert_name(message->alert));
    json_put_text(&json, "table", message->table);
    json_put_texts(&json, "tables", (const char *const *)message->tables, message->table_count);
    json_put_int(&json, "incident", message->incident_id);
    json_put_text(&json, "summary", message->summary);
    json_put_text(&json, "runbook", message->runbook);
    json_put_time(&json, "prometheus_time", fired ? message->prometheus_ms : 0);
    json_close(&json, '}');
}

static void message_add_visible(struct strbuf *out, const char *text)
{
    if (text)
        text_add_visible(out, text, strlen(text));
}

/* The lines of a message about several incidents stand in one. */
static void message_add_lines(struct strbuf *out, const char *text)
{
    for (const char *end; text; text = *end ? end + 1 : NULL) {
        end = text + strcspn(text, "\n");
        text_add_visible(out, text, (size_t)(end - text));
        strbuf_puts(out, *end ? "; " : "");
    }
}

/* "2026-03-03T10:30:03.169+11:00 CRITICAL firing IcebergOffloadConsecutiveFailures #1: no new data for ..." */
void message_text(const struct message *message, struct strbuf *out)
{
    char time[40];
    zone_format_rfc3339(message->time_ms, time);
    strbuf_printf(out, "%s ", time);
    text_add_upper(out, severity_name(message->severity));
    strbuf_printf(out, " %s %s #%lld", notification_status_name(message->status), alert_name(message->alert),
                  (long long)message->incident_id);
    strbuf_puts(out, ": ");
    message_add_lines(out, message->summary);
    if (message->table_count > 1) {
        strbuf_puts(out, " (tables ");
        for (size_t i = 0; i < message->table_count; i++) {
            strbuf_puts(out, i ? ", " : "");
            message_add_visible(out, message->tables[i]);
        }
        strbuf_puts(out, ")");
    }
    if (message->runbook) {
        struct strbuf place = { 0 };
        runbook_words(message->runbook, message->scenario, message->title, &place);
        strbuf_puts(out, " (runbook ");
        message_add_visible(out, place.at);
        strbuf_puts(out, ")");
        strbuf_free(&place);
    }
    if (message->escalate_to) {
        strbuf_puts(out, " (escalated to ");
        message_add_visible(out, message->escalate_to);
        strbuf_puts(out, ")");
    }
}

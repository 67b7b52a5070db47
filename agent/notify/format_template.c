/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload_private.h"
#include "template.h"

/* The user's own JSON, with what is said about the first message in its placeholders. */
void format_template(const struct payload_input *input, struct json_writer *json)
{
    const struct payload_texts *texts = &input->texts[0];
    const struct message *message = texts->message;
    bool is_full = input->length == PAYLOAD_FULL;
    const char *const values[TEMPLATE_NAMES] = {
        [TEMPLATE_FIRST_LINE] = texts->first_line.at,
        [TEMPLATE_SUMMARY] = texts->summary.at,
        [TEMPLATE_STATUS] = notification_status_name(message->status),
        [TEMPLATE_SEVERITY] = severity_name(message->severity),
        [TEMPLATE_ALERT] = texts->alert,
        [TEMPLATE_HOST] = input->origin->host,
        [TEMPLATE_LOG] = input->origin->log_path,
        [TEMPLATE_TABLE] = message->table,
        [TEMPLATE_TABLES] = texts->tables.at,
        [TEMPLATE_INCIDENT] = texts->incident,
        [TEMPLATE_TIME] = texts->time,
        [TEMPLATE_STARTED] = texts->started,
        [TEMPLATE_ENDED] = texts->ended,
        [TEMPLATE_SINCE] = texts->since.at,
        [TEMPLATE_CAUSE] = is_full ? texts->cause.at : NULL,
        [TEMPLATE_FIRST_COMMAND] = is_full ? texts->first_command.at : NULL,
        [TEMPLATE_EVIDENCE] = is_full ? texts->evidence.at : NULL,
        [TEMPLATE_RUNBOOK] = texts->place.at,
        [TEMPLATE_RUNBOOK_URL] = texts->urls[PAGE_RUNBOOK].at,
        [TEMPLATE_INCIDENT_URL] = texts->urls[PAGE_INCIDENT].at,
        [TEMPLATE_DASHBOARD_URL] = texts->urls[PAGE_DASHBOARD].at,
        [TEMPLATE_ALERTMANAGER_URL] = texts->urls[PAGE_ALERTMANAGER].at,
        [TEMPLATE_DESCRIPTION] = is_full ? texts->details.at : NULL,
        [TEMPLATE_ESCALATE_TO] = message->escalate_to,
        [TEMPLATE_PROMETHEUS_TIME] = texts->prometheus,
        [TEMPLATE_DEDUP_KEY] = texts->dedup_key.at,
    };
    template_fill(input->webhook->template_text, values, json->out);
}

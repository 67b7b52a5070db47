/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message.h"

#include <stdlib.h>

#include "base/text.h"

struct message *message_from(const struct notification *notification)
{
    const struct incident *incident = notification->incident;
    struct message borrowed = {
        .incident_id = incident->id,
        .sequence = notification->sequence,
        .time_ms = notification->time_ms,
        .status = notification->status,
        .severity = notification->severity,
        .alert = notification->alert,
        .onset_ms = incident->onset_ms,
        .opened_ms = incident->opened_ms,
        .resolved_ms = incident->resolved_ms,
        .prometheus_ms = incident->prometheus_ms,
        .table = (char *)incident->table,
        .tables = (char **)incident->tables,
        .table_count = incident->table_count,
        .summary = (char *)notification->summary,
        .cause = (char *)incident->cause.words,
        .runbook = (char *)(incident->cause.runbook ? incident->cause.runbook : alert_runbook(notification->alert)),
        .scenario = (char *)incident->cause.scenario,
        .title = (char *)incident->cause.title,
        .first_command = (char *)incident->cause.first_command,
        .evidence = (char *)incident->evidence,
        .escalate_to = (char *)notification->escalate_to,
    };
    return message_copy(&borrowed);
}

struct message *message_copy(const struct message *message)
{
    struct message *copy = must_alloc(sizeof *copy);
    *copy = *message;
    copy->table = text_copy_valid(message->table);
    copy->tables = must_alloc((message->table_count + 1) * sizeof *copy->tables);
    for (size_t i = 0; i < message->table_count; i++)
        copy->tables[i] = text_copy_valid(message->tables[i]);
    copy->summary = text_copy_valid(message->summary);
    copy->cause = text_copy_valid(message->cause);
    copy->runbook = text_copy_valid(message->runbook);
    copy->scenario = text_copy_valid(message->scenario);
    copy->title = text_copy_valid(message->title);
    copy->first_command = text_copy_valid(message->first_command);
    copy->evidence = text_copy_valid(message->evidence);
    copy->escalate_to = text_copy_valid(message->escalate_to);
    return copy;
}

void message_free(struct message *message)
{
    if (!message)
        return;
    for (size_t i = 0; i < message->table_count; i++)
        free(message->tables[i]);
    free(message->tables);
    free(message->table);
    free(message->summary);
    free(message->cause);
    free(message->runbook);
    free(message->scenario);
    free(message->title);
    free(message->first_command);
    free(message->evidence);
    free(message->escalate_to);
    free(message);
}

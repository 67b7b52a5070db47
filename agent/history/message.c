/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message.h"

#include <stdlib.h>

#include "base/text.h"

static char **copy_texts(const char *const *texts, size_t count)
{
    char **copies = must_alloc((count + 1) * sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = text_copy_valid(texts[i]);
    return copies;
}

/* Evidence may be any bytes; whoever renders a message may rely on UTF-8. */
struct message *message_from(const struct notification *notification)
{
    const struct incident *incident = notification->incident;
    struct message *message = must_alloc(sizeof *message);
    *message = (struct message){
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
        .table = text_copy_valid(incident->table),
        .tables = copy_texts(incident->tables, incident->table_count),
        .table_count = incident->table_count,
        .summary = text_copy_valid(notification->summary),
        .cause = text_copy_valid(incident->cause),
        .scenario = text_copy_valid(incident->scenario),
        .first_command = text_copy_valid(incident->first_command),
        .evidence = text_copy_valid(incident->evidence),
        .escalate_to = text_copy_valid(notification->escalate_to),
    };
    return message;
}

struct message *message_copy(const struct message *message)
{
    struct message *copy = must_alloc(sizeof *copy);
    *copy = *message;
    copy->table = text_copy_valid(message->table);
    copy->tables = copy_texts((const char *const *)message->tables, message->table_count);
    copy->summary = text_copy_valid(message->summary);
    copy->cause = text_copy_valid(message->cause);
    copy->scenario = text_copy_valid(message->scenario);
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
    free(message->scenario);
    free(message->first_command);
    free(message->evidence);
    free(message->escalate_to);
    free(message);
}

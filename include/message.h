/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "incident.h"

/*
 * A copy of a notification that outlives the engine's call. The outbox keeps it, and the webhooks' formats render it; agent/notify has
 * the words for it. Its texts are valid UTF-8, whatever bytes the log had.
 */
struct message {
    int64_t incident_id;
    int64_t sequence; /* within the incident */
    int64_t time_ms;
    enum notification_status status;
    enum severity severity;
    enum alert alert;
    int64_t onset_ms, opened_ms, resolved_ms, prometheus_ms; /* 0 where it has not happened */
    char *table;                                             /* or NULL */
    char **tables;
    size_t table_count;
    char *summary;
    char *cause, *first_command, *evidence, *escalate_to; /* or NULL */
    char *runbook, *scenario, *title;                     /* the file, "1/2", and the scenario's title; or NULL */
};

/* Both return a copy that message_free frees. */
struct message *message_from(const struct notification *notification);
struct message *message_copy(const struct message *message);
void message_free(struct message *message);

#endif

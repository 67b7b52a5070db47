/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alertmanager_alerts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Incidents are compared by id only, because the id is one of the labels by which an Alertmanager tells alerts apart. */
static bool is_same_incident(const struct message *a, const struct message *b)
{
    return a->incident_id == b->incident_id;
}

static bool is_same_alert(const struct message *a, const struct message *b)
{
    return is_same_incident(a, b) && a->alert == b->alert && a->severity == b->severity;
}

/* Ends the other alerts of the message's incident. */
static void end_other_alerts(struct alertmanager_alerts *alerts, const struct message *message)
{
    for (size_t i = 0; i < alerts->count; i++) {
        struct message *alert = alerts->alerts[i];
        if (is_same_incident(alert, message) && !is_same_alert(alert, message) && alert->status != NOTIFY_RESOLVED) {
            alert->status = NOTIFY_RESOLVED;
            alert->resolved_ms = message->time_ms;
        }
    }
}

void alertmanager_alerts_take(struct alertmanager_alerts *alerts, const struct message *message)
{
    end_other_alerts(alerts, message);
    for (size_t i = 0; i < alerts->count; i++) {
        if (!is_same_alert(alerts->alerts[i], message))
            continue;
        message_free(alerts->alerts[i]);
        alerts->alerts[i] = message_copy(message);
        return;
    }
    alerts->alerts = must_grow(alerts->alerts, alerts->count + 1, sizeof *alerts->alerts);
    alerts->alerts[alerts->count++] = message_copy(message);
}

void alertmanager_alerts_forget(struct alertmanager_alerts *alerts, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < alerts->count; i++) {
        struct message *alert = alerts->alerts[i];
        if (alert->status == NOTIFY_RESOLVED && now_ms - alert->resolved_ms > ALERTMANAGER_ENDED_MS)
            message_free(alert);
        else
            alerts->alerts[kept++] = alert;
    }
    alerts->count = kept;
}

void alertmanager_alerts_free(struct alertmanager_alerts *alerts)
{
    for (size_t i = 0; i < alerts->count; i++)
        message_free(alerts->alerts[i]);
    free(alerts->alerts);
    *alerts = (struct alertmanager_alerts){ 0 };
}

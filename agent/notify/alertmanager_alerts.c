/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alertmanager_alerts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* By its number, which is a label: one that comes back after a history was begun anew is the same alert to the receiver. */
static bool same_incident(const struct message *a, const struct message *b)
{
    return a->incident_id == b->incident_id;
}

static bool same_alert(const struct message *a, const struct message *b)
{
    return same_incident(a, b) && a->alert == b->alert && a->severity == b->severity;
}

static void end(struct message *alert, int64_t at_ms)
{
    alert->status = NOTIFY_RESOLVED;
    alert->resolved_ms = at_ms;
}

/* What else the incident was known by is over. */
static void end_others(struct shown *shown, const struct message *message)
{
    for (size_t i = 0; i < shown->count; i++) {
        struct message *alert = shown->alerts[i];
        if (same_incident(alert, message) && !same_alert(alert, message) && alert->status != NOTIFY_RESOLVED)
            end(alert, message->time_ms);
    }
}

void shown_take(struct shown *shown, const struct message *message)
{
    end_others(shown, message);
    for (size_t i = 0; i < shown->count; i++) {
        if (!same_alert(shown->alerts[i], message))
            continue;
        message_free(shown->alerts[i]);
        shown->alerts[i] = message_copy(message);
        return;
    }
    shown->alerts = must_grow(shown->alerts, shown->count + 1, sizeof *shown->alerts);
    shown->alerts[shown->count++] = message_copy(message);
}

void shown_forget(struct shown *shown, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < shown->count; i++) {
        struct message *alert = shown->alerts[i];
        if (alert->status == NOTIFY_RESOLVED && now_ms - alert->resolved_ms > SHOWN_ENDED_MS)
            message_free(alert);
        else
            shown->alerts[kept++] = alert;
    }
    shown->count = kept;
}

void shown_free(struct shown *shown)
{
    for (size_t i = 0; i < shown->count; i++)
        message_free(shown->alerts[i]);
    free(shown->alerts);
    *shown = (struct shown){ 0 };
}

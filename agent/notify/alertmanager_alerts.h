/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_ALERTMANAGER_ALERTS_H
#define NOTIFY_ALERTMANAGER_ALERTS_H

#include <stddef.h>
#include <stdint.h>

#include "message.h"

/*
 * The alerts that an Alertmanager should have: one for each incident, alert name and severity that it was told. They are kept so that
 * all of them can be told again at any time. An incident whose name or severity changes ends one alert and begins another.
 */
struct alertmanager_alerts {
    struct message **alerts; /* owned; the status of an alert that has ended is NOTIFY_RESOLVED */
    size_t count;
};

/* Adds or changes the alert that the message is about. It does no harm to take the same message twice. */
void alertmanager_alerts_take(struct alertmanager_alerts *alerts, const struct message *message);

/*
 * Drops the alerts that ended longer ago than this. Until then an end is told again as well: if the receiver's clock is behind ours,
 * the end still lay in its future, and of two ends an Alertmanager keeps the later one that it was told before.
 */
enum { ALERTMANAGER_ENDED_MS = 15 * 60 * 1000 };
void alertmanager_alerts_forget(struct alertmanager_alerts *alerts, int64_t now_ms);

void alertmanager_alerts_free(struct alertmanager_alerts *alerts);

#endif

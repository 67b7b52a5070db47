/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_ALERTMANAGER_ALERTS_H
#define NOTIFY_ALERTMANAGER_ALERTS_H

#include <stddef.h>
#include <stdint.h>

#include "message.h"

/*
 * What an Alertmanager shall show: an alert for each incident, name and severity that it was told of, so that all of it can be
 * said again at any time. An incident that takes another name or severity ends one alert as it begins the next.
 */
struct shown {
    struct message **alerts; /* owned; an ended one has the status NOTIFY_RESOLVED */
    size_t count;
};

/* The message's news, taken once or again. */
void shown_take(struct shown *shown, const struct message *message);

/*
 * Drops what ended a while ago. Until then an end is said again as well: to a receiver whose clock is behind ours it still
 * lay in the future, where Alertmanager keeps the later end that it was told before.
 */
enum { SHOWN_ENDED_MS = 15 * 60 * 1000 };
void shown_forget(struct shown *shown, int64_t now_ms);

void shown_free(struct shown *shown);

#endif

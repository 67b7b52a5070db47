/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_TOLD_AS_H
#define NOTIFY_TOLD_AS_H

#include <stdbool.h>

#include "config.h"
#include "history.h"

/* The host and the log that notifications name. Receivers recognise an incident by them. */
struct told_as {
    char *host, *log_path; /* owned */
};

/*
 * Chooses the configured names, unless incidents that were told under other names are still open or news of them still waits: then
 * the other names stay, so that the end of an incident reaches the alert that its beginning made. Returns true if other names stay.
 */
bool told_as_choose(struct told_as *told_as, struct history *history, const struct config *config);
void told_as_free(struct told_as *told_as);

#endif

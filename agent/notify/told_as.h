/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_TOLD_AS_H
#define NOTIFY_TOLD_AS_H

#include <stdbool.h>

#include "config.h"
#include "history.h"

/* The host and the log that notifications name. Receivers know an incident again by them. */
struct origin {
    char *host, *log_path;
};

/*
 * Those configured; but while incidents that were announced under others are open, or news of them is still to be sent, the
 * others, so that the end of an incident reaches what its beginning made. True if that is so. Frees what was chosen before.
 */
bool origin_choose(struct origin *origin, struct history *history, const struct config *config);
void origin_free(struct origin *origin);

#endif

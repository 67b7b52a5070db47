/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_LISTING_H
#define FOLLOW_LISTING_H

#include "siblings.h"

/*
 * Looks through the log's directory for what rotation left there, a piece at a time: in a directory like /tmp anybody may put
 * 300,000 files beside the log, and no line may wait for them. Nothing is opened but regular files of owner or of root (a
 * user id). budgets.h has the bounds.
 */
struct listing;

struct listing *listing_begin(const char *directory, const char *base, uid_t owner);
void listing_free(struct listing *listing);

/* Goes on for at most SIBLINGS_LOOK_MAX_MS. Returns true when the listing is at its end. */
bool listing_go_on(struct listing *listing);

/* What was found, which the caller frees from now on, and for how long the listing has worked. */
struct siblings listing_take(struct listing *listing);
int64_t listing_worked_ms(const struct listing *listing);

#endif

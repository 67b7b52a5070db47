/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SCRUB_H
#define SCRUB_H

#include "base/archive.h"
#include "event.h"

/*
 * Masks the secrets in events. Jobs and exceptions may write passwords and tokens into the log; each event passes here before the
 * engine judges it, so that no later step ever sees them.
 */
struct scrub;

struct scrub *scrub_open(void);
void scrub_close(struct scrub *scrub);

/*
 * Replaces the secrets in the event by "***". Its text and line are then borrowed until the next call. Events must come in the log's
 * order, because a private key spans several lines of an excerpt.
 */
void scrub_event(struct scrub *scrub, struct event *event);

/* Saves and loads whether the current excerpt is inside a private key, so that a restart in the middle of one still masks it. */
void scrub_archive(struct scrub *scrub, struct archive *archive);

#endif

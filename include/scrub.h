/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SCRUB_H
#define SCRUB_H

#include "base/archive.h"
#include "event.h"

/*
 * Takes the credentials out of what jobs and exceptions wrote into the log, event by event, before anything of it is judged,
 * stored, shown or sent: nobody further down ever sees them.
 */
struct scrub;

struct scrub *scrub_open(void);
void scrub_close(struct scrub *scrub);

/*
 * Takes the credentials out of the event: its text and line are then borrowed until the next call. Events are to come in the
 * log's order: a private key has many lines.
 */
void scrub_event(struct scrub *scrub, struct event *event);

/* Whether the excerpt at hand stands within a private key, for the restart that goes on right there. */
void scrub_archive(struct scrub *scrub, struct archive *archive);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_REPEATED_H
#define PARSERS_REPEATED_H

#include <stdbool.h>

#include "base/slice.h"
#include "event.h"

/*
 * Messages that each cycle repeats, such as that a table's run starts, with the events that they mean. To recognise one costs a tenth of a
 * match, and they are two fifths of all matches. Only events that follow from the message's text alone can be kept.
 */
struct repeated;

struct repeated *repeated_new(void);
void repeated_free(struct repeated *repeated);
/* Fills in *event if the message is known. */
bool repeated_find(struct repeated *repeated, struct slice message, struct event *event);
/* The event's table, if it has one, must be a part of the message. It takes the place of another message. */
void repeated_keep(struct repeated *repeated, struct slice message, const struct event *event);

#endif

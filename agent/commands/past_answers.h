/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_PAST_ANSWERS_H
#define COMMANDS_PAST_ANSWERS_H

#include "base/strbuf.h"
#include "engine.h"

/*
 * What the witnesses of the tables answered in the past, as a history keeps it with the runs. A replay takes it from there, because
 * the witnesses of today know nothing about the past.
 */
struct past_answers;

/* NULL if there is no history at path, or if it is empty or cannot be read: then nothing is known of the past. */
struct past_answers *past_answers_open(const char *path);
/* Feeds the engine with the answers that came before this time, each at its own time. NULL is allowed. */
void past_answers_feed(struct past_answers *past, struct engine *engine, int64_t before_ms);
/* False, with the reason in *error, if they could not all be read. NULL is allowed in both. */
bool past_answers_good(const struct past_answers *past, struct strbuf *error);
void past_answers_close(struct past_answers *past);

#endif

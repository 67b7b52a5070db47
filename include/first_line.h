/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FIRST_LINE_H
#define FIRST_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "base/time_words.h"

/*
 * How long an incident lasts, in every face: from its onset to its end, or while it is open (resolved_ms is 0) to the last moment that
 * anything is known of. Never below 0.
 */
int64_t incident_lasted_ms(int64_t onset_ms, int64_t resolved_ms, int64_t as_of_ms);

/* With these words a cause begins that tells only that none was found. */
#define CAUSE_NOT_SAID "the log does not say why"

/* Returns true for a cause that is worth to be named first: not NULL, and not CAUSE_NOT_SAID. */
bool first_line_cause_tells(const char *cause);

/*
 * Adds the first line of an incident that is open, as the history keeps it, in the words of now_ms: "... since 10:00, ..." becomes
 * "... since Mon 10:00 (1 d 2 h), ...". A line without "since" is added as it is. An incident's duration counts from its onset in every face.
 */
void first_line_as_of(const char *line, int64_t onset_ms, int64_t now_ms, clock_words *words_of, struct strbuf *out);

/* Adds the line with the whole of the cause (which may be NULL), of which a phone's line shows only the beginning: "..., the log has no err…". */
void first_line_whole(const char *line, const char *cause, struct strbuf *out);

/*
 * Adds what is wrong with the cause in front of it: "ClickHouse unreachable: 2 tables without new data for 35 min". A line that speaks of
 * anything else than new data is added as first_line_as_of has it. cause may be NULL;
 * of one that tells nothing, CAUSE_NOT_SAID stands at the end.
 */
void first_line_named(const char *line, const char *cause, int64_t onset_ms, int64_t now_ms, clock_words *words_of,
                      struct strbuf *out);

#endif

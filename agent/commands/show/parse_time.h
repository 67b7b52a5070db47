/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_PARSE_TIME_H
#define COMMANDS_SHOW_PARSE_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Which end of the day is meant where a date comes without a time. */
enum time_edge { TIME_SINCE, TIME_UNTIL };

/*
 * Reads a time that a person typed: "2026-03-03", "2026-03-03 10:15", "2026-03-03T10:15:02+11:00", "now", "today", "yesterday", or a
 * duration before now such as "2h" or "7d". Seconds may have a fraction of any length, behind a dot or, as in the log, a comma. Without
 * an offset it is local time. All of RFC 3339 is read. Returns false if it is none of these, and leaves *ms as it is.
 */
bool parse_time(const char *text, int64_t now_ms, enum time_edge edge, int64_t *ms);

/* Reads a duration that a person typed: "90s", "1h30m". A number without a unit is refused: it may be meant as minutes or as hours. */
bool parse_duration(const char *text, int64_t *ms);

#endif

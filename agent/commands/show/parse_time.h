/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_PARSE_TIME_H
#define COMMANDS_SHOW_PARSE_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Which end of a day a bare date means. */
enum time_edge { TIME_SINCE, TIME_UNTIL };

/*
 * "2026-03-03", "2026-03-03 10:15", "2026-03-03T10:15:02+11:00", "2h" or "7d" ago, "now", "today", "yesterday"; local
 * time where no offset is given. False if it is none of these.
 */
bool parse_time(const char *text, int64_t now_ms, enum time_edge edge, int64_t *ms);

#endif

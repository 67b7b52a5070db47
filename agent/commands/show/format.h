/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_FORMAT_H
#define COMMANDS_SHOW_FORMAT_H

#include <stdint.h>

#include "base/strbuf.h"

/* How times, durations and counts are written for people. Each function appends to `out`; times are Unix time in milliseconds. */

/* The wall clock, or SOURCE_DATE_EPOCH where it is set, so that the same output can be made again. */
int64_t show_now_ms(void);

/* "13.2 s", "2 min 05 s", "31 min", "2 h 05 min", "3 d 4 h". A negative one counts as 0. */
void format_duration(struct strbuf *out, int64_t ms);
/* "1,234,567" */
void format_count(struct strbuf *out, int64_t count);

/*
 * Local time. `said_offset` is the offset from UTC, in minutes, that the reader was told already: where the time has another one
 * (the clocks were changed in between), it is written behind the time.
 */
int format_offset(int64_t ms);                                      /* minutes east of UTC */
void format_offset_words(struct strbuf *out, int offset);           /* "UTC+11:00" */
void format_time(struct strbuf *out, int64_t ms, int said_offset);  /* "2026-03-03 10:15:02" */
void format_minute(struct strbuf *out, int64_t ms);                 /* "2026-03-03 10:15" */
void format_clock(struct strbuf *out, int64_t ms, int said_offset); /* "10:15:02" */
void format_date(struct strbuf *out, int64_t ms);                   /* "Tuesday 3 March 2026" */
int64_t format_day(int64_t ms);                                     /* a number that differs for each local day */

#endif

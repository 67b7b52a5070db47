/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_WORDS_H
#define COMMANDS_REPORT_WORDS_H

#include "base/time_words.h"
#include "report.h"

/* A short text by value, so that it can stand where a format wants an argument. */
struct brief {
    char text[64];
};

struct brief brief_duration(int64_t ms);
/* In the words of the pages and of `agent status`. */
struct brief brief_lasted(int64_t ms);
struct brief brief_count(int64_t count);
struct brief brief_time(const struct report *report, int64_t ms);    /* date and time */
struct brief brief_clock(const struct report *report, int64_t ms);   /* the time of the day */
struct brief brief_baseline(const struct report_baseline *baseline); /* "10.9 s to 13.3 s, median 12.1 s" */
/* ", counted by iceberg" where a set of enum rows_from (as 1 << value) has others than the log, else nothing. */
struct brief brief_counted(unsigned rows_from);
/* "log", "iceberg", "log, iceberg" */
struct brief brief_rows_from(unsigned rows_from);
const char *plural(int64_t count); /* "s", but "" for 1 */

/* Minutes east of UTC, said once at the head of the report: only times with another offset repeat theirs. */
int report_offset(const struct report *report);

void delivery_words(const struct report *report, const struct report_delivery *delivery, struct strbuf *out);
/* An incident in one line, fit for a chat: where, what, when, how long, how bad, who was told, why. */
void one_line_words(const struct report *report, struct strbuf *out);
void lead_words(const struct report_incident *incident, struct strbuf *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_WORDS_H
#define COMMANDS_REPORT_WORDS_H

#include "agent/commands/show/table.h"
#include "agent/commands/show/terminal.h"
#include "report.h"

/* What a report says in words, the same in every format for people. Values hold raw text. */

enum words_form { WORDS_PLAIN, WORDS_LITERAL /* a command or a log line, to be shown as such */ };

struct words_fact {
    const char *label;
    char *value;
    enum tone tone;
    enum words_form form;
};

struct words {
    struct words_fact *at;
    size_t count;
};

/* A copy of the value, which is cleared for the next one. */
void words_add(struct words *words, const char *label, enum tone tone, struct strbuf *value);
void words_free(struct words *words);

int words_offset(const struct report *report); /* the offset said once, minutes */
void words_title(const struct report *report, struct strbuf *out);
void words_ending(const struct report *report, struct strbuf *out);   /* "resolved after 1 h 02 min" */
void words_headline(const struct report *report, struct strbuf *out); /* "critical, resolved after 1 h 02 min" */
void words_lead(const struct report_incident *incident, struct strbuf *out);
enum tone words_tone(const struct report_incident *incident);
const char *words_short_name(const struct report_incident *incident); /* the alert without its common prefix */

struct words words_times(const struct report *report);
struct words words_measures(const struct report *report);
struct words words_cause(const struct report *report);
struct words words_period(const struct report *report);
struct words words_questions(const struct report *report);              /* labels are NULL */
struct words words_gaps(const struct report *report);                   /* the label names the table */
void words_inhibited(const struct report *report, struct strbuf *out);  /* nothing, if nothing was */
void words_usual(const struct report_usual *usual, struct strbuf *out); /* "10.9 s to 13.3 s, median 12.1 s" */
void words_missed(const struct report *report, struct strbuf *out);
void words_delivery(const struct report_delivery *delivery, int said_offset, struct strbuf *out);
void words_recurrence(const struct report *report, struct strbuf *out);

struct show_table *words_tables(const struct report *report);
struct show_table *words_incidents(const struct report_incidents *list, int64_t now_ms);

#endif

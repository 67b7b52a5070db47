/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_VOCABULARY_H
#define PARSERS_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "event.h"
#include "record.h"

/*
 * What a message of the scheduler means: one table of patterns, each with the event that it stands for. Patterns are PCRE2 over bytes
 * (other than ASCII only as literal text), anchored at the message's beginning; "." takes any byte. Their named groups become the
 * event's fields:
 *
 *   table, text                      as they are
 *   rows, number                     number (digits, commas allowed)
 *   seconds, minutes                 duration_ms
 *   succeeded, failed, timed_out     as they are
 *   run                              the name of the run
 *   cycle, layer                     cycle: the name of the cycle or of the layer
 *   at                               at_ms: the earliest instant that the local time may mean and that is not past
 */

/* A message that is known and says nothing. In a patterns file: "ignore". */
enum { EVENT_IGNORED = EVENT_KINDS };

struct vocabulary_entry {
    int kind; /* enum event_kind, or EVENT_IGNORED */
    const char *pattern;
    const char *example;
};

/* The built-in table, all of it. */
const struct vocabulary_entry *vocabulary_builtin(size_t *count);

struct vocabulary;

struct vocabulary *vocabulary_new(void);
void vocabulary_free(struct vocabulary *vocabulary);

/* False, with why in *error, if the pattern cannot be used for this kind. Patterns are tried in the order added. */
bool vocabulary_add(struct vocabulary *vocabulary, int kind, const char *pattern, struct strbuf *error);
bool vocabulary_add_builtin(struct vocabulary *vocabulary, struct strbuf *error);

/* True if some pattern names runs, cycles or layers. */
bool vocabulary_has_names(const struct vocabulary *vocabulary);

enum vocabulary_answer {
    VOCABULARY_UNKNOWN,
    VOCABULARY_IGNORED,
    VOCABULARY_EVENT,
    VOCABULARY_LIMIT /* PCRE2 gave up at its limits, so the message may still have been an event */
};

/*
 * Fills the event's kind and the fields that the message tells; time, offset and line are left to the caller. Two numbers tell that
 * the message is silent by -1: the rows of a run_completed, and the duration of a cycle_completed, which usually has a line of its own.
 */
enum vocabulary_answer vocabulary_match(struct vocabulary *vocabulary, const struct record *record,
                                        struct event *event);

#endif

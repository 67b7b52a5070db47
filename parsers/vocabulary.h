/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_VOCABULARY_H
#define PARSERS_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "event.h"

/*
 * The vocabulary layer: what a message of the scheduler means. Patterns are PCRE2 over bytes (other than ASCII only as
 * literal text), anchored at the message's beginning; "." takes any byte. Their named groups become the event's fields:
 *
 *   table, text                      as they are
 *   rows, number                     number (digits, commas allowed)
 *   seconds, minutes                 duration_ms
 *   succeeded, failed, timed_out     as they are
 *   at                               a local time: left to the caller
 *
 * A cycle_completed that tells seconds is two facts on one line.
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

enum vocabulary_answer {
    VOCABULARY_UNKNOWN,
    VOCABULARY_IGNORED,
    VOCABULARY_EVENT,
    VOCABULARY_LIMIT /* given up at PCRE2's limits: not the same as unknown */
};

/* What a message says beside the event's own fields. */
struct vocabulary_extra {
    struct slice at; /* the promise's local time */
    bool has_duration;
};

/* Fills the event's kind and the fields that the message tells; time, offset and line are the caller's. */
enum vocabulary_answer vocabulary_match(struct vocabulary *vocabulary, struct slice message, struct event *event,
                                        struct vocabulary_extra *extra);

#endif

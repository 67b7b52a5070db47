/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_PATTERN_H
#define PARSERS_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/*
 * One regular expression with named groups, compiled once by PCRE2, with JIT where the machine allows it. It matches from the
 * beginning of a text.
 */
struct pattern;

enum { PATTERN_GROUPS_MAX = 16 };

/*
 * names: the groups that the expression may have, at most PATTERN_GROUPS_MAX; below, a group is its index in there. NULL, with why in
 * *error, if the expression cannot be used.
 */
struct pattern *pattern_new(const char *regex, const char *const *names, size_t name_count, struct strbuf *error);
/*
 * The same, but it matches anywhere in a text, and large and small letters are the same to it. most_steps: what a match may cost at each
 * place of the text, in PCRE2's steps. Most of such patterns are never matched with anything, so JIT code, which takes longest to make, is made
 * before the first match.
 */
struct pattern *pattern_new_search(const char *regex, uint32_t most_steps, const char *const *names, size_t name_count,
                                   struct strbuf *error);
void pattern_free(struct pattern *pattern);

bool pattern_has_group(const struct pattern *pattern, size_t group);

/* Whether a text that begins with this byte can match. Where that is not known it is true of every byte. */
bool pattern_may_begin_with(const struct pattern *pattern, unsigned char byte);

enum pattern_answer {
    PATTERN_NO,
    PATTERN_YES,
    PATTERN_LIMIT /* PCRE2 gave up at its limits, so the text may still match */
};

enum pattern_answer pattern_match(struct pattern *pattern, struct slice text);

/* The group's part of the text in the last match, which must have been with this text; .at is NULL if it took no part. */
struct slice pattern_group(const struct pattern *pattern, struct slice text, size_t group);

/* The groups that the expression has, index by index: which of the names it is, or -1 behind the last. */
int pattern_group_at(const struct pattern *pattern, size_t index);

#endif

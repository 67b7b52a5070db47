/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_PATTERN_H
#define PARSERS_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/* One anchored regular expression with named groups: PCRE2, compiled once, with JIT where the machine has it. */
struct pattern;

enum { PATTERN_GROUPS_MAX = 16 };

/* names: the groups that it may have, at most PATTERN_GROUPS_MAX. NULL, with why in *error, if it cannot be used. */
struct pattern *pattern_new(const char *regex, const char *const *names, size_t name_count, struct strbuf *error);
void pattern_free(struct pattern *pattern);

bool pattern_has_group(const struct pattern *pattern, size_t name);

/* Whether a text that begins with this byte can match; true for every byte if any can or an empty text can. */
bool pattern_may_begin_with(const struct pattern *pattern, unsigned char byte);

enum pattern_answer { PATTERN_NO, PATTERN_YES, PATTERN_LIMIT };

enum pattern_answer pattern_match(struct pattern *pattern, struct slice text);

/* Of the last match: the group's text; .at is NULL if it took no part. */
struct slice pattern_group(const struct pattern *pattern, struct slice text, size_t name);

/* The groups that the pattern has, one after the other: the index into its names, or -1 behind the last. */
int pattern_name(const struct pattern *pattern, size_t index);

#endif

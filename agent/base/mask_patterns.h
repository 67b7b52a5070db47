/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_MASK_PATTERNS_H
#define BASE_MASK_PATTERNS_H

#include "base/strbuf.h"

/*
 * What a secret in a text looks like. There are several patterns, each for one kind of secret; a text goes through them one after the
 * other. The time for a text grows in proportion to its length, whatever it holds: a pattern never goes back over what it has passed.
 */
struct mask_patterns;

/* The JIT compiler makes PCRE2 several times faster. Without it (also where the machine forbids it) the results are the same. */
enum mask_speed { MASK_JIT, MASK_INTERPRETED };

struct mask_patterns *mask_patterns_open(enum mask_speed speed);
void mask_patterns_close(struct mask_patterns *patterns);

size_t mask_patterns_count(void);

enum mask_found {
    MASK_NOTHING, /* there is no such secret in the text */
    MASK_FOUND,   /* the text without the secrets was appended to *out */
    MASK_GAVE_UP  /* PCRE2 reached one of its limits: nobody knows whether there is a secret */
};
enum mask_found mask_patterns_apply(struct mask_patterns *patterns, size_t index, struct slice text,
                                    struct strbuf *out);

#endif

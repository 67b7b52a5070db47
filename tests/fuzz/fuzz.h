/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

/*
 * What the harnesses share. Each is one function over any bytes, which ends the process when something does not hold. libFuzzer drives
 * it over inputs that it makes (`make fuzz`), replay.c over those in fixtures/fuzz (`make test`). What may outlive an
 * input (compiled patterns, an open file) is made once: most of a run's time would go there otherwise.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(holds) must_at((holds), #holds, __FILE__, __LINE__)

static inline void must_at(bool holds, const char *what, const char *file, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
        abort();
    }
}

/* Off the front of *text: up to the first mark, which is dropped; all of it if there is none. */
static inline struct slice cut_off(struct slice *text, const char *mark)
{
    const char *end = text->len > 0 ? memmem(text->at, text->len, mark, strlen(mark)) : NULL;
    struct slice front = { text->at, end ? (size_t)(end - text->at) : text->len };
    size_t used = end ? front.len + strlen(mark) : front.len;
    *text = (struct slice){ text->at + used, text->len - used };
    return front;
}

/* NULL, or a part of whole. */
static inline bool lies_within(struct slice part, struct slice whole)
{
    return !part.at ||
           (part.at >= whole.at && part.len <= whole.len && part.at - whole.at <= (ptrdiff_t)(whole.len - part.len));
}

#endif

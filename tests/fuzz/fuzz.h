/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

/*
 * What the harnesses share. Each harness is one function over any bytes, which ends the process when something does not hold. libFuzzer
 * drives it over inputs that it makes (`make fuzz`), replay.c over the ones in fixtures/fuzz (`make test`). What may outlive an
 * input (compiled patterns, an open file) is made once: most of a run's time would go there otherwise.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What one input of at most FUZZ_INPUT_MAX_BYTES may cost: processor time of this process, and heap above what was in use before. */
enum { FUZZ_INPUT_MAX_BYTES = 64 * 1024, FUZZ_CPU_MAX_US = 10000, FUZZ_HEAP_MAX_BYTES = 1024 * 1024 };

/*
 * Does the work and ends the process if it cost more than that. A harness passes only the part that the program itself does with such
 * an input; its own comparisons stay outside. Work that costs too much is done up to three times, and the least of the three counts,
 * since a busy machine adds to any single measurement: the work must be repeatable. Nothing is judged under a sanitizer or without
 * optimisation (cost.c), nor with FUZZ_COST=no in the environment, such as under an emulator.
 */
void fuzz_cost(void (*work)(struct slice input), struct slice input);

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

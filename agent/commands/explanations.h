/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_EXPLANATIONS_H
#define COMMANDS_EXPLANATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "incident.h"

/*
 * What `replay --explain` prints: every judgement of every rule as it is made, or, for a moment, the newest judgement of each rule and table
 * up to it, with the newest change of its incident.
 */
struct explanations {
    bool all;
    bool json;     /* one JSON object a line instead of text */
    int64_t at_ms; /* the moment that is asked about, if not all are; nothing is kept once that was printed */
    bool printed;
    struct explanation *kept; /* owned */
    size_t count;
    void (*before_line)(void *ctx); /* called before each line that is printed; NULL: nothing is */
    void *ctx;
};

/* Reads the option's argument, "all" or a time. False if it is neither. */
bool explanations_parse(struct explanations *explanations, const char *text);
/* Takes a judgement. ctx is a struct explanations; it fits struct engine_sink. */
void explanations_take(void *ctx, const struct judgement *judgement);
/* No judgement follows: prints what is left to be printed, and frees it. */
void explanations_end(struct explanations *explanations);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_EXPLAIN_H
#define CORE_EXPLAIN_H

#include <stdbool.h>

#include "kinds.h"
#include "moment.h"
#include "tables.h"

/*
 * The numbers that the rules compare, for people who argue with an incident or miss one (`agent replay --explain`). A rule hands over each
 * of its judgements, whether it found anything or not. As a rule nobody listens; then no text is made.
 */
struct explainer {
    const struct moment *moment;
    void *ctx;
    void (*explain)(void *ctx, const struct judgement *judgement); /* NULL: nobody listens */
};

/* True if somebody listens. A caller asks it before work that only the text needs. */
static inline bool explain_is_wanted(const struct explainer *explainer)
{
    return __builtin_expect(explainer->explain != NULL, 0);
}

/* Hands over a judgement of the rule for this kind of incident; table may be NULL. The text is made only if somebody listens. */
void explain(const struct explainer *explainer, enum incident_kind kind, const struct table *table,
             enum verdict verdict, const char *format, ...) __attribute__((cold, format(printf, 5, 6)));

#endif

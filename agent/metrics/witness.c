/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "metrics_private.h"

/* What the witnesses said last. One that was not asked yet has no sample. */

static bool is_expected(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

void metrics_expect_witnesses(struct metrics *metrics, const char *const *names, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < metrics->witness_count; i++)
        if (is_expected(names, count, metrics->witnesses[i].name))
            metrics->witnesses[kept++] = metrics->witnesses[i];
        else
            free(metrics->witnesses[i].name);
    metrics->witness_count = kept;
}

void metrics_note_witness(struct metrics *metrics, const char *name, bool is_well, bool is_silent)
{
    size_t i = 0;
    while (i < metrics->witness_count && strcmp(metrics->witnesses[i].name, name) != 0)
        i++;
    if (i == WITNESSES_MAX)
        return;
    if (i == metrics->witness_count) {
        metrics->witnesses = must_grow(metrics->witnesses, ++metrics->witness_count, sizeof *metrics->witnesses);
        metrics->witnesses[i].name = must_copy(name, strlen(name));
    }
    metrics->witnesses[i].is_well = is_well;
    metrics->witnesses[i].is_silent = is_silent;
}

void metrics_free_witnesses(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->witness_count; i++)
        free(metrics->witnesses[i].name);
    free(metrics->witnesses);
}

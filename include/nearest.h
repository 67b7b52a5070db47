/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/*
 * Finds the known name that is nearest to a mistyped one: the one with the fewest letters to insert, delete, replace or swap with a
 * neighbour. Begin with the mistyped name, try each known one, then read name.
 */
struct nearest {
    const char *wanted;
    const char *name; /* the nearest so far; NULL if none was tried */
    size_t distance;
};

void nearest_begin(struct nearest *nearest, const char *wanted);
void nearest_try(struct nearest *nearest, const char *known);

/* The best name, if it is near enough to be what was meant: one letter in three may differ. Else NULL. */
const char *nearest_found(const struct nearest *nearest);

#endif

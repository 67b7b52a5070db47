/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/* The known name nearest to a mistyped one, by edit distance (insert, delete, replace, swap two neighbours). */
struct nearest {
    const char *wanted;
    const char *name; /* the best so far, NULL if none was tried */
    size_t distance;
};

void nearest_begin(struct nearest *nearest, const char *wanted);
void nearest_try(struct nearest *nearest, const char *known);

#endif

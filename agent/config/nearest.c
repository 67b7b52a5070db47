/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nearest.h"

#include <stdint.h>
#include <string.h>

enum { NAME_MAX_LEN = 63 };

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance of the first NAME_MAX_LEN characters, computed with three rows of the matrix at a time. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_LEN + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    size_t a_len = min_size(strlen(a), NAME_MAX_LEN);
    size_t b_len = min_size(strlen(b), NAME_MAX_LEN);

    for (size_t j = 0; j <= b_len; j++)
        before[j] = last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = min_size(replace, 1 + min_size(last[j], row[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min_size(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_len];
}

void nearest_begin(struct nearest *nearest, const char *wanted)
{
    *nearest = (struct nearest){ .wanted = wanted, .distance = SIZE_MAX };
}

void nearest_try(struct nearest *nearest, const char *known)
{
    size_t distance = edit_distance(nearest->wanted, known);

    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->name = known;
    }
}

const char *nearest_found(const struct nearest *nearest)
{
    return nearest->name && nearest->distance <= (strlen(nearest->wanted) + 1) / 3 ? nearest->name : NULL;
}

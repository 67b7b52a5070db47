/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_HELD_H
#define PARSERS_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"

/*
 * Lines that are held until it is known whose they are (excerpt.h): at most the characters of one excerpt, in the order in which they
 * came. Each is kept as "offset line\n", so that it can be read again, also after a restart.
 */
struct held {
    struct strbuf lines;
};

void held_free(struct held *held);

/* False if the line holds a NUL, which the saved state could not. */
bool held_add(struct held *held, struct slice line, int64_t offset);
void held_clear(struct held *held);

/* Takes the next line off the front of *rest, which is at first all of held->lines. False behind the last one. */
bool held_next(struct slice *rest, struct slice *line, int64_t *offset);

void held_archive(struct held *held, struct archive *archive);

#endif

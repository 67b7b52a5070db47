/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_LINE_H
#define CORE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/*
 * The first line of a notification, put together from its parts so that it fits: what, where, since when, why. A phone shows some 40 to 80
 * characters of it, so the most telling part comes first.
 */

enum { LINE_ASIDES = 3 };

struct line {
    /*
     * What is wrong, with places for the other parts: {tables} (one by its name, several as "2 of 12 tables"), {s} (the "s" of a verb behind
     * one table), {still} ("still " in a reminder), {since} ("since 10:00 (35 min)"), {at} ("10:00"), {for} ("35 min") and {then}
     * (another moment) and {writer} ("scheduler"). A head without {tables} gets them before it, one without any time gets " {since}" behind it.
     */
    const char *head;
    const char *detail, *cause;      /* behind it, as they stand; NULL: none */
    const char *asides[LINE_ASIDES]; /* less telling, the most telling first; NULL: none */
    const char *short_aside; /* says the first of them shortly, where none has room; NULL: there is no shorter way */
    const char *note;        /* at the end; it is never left out, unless it is NULL */
    const char *short_note;  /* stands there instead where there is little room; NULL: the note is as short as can be */
    const char *writer;      /* what {writer} stands for */
    const char *table;       /* where count is 1 */
    size_t count, known;     /* tables that are meant, and all that are offloaded */
    bool is_still;
    const char *onset, *then; /* in words, as the clock on the wall shows them */
    const char *lasted;       /* since the onset, in words */
    bool shows_lasted;        /* behind {since} */
};

/*
 * Adds the line, in at most max_chars characters. Where it is too long, the asides are left out, then the detail if there is a cause; then
 * the note is shortened; brackets at the end of what says why are left out, and the duration where that is enough; then the short aside;
 * then what says why is cut, then the table's name.
 */
void line_write(const struct line *line, size_t max_chars, struct strbuf *out);

#endif

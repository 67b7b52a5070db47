/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_UNKNOWN_H
#define PARSERS_UNKNOWN_H

#include "base/strbuf.h"
#include "record.h"

/* The lines since one was understood, and the first of them: a log of which no line is understood must not look like a quiet one. */
struct unknown {
    int64_t lines;
    enum record_form form; /* of the first, likewise below */
    bool own, is_rule;
    struct strbuf first, logger; /* as they are in the log */
};

/* Whether the line at hand is the one to keep: the first, or the second if the first is a rule of equals signs, which says little. */
static inline bool unknown_is_wanted(const struct unknown *unknown)
{
    return unknown->lines == 1 || (unknown->lines == 2 && unknown->is_rule);
}

void unknown_keep(struct unknown *unknown, struct slice line, const struct record *record);
/* Adds the first line, why it is not understood, and what would be. */
void unknown_describe(const struct unknown *unknown, const struct record_format *format, struct strbuf *out);
void unknown_free(struct unknown *unknown);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FIRST_LINE_H
#define FIRST_LINE_H

#include <stdint.h>

#include "base/strbuf.h"
#include "base/time_words.h"

/*
 * Adds the first line of an incident that is open, as the history keeps it, in the words of now_ms: "... since 10:00, ..." becomes
 * "... since Mon 10:00 (1 d 2 h), ...". A line without "since" is added as it is. An incident's duration counts from its onset in every face.
 */
void first_line_as_of(const char *line, int64_t onset_ms, int64_t now_ms, clock_words *words_of, struct strbuf *out);

#endif

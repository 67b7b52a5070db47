/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DURATIONS_H
#define DURATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Reads "90", "90s", "1.5h" or "1h30m". The units are ms, s, m, h and d; a plain number is seconds. Returns false, with *ms untouched,
 * for anything else and for more than a century.
 */
bool duration_parse(const char *text, int64_t *ms);

/* Appends the shortest text that is read as the same duration: "5m", "1h30m", "100ms", "0s". */
void duration_text(int64_t ms, struct strbuf *out);

#endif

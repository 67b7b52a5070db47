/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DURATIONS_H
#define DURATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/* "90", "90s", "1.5h", "1h30m": ms, s, m, h, d; a plain number is seconds. False, *ms untouched, for anything else. */
bool duration_parse(const char *text, int64_t *ms);

/* The shortest text that parses to the same: "5m", "1h30m", "100ms", "0s". */
void duration_text(int64_t ms, struct strbuf *out);

#endif

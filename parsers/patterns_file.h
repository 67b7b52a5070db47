/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_PATTERNS_FILE_H
#define PARSERS_PATTERNS_FILE_H

#include <stdbool.h>

#include "pattern.h"
#include "record.h"
#include "vocabulary.h"

/* What a log looks like: its prefix and its vocabulary, the built-in ones or a patterns file's. */
struct patterns {
    struct pattern *prefix; /* NULL: Python logging's */
    char *logger;           /* whose records count */
    struct vocabulary *vocabulary;
};

/* path: NULL for the built-in ones. False, with "file:line: why" in *error, if it cannot be used. */
bool patterns_load(struct patterns *patterns, const char *path, struct strbuf *error);
void patterns_free(struct patterns *patterns);

/* As record_read, by the patterns file's prefix; one given up at PCRE2's limits is counted in *limit_hits. */
enum record_form patterns_record(const struct patterns *patterns, struct slice line, struct timestamp_reader *clock,
                                 struct record *record, int64_t *limit_hits);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_PATTERNS_FILE_H
#define PARSERS_PATTERNS_FILE_H

#include <stdbool.h>

#include "record.h"
#include "vocabulary.h"

/*
 * A patterns file replaces what the agent knows of a log: its prefix and its vocabulary. It is the one file that this room reads,
 * whole and before the first line. Its form is that of the configuration:
 *
 *   [record]
 *   pattern = (?<time>\S+ \S+) (?<level>\w+) (?<logger>\S+): (?<message>.*)
 *   logger = scheduler
 *   [events]
 *   run_failed = job (?<table>\w+) failed
 */
struct patterns {
    struct record_format format;
    struct vocabulary *vocabulary;
};

/* path: a patterns file, or NULL for what is built in. False, with "file:line: why" in *error, if it cannot be used. */
bool patterns_load(struct patterns *patterns, const char *path, struct strbuf *error);
void patterns_free(struct patterns *patterns);

#endif

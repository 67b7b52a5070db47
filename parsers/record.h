/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_RECORD_H
#define PARSERS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "timestamp.h"

/*
 * The record layer: Python logging's prefix, "TIME - LOGGER - LEVEL - message" or the short "TIME - message". A line
 * without it continues the record above.
 */
enum record_form {
    RECORD_NONE, /* a continuation line */
    RECORD_FULL,
    RECORD_SHORT,  /* logger and level are empty */
    RECORD_CUSTOM, /* read by a patterns file's prefix */
    RECORD_FORMS
};

struct record {
    enum record_form form;
    int64_t time_ms;
    struct slice logger;
    struct slice level;
    struct slice message;
};

/* Does not advance the clock: who reads decides whether the record's time is the log's own. */
enum record_form record_read(struct slice line, struct timestamp_reader *clock, struct record *record);

/* The line of equals signs around the scheduler's headings. */
bool record_is_rule(struct slice message);

#endif

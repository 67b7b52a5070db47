/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_RECORD_H
#define PARSERS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "pattern.h"
#include "timestamp.h"

/*
 * The first step of a line: its prefix. Python's logging writes "TIME - LOGGER - LEVEL - message", the documentation also shows the
 * short "TIME - message", and a patterns file may describe another prefix. A line without a prefix continues the record above it.
 */
enum record_form {
    RECORD_NONE, /* a continuation line */
    RECORD_FULL,
    RECORD_SHORT,  /* logger and level are empty */
    RECORD_CUSTOM, /* read by a patterns file's prefix */
    RECORD_FORMS
};

/* How the records of a log begin, and which of them are the scheduler's. */
struct record_format {
    struct pattern *prefix; /* of a patterns file, with the groups below; NULL for Python logging's prefix */
    char *logger;           /* the scheduler's logger */
    size_t logger_len;
};

/* The groups of a custom prefix, in the order in which record_read asks for them. */
enum record_group { RECORD_TIME, RECORD_LOGGER, RECORD_LEVEL, RECORD_MESSAGE, RECORD_GROUPS };

/* All slices point into the line. Without a form only gave_up is set. */
struct record {
    enum record_form form;
    bool gave_up; /* PCRE2 reached its limits in a custom prefix, so the line may still have been a record */
    bool dayless; /* it says at most a time of day: what the day is, others know (dayless.h) */
    bool own;     /* the scheduler's: its logger, or the short form, which names no logger */
    int64_t time_ms;
    struct slice logger;
    struct slice level;
    struct slice message;
};

/* The clock is read, not advanced: the caller decides whether the record's time is the log's own. */
void record_read(const struct record_format *format, struct slice line, struct timestamp_reader *clock,
                 struct record *record);

/* The line of 80 equals signs around the scheduler's headings. */
bool record_is_rule(const struct record *record);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_CYCLE_LOG_H
#define SERVE_CYCLE_LOG_H

#include "config.h"

/* What the scheduler's log, or a file that rotation made of it, still says of a time. */
struct cycle_log {
    struct strbuf lines; /* with their line breaks; what looks like a credential is masked */
    size_t count;        /* of the lines in it */
    size_t left_out;     /* lines of that time that had no place any more */
    int64_t begins_ms;   /* the oldest line that is still there; 0: there is none */
    bool stopped;        /* so much would have had to be read that it was not read to its end */
    struct strbuf why;   /* why the log itself cannot be read; "" where it can */
};

/* Reads the records that were written from from_ms to to_ms (INT64_MAX: all later ones). Free the result in any case. */
void cycle_log_read(struct cycle_log *log, const struct config *config, const char *path, int64_t from_ms,
                    int64_t to_ms);
void cycle_log_free(struct cycle_log *log);

#endif

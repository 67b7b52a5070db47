/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FIRST_DAY_H
#define FIRST_DAY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A log whose times have no date says when a line was written only together with the day of another line. The file's last write is one:
 * its last record is of that moment. So the days are counted backwards from there: the file is read once for its times alone, and the
 * first record's day is the one with which the last record comes nearest to the last write. Half a day is allowed between them, because the
 * log may be written in another zone than the one that is configured.
 *
 * A silence of a whole day or more between two lines is not seen in such times. Where an earlier line's time is known too, it shows as whole
 * days that are missing: they are taken to lie before the first line, since a pause of the host is the likeliest reason.
 */
struct first_day_question {
    const char *path;     /* of a file that is not packed and has no frames */
    const char *patterns; /* the patterns file, as of parser_open */
    int64_t from;         /* where the first line begins in it */
    int64_t last_ms;      /* the time of the record before that; 0: none is known */
};

struct first_day {
    bool needed;      /* the first record that has a time has no date */
    bool known;       /* begin_ms is an answer */
    int64_t begin_ms; /* for parser_begin_at */
    int lost_days;    /* that are missing between last_ms and the first line; 0: none, or last_ms is not known */
};

/* known is false where the file cannot be read, or is longer than DAYS_COUNTED_MAX_BYTES from there on. */
struct first_day first_day_find(const struct first_day_question *question);

#endif

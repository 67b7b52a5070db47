/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_TEXTS_H
#define PARSERS_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"
#include "base/budgets.h"
#include "event.h"
#include "record.h"

/*
 * Whose voice a line is, in a log whose lines say by name whose they are (identities.h). There a run, a cycle or a layer writes a record
 * that goes on over any number of further lines without a prefix: a failed job's stderr, or a traceback. Such a text can hold anything, also
 * lines that look like records. Records of others may stand between its lines, because several processes write into one log.
 *
 *   - A line without a prefix belongs to the text that began last.
 *   - The text ends with the next record of the same name. At the instant of the text that can only be what the name can say after a failure:
 *     that it is tried again, or that it ended badly. A success at that instant is a line of the text.
 *   - A record of another name is believed if its time is not before the text's. Python makes a record's time before it waits for its turn to
 *     write, so a name that is known already may be a little late. A job logs before it fails, so what it wrote is earlier.
 *   - At the instant of the text a name that is new can only begin. And while a run or a layer has not spoken again, its cycle neither ends nor
 *     goes on to another layer, and, if no other run is open, to another run either: where no other cycle is open, such a record is a line
 *     of the text.
 *   - When a record is a minute later, nothing of the text can follow, whether its name spoke again or not: it may have died.
 */
struct open_text {
    char *name;        /* who wrote it; owned, likewise below */
    char *table;       /* the run's table, of which it is evidence; NULL: it is no evidence */
    bool is_within;    /* it is a run or a layer, and so a part of a cycle */
    int64_t spoken_ms; /* the time of its record */
    int64_t room;      /* so many bytes may still be evidence */
};

struct texts {
    struct open_text open[TEXTS_OPEN_MAX]; /* in the order in which they began */
    size_t count;
};

static inline bool texts_any(const struct texts *texts)
{
    return texts->count > 0;
}

/* What is known of the names in the log. */
struct names_known {
    bool has_event; /* that of the event was known before */
    bool is_within; /* it is a run's or a layer's */
    size_t runs, cycles;
};

/* The event, which has a name, begins a text. table: of which the text is evidence, or nothing. */
void texts_begin(struct texts *texts, const struct event *event, struct slice table, int64_t spoken_ms,
                 const struct names_known *known);

/*
 * True if the record is the pipeline's own, and not a line of a text. event: what it says, NULL if that is no event. Texts that end with it are
 * closed.
 */
bool texts_believe(struct texts *texts, const struct record *record, const struct event *event,
                   const struct names_known *known);

/* Makes the event that a line of the newest text is: evidence at the failure's time. False if it is none. */
bool texts_evidence(struct texts *texts, struct slice line, struct event *event);

void texts_free(struct texts *texts);
void texts_archive(struct texts *texts, struct archive *archive);

#endif

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
 *   - What was found to be a line of one text is a line of any other one as well: an exception's traceback says its text once more.
 *   - Any record may go on over further lines. Of one that says nothing nobody knows who wrote it, and its text has no name.
 *   - When a record is a minute later, nothing of the text can follow, whether its name spoke again or not: it may have died.
 *   - Where lines have frames, a record whose time is later than its frame's is a line of the text.
 */
struct open_text {
    char *name;        /* who wrote it, "" if nobody knows; owned, likewise below */
    char *table;       /* the run's table; NULL: it is no run, or not known to be one */
    bool is_evidence;  /* of the table's failure */
    bool is_within;    /* it is a run or a layer, and so a part of a cycle */
    int64_t spoken_ms; /* the time of its record */
    int64_t room;      /* so many bytes may still be evidence */
};

enum { FOREIGN_LINES_KEPT = 16 };

struct texts {
    struct open_text open[TEXTS_OPEN_MAX]; /* in the order in which they began */
    size_t count;
    int64_t foreign[FOREIGN_LINES_KEPT]; /* a ring: hashes of lines that looked like records */
    size_t foreign_count;                /* of all of them */
};

static inline bool texts_any(const struct texts *texts)
{
    return texts->count > 0;
}

/* True if it is known who wrote the text that began last. */
static inline bool texts_have_name(const struct texts *texts)
{
    return texts->count > 0 && texts->open[texts->count - 1].name[0] != '\0';
}

/* What is known of the names in the log. */
struct names_known {
    bool has_event; /* that of the event was known before */
    bool is_within; /* it is a run's or a layer's */
    size_t runs, cycles;
};

/* The event, which has a name, begins a text. is_evidence: of its table's failure. */
void texts_begin(struct texts *texts, const struct event *event, bool is_evidence, int64_t spoken_ms,
                 const struct names_known *known);

/* A line without a prefix follows on a record that said nothing. */
void texts_begin_unnamed(struct texts *texts, int64_t spoken_ms);

/*
 * True if the record is the pipeline's own, and not a line of a text. event: what it says, NULL if that is no event. Texts that end with it are
 * closed.
 */
bool texts_believe(struct texts *texts, struct slice line, const struct record *record, const struct event *event,
                   const struct names_known *known);

/* Makes the event that a line of the newest text is: evidence at the failure's time. False if it is none. */
bool texts_evidence(struct texts *texts, struct slice line, struct event *event);

void texts_free(struct texts *texts);
void texts_archive(struct texts *texts, struct archive *archive);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_EXCERPT_H
#define PARSERS_EXCERPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "event.h"
#include "record.h"

/*
 * What belongs to a failure, by structure. The scheduler pastes the first 500 characters of a failed job's stderr into
 * its log, line breaks included. The job logs in the same format under the same logger name, and its stderr can hold
 * any text, so a line in there may look like a record of the scheduler, a forged "OFFLOAD CYCLE COMPLETED" even. Nothing
 * in an excerpt becomes an event. It is over, and the line at hand the scheduler's own again, when
 *
 *   a) the line does not fit into what remains of the 500 characters: the scheduler cannot have pasted it; or
 *   b) it is what the scheduler writes next: one of few messages, by its own clock. It goes on within
 *      milliseconds, seconds on a starved host, so the record's time lies from the failure's to a minute later. The
 *      job's clock is that of its container, a quarter of an hour off at least or, in the same zone, earlier than the
 *      failure: a job has logged before it failed; or
 *   c) it is the banner of a scheduler that died in that moment and was started again, at any later time.
 *
 * Lines of the job would have to forge the scheduler's clock in advance to get past b; they still could only say that
 * a run begins or that a stop was asked for.
 */
enum excerpt_state {
    EXCERPT_NONE,
    EXCERPT_FAILED,    /* after "Offload failed": the exit code and stderr that follow are that table's */
    EXCERPT_STDERR,    /* between "Stderr:" and the scheduler's next record */
    EXCERPT_EXCEPTION, /* after an exception: its text is logged once more */
    EXCERPT_STATES
};

struct excerpt {
    enum excerpt_state state;
    enum record_form form; /* of the failure's record: the scheduler does not change it in between */
    int64_t failed_ms;
    int64_t remaining;       /* characters that may still belong to the excerpt */
    char *table;             /* of the failure; NULL if the log begins behind it */
    uint64_t exception_hash; /* of its text, which may hold a password: it is to be known again, not kept */
    int64_t exception_len;
};

void excerpt_free(struct excerpt *excerpt);

/* "Offload failed", and the "Stderr:" that follows with its first line. */
void excerpt_fail(struct excerpt *excerpt, const struct record *record, struct slice table);
void excerpt_begin(struct excerpt *excerpt, const struct record *record, struct slice text);

/* What a record would say if it were the scheduler's own. */
enum excerpt_voice {
    VOICE_OTHER,
    VOICE_NEXT,   /* what follows a failure at once */
    VOICE_RESTART /* the start banner */
};

enum excerpt_voice excerpt_voice_of(enum event_kind kind);

/* Whether the line belongs to the excerpt; if not, the excerpt is over. */
bool excerpt_takes(struct excerpt *excerpt, struct slice line, const struct record *record, enum excerpt_voice voice);

/* Whether a record's time is one that the scheduler's own next record may have. */
bool excerpt_near(const struct excerpt *excerpt, const struct record *record);

/* "Offload cycle failed with exception", and whether a record is its repetition (asked once, of the next record). */
void excerpt_except(struct excerpt *excerpt, struct slice text);
bool excerpt_repeats(struct excerpt *excerpt, struct slice message);

/* Any other event: whatever was open is over. */
void excerpt_end(struct excerpt *excerpt);

void excerpt_archive(struct excerpt *excerpt, struct archive *archive);

#endif

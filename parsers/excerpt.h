/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_EXCERPT_H
#define PARSERS_EXCERPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "event.h"
#include "record.h"

/*
 * Whose voice a line is. The scheduler pastes the first 500 characters of a failed job's stderr into its log, line breaks included. The
 * job logs in the same format under the same logger name, and its stderr can hold any text, so a line in there may look like a record
 * of the scheduler, even like "OFFLOAD CYCLE COMPLETED". Nothing in an excerpt becomes an event but evidence of its failure. The
 * excerpt is over, and the line at hand is the scheduler's own again, when
 *
 *   a) the line does not fit into what remains of the 500 characters, so that the scheduler cannot have pasted it; or
 *   b) it is one of the few messages that the scheduler writes next, by its own clock. The scheduler goes on within milliseconds,
 *      within seconds on a starved host, and within minutes on a host that slept: the record's time lies from the failure's to five
 *      minutes later. The job's clock is that of its container, a quarter of an hour off at least, or in the same zone earlier than
 *      the failure, since a job logs before it fails; or
 *   c) it is the banner of a scheduler that died in that moment and was started again, at any later time.
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
    bool any_event_follows; /* another scheduler's vocabulary: what it writes next after a failure is not known */
    enum record_form form;  /* of the failure's record: the scheduler does not change it in between */
    int64_t failed_ms;
    int64_t remaining;       /* characters that may still belong to the excerpt */
    char *table;             /* of the failure; NULL if the log begins behind it */
    uint64_t exception_hash; /* the text may hold a password: it is recognised by its hash and not kept */
    int64_t exception_len;
};

void excerpt_free(struct excerpt *excerpt);

enum excerpt_voice {
    VOICE_SCHEDULER,
    VOICE_DOUBTED,  /* the scheduler's if it is what the scheduler says next, else the job's: ask excerpt_believes */
    VOICE_REPEATED, /* the scheduler's, and says once more what it has just said */
    VOICE_JOB,      /* a line of the excerpt */
    VOICE_NOTE      /* another logger's note of what the scheduler has just said: neither an event nor evidence */
};

/* Asked once of each line. record is the line's prefix, with the form RECORD_NONE if it has none. */
enum excerpt_voice excerpt_hear(struct excerpt *excerpt, struct slice line, const struct record *record);

/* Whether a doubted record is the scheduler's, which ends the excerpt. event is what it says, NULL if that is no event. */
bool excerpt_believes(struct excerpt *excerpt, const struct record *record, const struct event *event);

/*
 * Takes note of what the scheduler said, and gives the event its time and, if it is a part of a failure, the failure's table (valid
 * until the next call). False if the log begins behind the failure that the event is a part of: nobody knows whose it is.
 */
bool excerpt_follow(struct excerpt *excerpt, const struct record *record, struct event *event);

/* Makes the event that a line of the excerpt is: evidence at the failure's time. False if it is not known whose. */
bool excerpt_evidence(const struct excerpt *excerpt, struct slice line, struct event *event);

void excerpt_archive(struct excerpt *excerpt, struct archive *archive);

#endif

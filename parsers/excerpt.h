/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_EXCERPT_H
#define PARSERS_EXCERPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/archive.h"
#include "event.h"
#include "ran.h"
#include "record.h"
#include "vocabulary.h"

/*
 * Whose voice a line is. The scheduler writes foreign text into its log in two places:
 *
 *   - behind "Stderr:", the first 500 characters of a failed job's stderr, line breaks included;
 *   - behind an exception, its text, of any length, once more the same text, and a traceback that ends with the text again.
 *
 * The job logs in the scheduler's own format under the same logger name, and either text can hold anything, so a line in there may look
 * like a record of the scheduler, even like "OFFLOAD CYCLE COMPLETED". While foreign text may stand in the log, a line is doubted. It
 * is the scheduler's own only if all of this holds:
 *
 *   size      Text that no longer fits into the 500 characters is the scheduler's, whatever it is.
 *   clock     The scheduler goes on within milliseconds, within seconds on a starved host, and within minutes on a host that slept: a
 *             record's time lies from that of the last one to five minutes later, unless the scheduler waits or lets a job run in
 *             between. The job's clock is that of its container, a quarter of an hour off at least, or in the same zone earlier than
 *             the failure, since a job logs before it fails. A scheduler that died in that moment begins again with its start
 *             banner, at any later time.
 *   sequence  The record is what the scheduler can say right after what was last believed, or right after the failure; what it says
 *             about a run fits the run that is going on, and no table runs twice in a cycle (sequence.h).
 *   silence   The scheduler writes the failure and its excerpt at one instant, in one write of at most 2,000 bytes. What comes into the log
 *             after a tenth of a second of silence is not the excerpt's, whatever its stamp says. If the silence lasts a second, the
 *             lines that are held are the scheduler's too: had a job forged them, the scheduler would have gone on behind them. Only who
 *             sees the log grow knows this; in a replay only the end of the log is silence.
 *   the rest  The end of a run is believed with the next record that does not contradict it, and a block (the start banner, the end of
 *             a cycle, a stop, a crash) with the first of its lines that the 500 characters cannot hold, or with that second of
 *             silence. Until then they are held. The scheduler writes all these lines at one instant, so nothing comes late by that.
 *
 * A true record always fits, whatever was forged before it, since it may always follow on the failure itself. What a forger can still
 * do who writes in the scheduler's format, knows its clock and its tables:
 *
 *   - behind a failure: say that a run has begun, that a signal came or that the cycle died of an exception, with a false promise of
 *     the next run; say of a table that has not run yet in this cycle, and is not the next one, that its run ended. The true lines go
 *     on behind that, and the cycle's summary contradicts it.
 *   - inside an exception's text: whatever he likes, but only behind lines that end the doubt: the text's first line as a record of its
 *     own, then a promise and the start of a cycle (or a signal and a stop); a start banner and the start of a cycle; or that start
 *     alone, more than five minutes ahead of the clock;
 *   - in front of a silence: whatever the scheduler could have said at that instant, but only if it truly says nothing for a whole
 *     second after the failure, because it died or its host stood still.
 *
 * From a failure's stderr he cannot otherwise stop, crash or start the scheduler, end a cycle, or undo the failure of his own table
 * (tests/unit/parsers/test_forgery.c). That a table which failed runs again in its cycle is told by silence alone: a stamp can be forged,
 * and a forged second failure would make a page out of one. The scheduler itself runs a table once in a cycle.
 */
enum excerpt_doubt { DOUBT_NONE, DOUBT_STDERR, DOUBT_EXCEPTION, DOUBTS };

struct excerpt {
    enum excerpt_doubt doubt;
    bool any_event_follows;  /* another scheduler's vocabulary: its order is not known, its clock must be enough */
    enum record_form form;   /* of the record before the foreign text: the scheduler does not change it */
    int64_t origin_ms;       /* of that record, or of the failure */
    int64_t remaining;       /* characters that may still belong to stderr; 0 behind the first line that cannot */
    int64_t remaining_bytes; /* likewise: a character has at most four */
    int said; /* what was last believed in this doubt, held lines included: an event kind or SAID_EXCEPTION_AGAIN */
    int64_t said_ms;
    int64_t running;  /* the table of the last run that was believed to begin, as a hash */
    bool repeated;    /* since the doubt began, an exception's text was logged once more */
    bool cycle_began; /* since the doubt began */

    bool parts_follow; /* the exit code and stderr that follow are the failure's */
    char *table;       /* of the last failure; NULL if the log begins behind it */
    int64_t failed_ms;
    int64_t exception_hash; /* the text may hold a password: it is recognised by its hash and not kept */
    int64_t exception_len;

    struct ran ran; /* tables whose run in this cycle is over */
};

void excerpt_free(struct excerpt *excerpt);

enum excerpt_voice {
    VOICE_SCHEDULER,
    VOICE_DOUBTED,  /* ask excerpt_weigh, with what the vocabulary says */
    VOICE_HELD,     /* the scheduler's if what follows bears it out */
    VOICE_REPEATED, /* the scheduler's, and says once more what it has just said */
    VOICE_JOB,      /* a line of stderr */
    VOICE_NOBODY /* neither an event nor evidence: a rule, another logger's note of what was said, text of an exception */
};

/* What becomes of the lines that are held, before the line at hand. */
enum excerpt_fate { HELD_STAY, HELD_ARE_TRUE, HELD_ARE_FOREIGN };

struct excerpt_judgement {
    enum excerpt_voice voice;
    enum excerpt_fate held;
};

/* Asked once of each line. record is the line's prefix, with the form RECORD_NONE if it has none. any_held: some lines are held. */
struct excerpt_judgement excerpt_hear(struct excerpt *excerpt, struct slice line, const struct record *record,
                                      bool any_held);

/* Asked of a doubted record. answer and event are what the vocabulary says of it. */
struct excerpt_judgement excerpt_weigh(struct excerpt *excerpt, const struct record *record,
                                       enum vocabulary_answer answer, const struct event *event, bool any_held);

/*
 * Takes note of what the scheduler said, and gives the event its time and, if it is a part of a failure, the failure's table (valid
 * until the next call). False if the log begins behind the failure that the event is a part of: nobody knows whose it is.
 */
bool excerpt_follow(struct excerpt *excerpt, const struct record *record, struct event *event);

/* Makes the event that a line of stderr is: evidence at the failure's time. False if it is not known whose. */
bool excerpt_evidence(const struct excerpt *excerpt, struct slice line, struct event *event);

/* After how much silence of the log to call excerpt_take_silence; INT64_MAX: no foreign text can stand there. */
int64_t excerpt_silence_ms(const struct excerpt *excerpt);

/* The log was silent. HELD_ARE_TRUE: the held lines are the scheduler's, and excerpt_end must follow. */
enum excerpt_fate excerpt_take_silence(struct excerpt *excerpt, int64_t silent_ms);

/* The next line is the scheduler's. */
void excerpt_end(struct excerpt *excerpt);

void excerpt_archive(struct excerpt *excerpt, struct archive *archive);

#endif

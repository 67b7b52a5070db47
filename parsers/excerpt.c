/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "excerpt.h"

#include <stdlib.h>

#include "base/fnv.h"
#include "base/utf8.h"
#include "sequence.h"

enum { BEYOND = -1 }; /* of remaining characters: the line does not fit, or the excerpt is over */

/* Of the log: see excerpt.h, "silence". */
enum { SILENCE_MS = 100, LONG_SILENCE_MS = 1000 };

void excerpt_free(struct excerpt *excerpt)
{
    free(excerpt->table);
    excerpt->table = NULL;
}

/* --- What the doubt is measured by ----------------------------------------------------------------------------------- */

/* Whether the scheduler, which wrote something at from_ms, may have gone on with the record. */
static bool is_soon_after(int64_t from_ms, const struct record *record)
{
    return record->time_ms >= from_ms && record->time_ms - NEXT_RECORD_MAX_MS <= from_ms;
}

/*
 * Likewise after the failure. Where the failure itself is doubted, since it stands behind another short one, either of the two may be
 * the true one, and the scheduler may have gone on after either.
 */
static bool is_soon_after_failure(const struct excerpt *excerpt, const struct record *record)
{
    return is_soon_after(excerpt->origin_ms, record) || is_soon_after(excerpt->failed_ms, record);
}

static bool is_by_its_clock(const struct excerpt *excerpt, const struct record *record)
{
    return sequence_takes_time(excerpt->said) || is_soon_after(excerpt->said_ms, record);
}

static bool is_exception_again(const struct excerpt *excerpt, const struct record *record)
{
    struct slice message = record->message;
    bool in_exception = excerpt->doubt == DOUBT_EXCEPTION;
    if (!in_exception && excerpt->said != EVENT_CYCLE_EXCEPTION)
        return false;
    if (message.len > TEXT_MAX_BYTES)
        message.len = utf8_floor(message.at, TEXT_MAX_BYTES);
    return is_soon_after(in_exception ? excerpt->origin_ms : excerpt->said_ms, record) &&
           (int64_t)message.len == excerpt->exception_len &&
           (int64_t)fnv_add(FNV_EMPTY, message.at, message.len) == excerpt->exception_hash;
}

static bool is_about_the_run(const struct excerpt *excerpt, const struct event *event)
{
    if (event->kind == EVENT_RUN_STARTED)
        return !ran_has(&excerpt->ran, event->table);
    return !sequence_is_run_end(event->kind) || ran_hash(event->table) == excerpt->running;
}

/* --- The doubt and its end ------------------------------------------------------------------------------------------- */

static void doubt_begin(struct excerpt *excerpt, enum excerpt_doubt doubt, const struct record *record,
                        enum event_kind said)
{
    excerpt->doubt = doubt;
    excerpt->form = record->form;
    excerpt->origin_ms = doubt == DOUBT_STDERR ? excerpt->failed_ms : record->time_ms;
    excerpt->said = (int)said;
    excerpt->said_ms = record->time_ms;
    excerpt->repeated = excerpt->cycle_began = false;
}

/* What was noted in the doubt is dropped, so that the state is the same by whatever it ended. */
void excerpt_end(struct excerpt *excerpt)
{
    if (excerpt->cycle_began)
        excerpt->ran.count = 0;
    excerpt->doubt = DOUBT_NONE;
    excerpt->said = 0;
    excerpt->said_ms = excerpt->origin_ms = excerpt->running = excerpt->remaining = excerpt->remaining_bytes = 0;
    excerpt->repeated = excerpt->cycle_began = false;
}

static struct excerpt_judgement judge(enum excerpt_voice voice, enum excerpt_fate held)
{
    return (struct excerpt_judgement){ voice, held };
}

/* --- Whose voice a line is, by its size and its form ----------------------------------------------------------------- */

/* Counted low where in doubt (invalid UTF-8, a dropped carriage return), so that an excerpt does not end too early. */
static bool stderr_has_room(struct excerpt *excerpt, struct slice line)
{
    int64_t characters = 1 + (int64_t)utf8_count(line);
    int64_t bytes = 1 + (int64_t)line.len;
    bool fits = characters <= excerpt->remaining && bytes <= excerpt->remaining_bytes;
    excerpt->remaining = fits ? excerpt->remaining - characters : BEYOND;
    excerpt->remaining_bytes -= bytes;
    return fits;
}

/* Whether the line is too much for stderr, and stands behind an exception, whose text has no bound. */
static bool is_in_exception_beyond(const struct excerpt *excerpt)
{
    return excerpt->doubt == DOUBT_STDERR && excerpt->remaining == BEYOND &&
           (excerpt->said == EVENT_CYCLE_EXCEPTION || excerpt->said == SAID_EXCEPTION_AGAIN);
}

static void doubt_becomes_the_exceptions(struct excerpt *excerpt)
{
    excerpt->doubt = DOUBT_EXCEPTION;
    excerpt->origin_ms = excerpt->said_ms;
}

static struct excerpt_judgement stderr_hear(struct excerpt *excerpt, struct slice line, const struct record *record,
                                            bool any_held)
{
    bool fits = stderr_has_room(excerpt, line);
    bool crashed = any_held && excerpt->said == EVENT_SCHEDULER_CRASHED; /* then a traceback follows */
    bool in_exception = is_in_exception_beyond(excerpt);
    if (record->form != RECORD_NONE && record->form == excerpt->form && (fits || any_held || in_exception)) {
        if (record->own)
            return judge(VOICE_DOUBTED, HELD_STAY);
        if (is_soon_after_failure(excerpt, record) || is_soon_after(excerpt->said_ms, record))
            return judge(VOICE_NOBODY, HELD_STAY);
    }
    if (fits)
        return judge(VOICE_JOB, crashed ? HELD_STAY : HELD_ARE_FOREIGN);
    if (in_exception) {
        doubt_becomes_the_exceptions(excerpt);
        return judge(VOICE_NOBODY, HELD_ARE_FOREIGN);
    }
    excerpt_end(excerpt);
    return judge(VOICE_SCHEDULER, crashed ? HELD_ARE_TRUE : HELD_ARE_FOREIGN);
}

struct excerpt_judgement excerpt_hear(struct excerpt *excerpt, struct slice line, const struct record *record,
                                      bool any_held)
{
    if (excerpt->doubt == DOUBT_NONE)
        return judge(VOICE_SCHEDULER, HELD_STAY);
    if (excerpt->doubt == DOUBT_STDERR)
        return stderr_hear(excerpt, line, record, any_held);
    if (record->form == RECORD_NONE)
        return judge(VOICE_NOBODY, HELD_ARE_FOREIGN);
    return judge(record->own && record->form == excerpt->form ? VOICE_DOUBTED : VOICE_NOBODY, HELD_STAY);
}

/* --- Whose voice a record is, by its clock and what it says ---------------------------------------------------------- */

static struct excerpt_judgement weigh_by_clock_alone(struct excerpt *excerpt, const struct record *record,
                                                     const struct event *event)
{
    bool believed = record_is_rule(record) || event;
    if (!event || event->kind != EVENT_SCHEDULER_STARTED)
        believed = believed && (excerpt->doubt == DOUBT_EXCEPTION || excerpt->remaining == BEYOND ||
                                is_soon_after(excerpt->origin_ms, record));
    if (believed)
        excerpt_end(excerpt);
    return judge(believed ? VOICE_SCHEDULER : excerpt->doubt == DOUBT_STDERR ? VOICE_JOB : VOICE_NOBODY, HELD_STAY);
}

/* A rule of equals signs, or a message that is no event. */
static struct excerpt_judgement weigh_other(struct excerpt *excerpt, const struct record *record,
                                            enum vocabulary_answer answer, bool any_held)
{
    bool is_rule = record_is_rule(record);
    bool in_banner = excerpt->said == EVENT_SCHEDULER_STARTED || excerpt->said == EVENT_SCHEDULE ||
                     excerpt->said == EVENT_SCHEDULER_TABLES;
    if (any_held && in_banner && answer == VOCABULARY_IGNORED && !is_rule && excerpt->remaining == BEYOND) {
        excerpt_end(excerpt);
        return judge(VOICE_SCHEDULER, HELD_ARE_TRUE);
    }
    enum excerpt_fate fate = HELD_STAY;
    if (any_held && is_rule && excerpt->said == EVENT_RUN_FAILED)
        fate = HELD_ARE_FOREIGN;
    else if (any_held && is_rule && sequence_is_run_end((enum event_kind)excerpt->said))
        fate = record->time_ms < excerpt->said_ms ? HELD_ARE_FOREIGN : HELD_ARE_TRUE;
    bool by_clock = is_by_its_clock(excerpt, record) || is_soon_after_failure(excerpt, record);
    /* Of a rule nobody knows whose it is, and it is no evidence either way. */
    bool foreign = excerpt->doubt == DOUBT_STDERR && !is_rule && !(answer == VOCABULARY_IGNORED && by_clock);
    return judge(foreign ? VOICE_JOB : VOICE_NOBODY, fate);
}

/* What a believable event makes of the lines that are held. goes_on: it goes on from the last of them. */
static enum excerpt_fate fate_of_held(const struct excerpt *excerpt, const struct record *record,
                                      const struct event *event, bool goes_on)
{
    if (excerpt->said == EVENT_RUN_COMPLETED || excerpt->said == EVENT_RUN_TIMEOUT) {
        bool same_run = event->kind == EVENT_RUN_STARTED && ran_hash(event->table) == excerpt->running;
        return same_run || record->time_ms < excerpt->said_ms ? HELD_ARE_FOREIGN : HELD_ARE_TRUE;
    }
    if (!goes_on)
        return HELD_ARE_FOREIGN;
    if (excerpt->said == EVENT_RUN_FAILED)
        return HELD_ARE_TRUE;
    bool decides = excerpt->doubt == DOUBT_STDERR ? excerpt->remaining == BEYOND : event->kind == EVENT_CYCLE_STARTED;
    return decides ? HELD_ARE_TRUE : HELD_STAY;
}

/* Whether the scheduler can have said it, as far as doubt is concerned. *goes_on: it goes on from what was said. */
static bool is_believable(const struct excerpt *excerpt, const struct record *record, const struct event *event,
                          bool *goes_on)
{
    bool in_stderr = excerpt->doubt == DOUBT_STDERR;
    *goes_on = sequence_follows(excerpt->said, event->kind) && is_by_its_clock(excerpt, record);
    bool follows_failure = in_stderr && sequence_is_between_runs(event->kind) && is_soon_after_failure(excerpt, record);
    bool follows_exception = excerpt->repeated && sequence_follows(SAID_EXCEPTION_AGAIN, event->kind) &&
                             is_soon_after(excerpt->origin_ms, record);
    bool follows_death = event->kind == EVENT_SCHEDULER_STARTED && record->time_ms >= excerpt->origin_ms;
    /* The exception's repetition was lost, with a part of the file for example: the next cycle begins all the same. */
    bool follows_loss =
        !in_stderr && event->kind == EVENT_CYCLE_STARTED && record->time_ms - NEXT_RECORD_MAX_MS > excerpt->origin_ms;
    return (*goes_on || follows_failure || follows_exception || follows_death || follows_loss) &&
           is_about_the_run(excerpt, event);
}

/* What is said of a believable event while the doubt lasts. */
static enum excerpt_voice voice_of(const struct excerpt *excerpt, const struct event *event, bool goes_on,
                                   bool some_stay)
{
    if (excerpt->doubt == DOUBT_EXCEPTION)
        return event->kind == EVENT_SCHEDULE || event->kind == EVENT_SCHEDULER_TABLES ||
                       (event->kind == EVENT_SCHEDULER_STARTED && !goes_on)
                   ? VOICE_HELD
                   : VOICE_SCHEDULER;
    return some_stay || sequence_is_block(event->kind) || sequence_is_run_end(event->kind) ? VOICE_HELD
                                                                                           : VOICE_SCHEDULER;
}

static bool ends_doubt(const struct excerpt *excerpt, const struct event *event, enum excerpt_voice voice)
{
    if (excerpt->doubt == DOUBT_STDERR)
        return excerpt->remaining == BEYOND;
    return event->kind == EVENT_CYCLE_STARTED || event->kind == EVENT_SCHEDULER_STOPPED ||
           event->kind == EVENT_SCHEDULER_CRASHED ||
           (event->kind == EVENT_SCHEDULER_STARTED && voice == VOICE_SCHEDULER);
}

static struct excerpt_judgement weigh_event(struct excerpt *excerpt, const struct record *record,
                                            const struct event *event, bool any_held)
{
    bool goes_on;
    if (!is_believable(excerpt, record, event, &goes_on)) {
        bool beyond = excerpt->doubt == DOUBT_STDERR && excerpt->remaining == BEYOND;
        if (beyond)
            excerpt_end(excerpt);
        return judge(beyond                           ? VOICE_SCHEDULER
                     : excerpt->doubt == DOUBT_STDERR ? VOICE_JOB
                                                      : VOICE_NOBODY,
                     HELD_ARE_FOREIGN);
    }
    enum excerpt_fate fate = any_held ? fate_of_held(excerpt, record, event, goes_on) : HELD_STAY;
    enum excerpt_voice voice = voice_of(excerpt, event, goes_on, any_held && fate == HELD_STAY);
    excerpt->said = (int)event->kind;
    excerpt->said_ms = record->time_ms;
    excerpt->cycle_began = excerpt->cycle_began || event->kind == EVENT_CYCLE_STARTED;
    if (event->kind == EVENT_RUN_STARTED)
        excerpt->running = ran_hash(event->table);
    if (ends_doubt(excerpt, event, voice)) {
        excerpt_end(excerpt);
        voice = VOICE_SCHEDULER;
    }
    return judge(voice, fate);
}

struct excerpt_judgement excerpt_weigh(struct excerpt *excerpt, const struct record *record,
                                       enum vocabulary_answer answer, const struct event *event, bool any_held)
{
    bool is_event = answer == VOCABULARY_EVENT && !record_is_rule(record);
    if (is_exception_again(excerpt, record)) {
        excerpt->said = SAID_EXCEPTION_AGAIN;
        excerpt->said_ms = record->time_ms;
        excerpt->repeated = true;
        return judge(VOICE_REPEATED, HELD_ARE_FOREIGN);
    }
    if (excerpt->any_event_follows)
        return weigh_by_clock_alone(excerpt, record, is_event ? event : NULL);
    /* Behind a forged exception a true record follows, which the scheduler says after the failure. Anything else is a true one's text. */
    bool follows_failure = is_event && sequence_is_between_runs(event->kind) && is_soon_after_failure(excerpt, record);
    if (is_in_exception_beyond(excerpt) && !follows_failure && !record_is_rule(record))
        doubt_becomes_the_exceptions(excerpt);
    if (is_event)
        return weigh_event(excerpt, record, event, any_held);
    return weigh_other(excerpt, record, answer, any_held);
}

/* --- What silence says ----------------------------------------------------------------------------------------------- */

int64_t excerpt_silence_ms(const struct excerpt *excerpt)
{
    if (excerpt->doubt == DOUBT_NONE)
        return INT64_MAX;
    return excerpt->doubt == DOUBT_STDERR && excerpt->remaining != BEYOND ? SILENCE_MS : LONG_SILENCE_MS;
}

enum excerpt_fate excerpt_take_silence(struct excerpt *excerpt, int64_t silent_ms)
{
    if (excerpt->doubt == DOUBT_NONE || silent_ms < SILENCE_MS)
        return HELD_STAY;
    if (excerpt->doubt == DOUBT_STDERR)
        excerpt->remaining = BEYOND;
    return silent_ms >= LONG_SILENCE_MS ? HELD_ARE_TRUE : HELD_STAY;
}

/* --- What the scheduler said ----------------------------------------------------------------------------------------- */

static void failure_begin(struct excerpt *excerpt, const struct record *record, struct slice table)
{
    excerpt_free(excerpt);
    excerpt->table = table.at ? must_copy(table.at, table.len) : NULL;
    excerpt->failed_ms = record->time_ms;
}

static void stderr_begin(struct excerpt *excerpt, const struct record *record, struct slice text)
{
    if (excerpt->doubt == DOUBT_NONE)
        doubt_begin(excerpt, DOUBT_STDERR, record, EVENT_RUN_STDERR);
    excerpt->remaining = STDERR_CHARACTERS - (int64_t)utf8_count(text);
    excerpt->remaining_bytes = STDERR_MAX_BYTES - (int64_t)text.len;
}

/* Behind a failure the doubt that there is goes on: the exception may be a forged one. */
static void exception_begin(struct excerpt *excerpt, const struct record *record, struct slice text)
{
    excerpt->exception_hash = (int64_t)fnv_add(FNV_EMPTY, text.at, text.len);
    excerpt->exception_len = (int64_t)text.len;
    if (excerpt->doubt == DOUBT_NONE)
        doubt_begin(excerpt, DOUBT_EXCEPTION, record, EVENT_CYCLE_EXCEPTION);
}

bool excerpt_follow(struct excerpt *excerpt, const struct record *record, struct event *event)
{
    bool is_part = excerpt->parts_follow;
    excerpt->parts_follow = false;
    event->time_ms = record->time_ms;
    switch (event->kind) {
    case EVENT_RUN_FAILED:
        failure_begin(excerpt, record, event->table);
        ran_add(&excerpt->ran, event->table);
        excerpt->parts_follow = true;
        return true;
    case EVENT_RUN_EXIT_CODE:
        event->table = is_part ? slice_of(excerpt->table) : event->table;
        excerpt->parts_follow = is_part;
        return is_part;
    case EVENT_RUN_STDERR:
        if (!is_part)
            failure_begin(excerpt, record, (struct slice){ NULL, 0 });
        stderr_begin(excerpt, record, event->text);
        return excerpt_evidence(excerpt, event->text, event);
    case EVENT_RUN_COMPLETED:
    case EVENT_RUN_TIMEOUT: ran_add(&excerpt->ran, event->table); return true;
    case EVENT_CYCLE_EXCEPTION: exception_begin(excerpt, record, event->text); return true;
    case EVENT_CYCLE_STARTED:
    case EVENT_SCHEDULER_STARTED:
        if (excerpt->doubt == DOUBT_NONE)
            excerpt->ran.count = 0;
        return true;
    default: return true;
    }
}

bool excerpt_evidence(const struct excerpt *excerpt, struct slice line, struct event *event)
{
    if (!excerpt->table)
        return false;
    *event = (struct event){
        .kind = EVENT_RUN_STDERR, .time_ms = excerpt->failed_ms, .table = slice_of(excerpt->table), .text = line
    };
    return true;
}

void excerpt_archive(struct excerpt *excerpt, struct archive *archive)
{
    int doubt = (int)excerpt->doubt;
    int form = (int)excerpt->form;
    archive_enum(archive, "doubt", &doubt, DOUBTS);
    archive_enum(archive, "form", &form, RECORD_FORMS);
    archive_enum(archive, "said", &excerpt->said, SAID_KINDS);
    archive_i64(archive, "said_ms", &excerpt->said_ms);
    archive_i64(archive, "origin_ms", &excerpt->origin_ms);
    archive_i64(archive, "failed_ms", &excerpt->failed_ms);
    archive_i64(archive, "remaining", &excerpt->remaining);
    archive_i64(archive, "remaining_bytes", &excerpt->remaining_bytes);
    archive_bool(archive, "parts_follow", &excerpt->parts_follow);
    archive_bool(archive, "repeated", &excerpt->repeated);
    archive_bool(archive, "cycle_began", &excerpt->cycle_began);
    archive_text(archive, "table", &excerpt->table);
    archive_i64(archive, "running", &excerpt->running);
    archive_i64(archive, "exception_hash", &excerpt->exception_hash);
    archive_i64(archive, "exception_len", &excerpt->exception_len);
    ran_archive(&excerpt->ran, archive);
    if (archive_loading(archive)) {
        excerpt->doubt = (enum excerpt_doubt)doubt;
        excerpt->form = (enum record_form)form;
        excerpt->remaining = excerpt->remaining < STDERR_CHARACTERS ? excerpt->remaining : STDERR_CHARACTERS;
        excerpt->parts_follow = excerpt->parts_follow && excerpt->table;
    }
}

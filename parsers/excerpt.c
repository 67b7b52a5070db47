/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "excerpt.h"

#include <stdlib.h>

#include "base/budgets.h"
#include "base/fnv.h"
#include "base/utf8.h"

void excerpt_free(struct excerpt *excerpt)
{
    free(excerpt->table);
    excerpt->table = NULL;
}

/* Whether a record's time is one that the scheduler's own next record may have. */
static bool excerpt_is_near(const struct excerpt *excerpt, const struct record *record)
{
    return record->form == excerpt->form && record->time_ms >= excerpt->failed_ms &&
           record->time_ms - NEXT_RECORD_MAX_MS <= excerpt->failed_ms;
}

static bool is_exception_again(const struct excerpt *excerpt, struct slice message)
{
    if (message.len > TEXT_MAX_BYTES)
        message.len = utf8_floor(message.at, TEXT_MAX_BYTES);
    return (int64_t)message.len == excerpt->exception_len &&
           fnv_add(FNV_EMPTY, message.at, message.len) == excerpt->exception_hash;
}

static enum excerpt_voice stderr_hear(struct excerpt *excerpt, struct slice line, const struct record *record)
{
    /* Counted low where in doubt (invalid UTF-8, a dropped carriage return), so that an excerpt does not end too early. */
    int64_t characters = 1 + (int64_t)utf8_count(line);
    if (characters > excerpt->remaining) {
        excerpt->state = EXCERPT_NONE;
        return VOICE_SCHEDULER;
    }
    excerpt->remaining -= characters;
    if (record->form == RECORD_NONE)
        return VOICE_JOB;
    if (record->own)
        return record->form == excerpt->form && record->time_ms >= excerpt->failed_ms ? VOICE_DOUBTED : VOICE_JOB;
    return excerpt_is_near(excerpt, record) ? VOICE_NOTE : VOICE_JOB;
}

enum excerpt_voice excerpt_hear(struct excerpt *excerpt, struct slice line, const struct record *record)
{
    if (excerpt->state == EXCERPT_STDERR)
        return stderr_hear(excerpt, line, record);
    if (excerpt->state == EXCERPT_EXCEPTION && record->own && !record_is_rule(record)) {
        excerpt->state = EXCERPT_NONE;
        return is_exception_again(excerpt, record->message) ? VOICE_REPEATED : VOICE_SCHEDULER;
    }
    return VOICE_SCHEDULER;
}

bool excerpt_believes(struct excerpt *excerpt, const struct record *record, const struct event *event)
{
    bool is_next = record_is_rule(record);
    bool is_start = false;
    if (event) {
        is_start = event->kind == EVENT_SCHEDULER_STARTED;
        is_next = excerpt->any_event_follows || event->kind == EVENT_RUN_STARTED ||
                  event->kind == EVENT_SHUTDOWN_REQUESTED || event->kind == EVENT_SIGNAL_RECEIVED ||
                  event->kind == EVENT_CYCLE_EXCEPTION;
    }
    bool believed = is_start || (is_next && excerpt_is_near(excerpt, record));
    if (believed)
        excerpt->state = EXCERPT_NONE;
    return believed;
}

static void stderr_begin(struct excerpt *excerpt, const struct record *record, struct slice text)
{
    if (excerpt->state != EXCERPT_FAILED) {
        excerpt_free(excerpt);
        excerpt->form = record->form;
        excerpt->failed_ms = record->time_ms;
    }
    excerpt->state = EXCERPT_STDERR;
    excerpt->remaining = STDERR_CHARACTERS - (int64_t)utf8_count(text);
}

bool excerpt_follow(struct excerpt *excerpt, const struct record *record, struct event *event)
{
    event->time_ms = record->time_ms;
    switch (event->kind) {
    case EVENT_RUN_FAILED:
        excerpt_free(excerpt);
        excerpt->state = EXCERPT_FAILED;
        excerpt->form = record->form;
        excerpt->failed_ms = record->time_ms;
        excerpt->table = must_copy(event->table.at, event->table.len);
        return true;
    case EVENT_RUN_EXIT_CODE:
        event->table = excerpt->state == EXCERPT_FAILED ? slice_of(excerpt->table) : event->table;
        return excerpt->state == EXCERPT_FAILED;
    case EVENT_RUN_STDERR:
        stderr_begin(excerpt, record, event->text);
        return excerpt_evidence(excerpt, event->text, event);
    case EVENT_CYCLE_EXCEPTION:
        excerpt->state = EXCERPT_EXCEPTION;
        excerpt->exception_hash = fnv_add(FNV_EMPTY, event->text.at, event->text.len);
        excerpt->exception_len = (int64_t)event->text.len;
        return true;
    default: excerpt->state = EXCERPT_NONE; return true;
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
    int state = (int)excerpt->state;
    int form = (int)excerpt->form;
    archive_enum(archive, "state", &state, EXCERPT_STATES);
    archive_enum(archive, "form", &form, RECORD_FORMS);
    archive_i64(archive, "failed_ms", &excerpt->failed_ms);
    archive_i64(archive, "remaining", &excerpt->remaining);
    archive_text(archive, "table", &excerpt->table);
    int64_t hash = (int64_t)excerpt->exception_hash;
    archive_i64(archive, "exception_hash", &hash);
    archive_i64(archive, "exception_len", &excerpt->exception_len);
    excerpt->exception_hash = (uint64_t)hash;
    if (archive_loading(archive)) {
        bool whole = state != EXCERPT_FAILED || excerpt->table;
        excerpt->state = whole ? (enum excerpt_state)state : EXCERPT_NONE;
        excerpt->remaining = excerpt->remaining < STDERR_CHARACTERS ? excerpt->remaining : STDERR_CHARACTERS;
        excerpt->form = (enum record_form)form;
    }
}

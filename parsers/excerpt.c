/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "excerpt.h"

#include <stdlib.h>

#include "base/fnv.h"
#include "base/utf8.h"

/* The scheduler's own: stderr[:500]. How soon it goes on is measured in milliseconds; a minute is for a starved host. */
enum { EXCERPT_CHARACTERS = 500, NEXT_RECORD_MAX_MS = 60000 };

void excerpt_end(struct excerpt *excerpt)
{
    excerpt->state = EXCERPT_NONE;
}

void excerpt_free(struct excerpt *excerpt)
{
    free(excerpt->table);
    *excerpt = (struct excerpt){ 0 };
}

void excerpt_fail(struct excerpt *excerpt, const struct record *record, struct slice table)
{
    excerpt->state = EXCERPT_FAILED;
    excerpt->form = record->form;
    excerpt->failed_ms = record->time_ms;
    free(excerpt->table);
    excerpt->table = must_copy(table.at, table.len);
}

void excerpt_begin(struct excerpt *excerpt, const struct record *record, struct slice text)
{
    if (excerpt->state != EXCERPT_FAILED) {
        free(excerpt->table);
        excerpt->table = NULL;
        excerpt->form = record->form;
        excerpt->failed_ms = record->time_ms;
    }
    excerpt->state = EXCERPT_STDERR;
    excerpt->remaining = EXCERPT_CHARACTERS - (int64_t)utf8_count(text);
}

enum excerpt_voice excerpt_voice_of(enum event_kind kind)
{
    switch (kind) {
    case EVENT_RUN_STARTED:
    case EVENT_SHUTDOWN_REQUESTED:
    case EVENT_SIGNAL_RECEIVED: return VOICE_NEXT;
    case EVENT_SCHEDULER_STARTED: return VOICE_RESTART;
    default: return VOICE_OTHER;
    }
}

bool excerpt_near(const struct excerpt *excerpt, const struct record *record)
{
    return record->form == excerpt->form && record->time_ms >= excerpt->failed_ms &&
           record->time_ms - NEXT_RECORD_MAX_MS <= excerpt->failed_ms;
}

bool excerpt_takes(struct excerpt *excerpt, struct slice line, const struct record *record, enum excerpt_voice voice)
{
    /* Counted low where in doubt (invalid UTF-8, a dropped carriage return): an excerpt must not end too early. */
    int64_t characters = 1 + (int64_t)utf8_count(line);
    bool fits = characters <= excerpt->remaining;
    bool next = voice == VOICE_NEXT && excerpt_near(excerpt, record);
    bool restart = voice == VOICE_RESTART && record->form == excerpt->form && record->time_ms >= excerpt->failed_ms;
    if (!fits || next || restart) {
        excerpt_end(excerpt);
        return false;
    }
    excerpt->remaining -= characters;
    return true;
}

static uint64_t hash_of(struct slice text)
{
    return fnv_add(FNV_EMPTY, text.at, text.len);
}

void excerpt_except(struct excerpt *excerpt, struct slice text)
{
    excerpt->state = EXCERPT_EXCEPTION;
    excerpt->exception_hash = hash_of(text);
    excerpt->exception_len = (int64_t)text.len;
}

bool excerpt_repeats(struct excerpt *excerpt, struct slice message)
{
    if (excerpt->state != EXCERPT_EXCEPTION)
        return false;
    excerpt_end(excerpt);
    return (int64_t)message.len == excerpt->exception_len && hash_of(message) == excerpt->exception_hash;
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
        excerpt->remaining = excerpt->remaining < EXCERPT_CHARACTERS ? excerpt->remaining : EXCERPT_CHARACTERS;
        excerpt->form = (enum record_form)form;
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "texts.h"

#include <stdlib.h>

#include "base/fnv.h"

/*
 * LATE_MS: how late a known name's record may be written. AT_ONCE_MS: what is later than that is not written at the instant of the text.
 * OVER_MS: by then a text is over.
 */
enum { LATE_MS = 2000, NEW_LATE_MS = 50, AT_ONCE_MS = 1000, OVER_MS = 60 * 1000 };

static void text_close(struct texts *texts, size_t place)
{
    free(texts->open[place].name);
    free(texts->open[place].table);
    memmove(&texts->open[place], &texts->open[place + 1], (texts->count - place - 1) * sizeof texts->open[0]);
    texts->count--;
}

static struct slice name_of(const struct event *event)
{
    return event->run.len > 0 ? event->run : event->cycle;
}

/* Two runs of one name are told apart by their tables. */
static bool is_own_text(const struct open_text *text, const struct event *event)
{
    return slice_equals(name_of(event), text->name) &&
           (!text->table || !event->table.at || slice_equals(event->table, text->table));
}

/* The place of the text that the event's name wrote; texts->count: there is none. */
static size_t text_of(const struct texts *texts, const struct event *event)
{
    size_t place = 0;
    while (place < texts->count && !is_own_text(&texts->open[place], event))
        place++;
    return place;
}

void texts_begin(struct texts *texts, const struct event *event, bool is_evidence, int64_t spoken_ms,
                 const struct names_known *known)
{
    size_t place = text_of(texts, event);
    if (place < texts->count || texts->count == TEXTS_OPEN_MAX)
        text_close(texts, place < texts->count ? place : 0);
    struct slice name = name_of(event);
    texts->open[texts->count++] = (struct open_text){
        .name = must_copy(name.at, name.len),
        .table = event->table.at ? must_copy(event->table.at, event->table.len) : NULL,
        .is_evidence = is_evidence,
        .is_within = known->is_within,
        .spoken_ms = spoken_ms,
        .room = FOREIGN_TEXT_MAX_BYTES,
    };
}

void texts_begin_unnamed(struct texts *texts, int64_t spoken_ms)
{
    texts->open[texts->count++] = (struct open_text){ .name = must_copy("", 0), .spoken_ms = spoken_ms };
}

/* What can be said behind a failure, and at its instant. */
static bool may_follow_failure(const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_EXIT_CODE:
    case EVENT_RUN_STDERR:
    case EVENT_RUN_RETRY:
    case EVENT_RUN_FAILED:
    case EVENT_RUN_TIMEOUT:
    case EVENT_RUN_CRASHED:
    case EVENT_LAYER_RETRY:
    case EVENT_CYCLE_CRASHED:
    case EVENT_TEXT_FOLLOWS: return true;
    case EVENT_RUN_ENDED:
    case EVENT_LAYER_COMPLETED:
    case EVENT_CYCLE_COMPLETED: return event->text.len > 0;
    default: return false;
    }
}

/* The texts that this instant ends. */
static void close_old(struct texts *texts, int64_t now_ms)
{
    for (size_t i = texts->count; i > 0; i--)
        if (now_ms - OVER_MS >= texts->open[i - 1].spoken_ms)
            text_close(texts, i - 1);
}

/* Whether another name can say this between the lines of a text, if it is at the text's instant. */
static bool may_be_between(const struct open_text *text, const struct event *event, const struct names_known *known)
{
    bool is_only_cycle = text->is_within && known->cycles == 1;
    switch (event->kind) {
    case EVENT_CYCLE_STARTED:
    case EVENT_TEXT_FOLLOWS: return true;
    case EVENT_RUN_STARTED: return known->cycles > 0 && (!is_only_cycle || known->runs > 1);
    case EVENT_LAYER_STARTED: return known->cycles > 0 && !is_only_cycle;
    case EVENT_CYCLE_COMPLETED:
    case EVENT_LAYER_COMPLETED:
    case EVENT_LAYER_RETRY: return known->has_event && !is_only_cycle;
    default: return known->has_event;
    }
}

/* Whether the record can be one that another name wrote, and no line of the text that began last. */
static bool is_another(const struct texts *texts, const struct record *record, const struct event *event,
                       const struct names_known *known)
{
    const struct open_text *text = &texts->open[texts->count - 1];
    int64_t since_ms = record->time_ms - text->spoken_ms;
    if (since_ms < -(known->has_event || !event ? LATE_MS : NEW_LATE_MS))
        return false;
    return !event || since_ms >= AT_ONCE_MS || may_be_between(text, event, known);
}

static bool was_foreign(const struct texts *texts, int64_t hash)
{
    for (size_t i = 0; i < texts->foreign_count && i < FOREIGN_LINES_KEPT; i++)
        if (texts->foreign[i] == hash)
            return true;
    return false;
}

/* Whether the record can follow on the text that the same name wrote, which is closed then. */
static bool may_follow_own(struct texts *texts, size_t own, const struct record *record, const struct event *event)
{
    int64_t since_ms = record->time_ms - texts->open[own].spoken_ms;
    if (since_ms < 0 || (since_ms < AT_ONCE_MS && !may_follow_failure(event)))
        return false;
    text_close(texts, own);
    return true;
}

bool texts_believe(struct texts *texts, struct slice line, const struct record *record, const struct event *event,
                   const struct names_known *known)
{
    int64_t hash = (int64_t)fnv_add(FNV_EMPTY, line.at, line.len);
    size_t own = event ? text_of(texts, event) : texts->count;
    bool believed = event && was_foreign(texts, hash) ? false
                    : own < texts->count              ? may_follow_own(texts, own, record, event)
                                                      : is_another(texts, record, event, known);
    if (believed)
        close_old(texts, record->time_ms);
    else if (event)
        texts->foreign[texts->foreign_count++ % FOREIGN_LINES_KEPT] = hash;
    return believed;
}

bool texts_evidence(struct texts *texts, struct slice line, struct event *event)
{
    struct open_text *text = &texts->open[texts->count - 1];
    if (!text->table || !text->is_evidence || text->room <= 0)
        return false;
    text->room -= 1 + (int64_t)line.len;
    *event = (struct event){ .kind = EVENT_RUN_STDERR,
                             .time_ms = text->spoken_ms,
                             .run = slice_of(text->name),
                             .table = slice_of(text->table),
                             .text = line };
    return true;
}

void texts_free(struct texts *texts)
{
    while (texts->count > 0)
        text_close(texts, texts->count - 1);
}

static void text_archive(struct open_text *text, struct archive *archive)
{
    archive_text(archive, "text.name", &text->name);
    archive_text(archive, "text.table", &text->table);
    archive_bool(archive, "text.is_evidence", &text->is_evidence);
    archive_bool(archive, "text.is_within", &text->is_within);
    archive_i64(archive, "text.spoken_ms", &text->spoken_ms);
    archive_i64(archive, "text.room", &text->room);
    if (text->room > FOREIGN_TEXT_MAX_BYTES)
        text->room = FOREIGN_TEXT_MAX_BYTES;
}

void texts_archive(struct texts *texts, struct archive *archive)
{
    int64_t count = (int64_t)texts->count;
    if (archive_loading(archive))
        texts_free(texts);
    int64_t seen = (int64_t)texts->foreign_count;
    size_t kept = texts->foreign_count < FOREIGN_LINES_KEPT ? texts->foreign_count : FOREIGN_LINES_KEPT;
    archive_i64(archive, "text.foreign_seen", &seen);
    archive_i64s(archive, "text.foreign", texts->foreign, &kept, FOREIGN_LINES_KEPT);
    if (archive_loading(archive))
        texts->foreign_count = kept == FOREIGN_LINES_KEPT && seen > FOREIGN_LINES_KEPT ? (size_t)seen : kept;
    archive_i64(archive, "texts", &count);
    bool is_brief = archive_set_brief(archive, false);
    for (int64_t i = 0; i < count && i < TEXTS_OPEN_MAX; i++) {
        struct open_text *text = &texts->open[archive_loading(archive) ? (int64_t)texts->count : i];
        if (archive_loading(archive))
            *text = (struct open_text){ 0 };
        text_archive(text, archive);
        if (archive_loading(archive) && text->name)
            texts->count++;
        else if (archive_loading(archive))
            free(text->table);
    }
    archive_set_brief(archive, is_brief);
}

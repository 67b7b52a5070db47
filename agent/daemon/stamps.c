/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/budgets.h"
#include "stamps_private.h"

enum { CHAIN_FIELDS = sizeof(struct chain) / sizeof(int64_t), LINE_FIELDS = 3 };

struct stamps *stamps_new(void)
{
    struct stamps *stamps = must_alloc(sizeof *stamps);
    stamps->last_chain = CHAIN_NONE;
    return stamps;
}

void stamps_free(struct stamps *stamps)
{
    if (!stamps)
        return;
    strbuf_free(&stamps->text);
    free(stamps->lines);
    free(stamps->chains);
    free(stamps);
}

const struct stamp_strays *stamps_strays(const struct stamps *stamps)
{
    return &stamps->strays;
}

size_t stamps_held_bytes(const struct stamps *stamps)
{
    return stamps->text.len + stamps->line_count * sizeof *stamps->lines +
           (size_t)stamps->chain_count * sizeof *stamps->chains;
}

bool stamps_idle(const struct stamps *stamps)
{
    return stamps->chain_count == 0;
}

bool stamps_holding(const struct stamps *stamps)
{
    return stamps->last_chain != CHAIN_NONE;
}

void chains_clear(struct stamps *stamps)
{
    for (size_t i = 0; i < stamps->line_count; i++)
        stamps->strays.lines += stamps->chains[stamps->lines[i].chain].released ? 0 : 1;
    for (int i = 0; i < stamps->chain_count && stamps->strays.first_ms == 0; i++)
        stamps->strays.first_ms = stamps->chains[i].released ? 0 : stamps->chains[i].first_ms;
    stamps->line_count = 0;
    stamps->chain_count = 0;
    stamps->last_chain = CHAIN_NONE;
    stamps->releasing = false;
    strbuf_free(&stamps->text);
}

void release_begin(struct stamps *stamps, int64_t error_ms, bool lasting)
{
    stamps->release = (struct stamp_release){ .error_ms = error_ms, .lasting = lasting };
    stamps->releasing = true;
}

/* --- holding and releasing --------------------------------------------------------------------------------- */

void stamps_hold(struct stamps *stamps, const struct stamp_moment *moment, struct slice line, int64_t offset)
{
    stamps->lines = list_room(stamps->lines, stamps->line_count, sizeof *stamps->lines);
    stamps->lines[stamps->line_count++] = (struct held_line){
        .at = stamps->text.len, .len = line.len, .offset = offset, .raw_ms = moment->raw_ms, .chain = stamps->last_chain
    };
    strbuf_add(&stamps->text, line.at, line.len);
    size_t most = moment->since_ms ? HELD_LIVE_BYTES : moment->now_ms ? HELD_BYTES : HELD_REPLAY_BYTES;
    if (stamps->releasing || (stamps_held_bytes(stamps) <= most && stamps->chain_count <= HELD_CHAINS))
        return;
    if (moment->since_ms)
        chains_clear(stamps);
    else
        release_best(stamps, moment, 0);
}

bool stamps_take_release(struct stamps *stamps, struct stamp_release *release)
{
    if (!stamps->releasing)
        return false;
    stamps->releasing = false;
    *release = stamps->release;
    return true;
}

bool stamps_next_line(struct stamps *stamps, struct stamp_release *release, struct slice *line, int64_t *offset)
{
    while (release->next < stamps->line_count) {
        const struct held_line *held = &stamps->lines[release->next++];
        if (!stamps->chains[held->chain].released)
            continue;
        *line = (struct slice){ stamps->text.at + held->at, held->len };
        *offset = held->offset;
        release->raw_ms = held->raw_ms;
        return true;
    }
    chains_clear(stamps);
    return false;
}

/* --- saving ------------------------------------------------------------------------------------------------ */

/* As lines of an archive's text; a NUL, which ends such a text, becomes a blank. */
static char *held_text(const struct stamps *stamps)
{
    char *text = must_copy(strbuf_text(&stamps->text), stamps->text.len);
    for (size_t i = 0; i < stamps->text.len; i++)
        text[i] = text[i] == '\0' ? ' ' : text[i];
    return text;
}

static void lines_load(struct stamps *stamps, const int64_t *numbers, size_t count, const char *text)
{
    size_t at = 0, len = strlen(text);
    strbuf_puts(&stamps->text, text);
    for (size_t i = 0; i + LINE_FIELDS <= count; i += LINE_FIELDS) {
        int64_t chain = numbers[i], bytes = numbers[i + 1];
        if (chain < 0 || chain >= stamps->chain_count || bytes < 0 || (size_t)bytes > len - at)
            break;
        stamps->lines = list_room(stamps->lines, stamps->line_count, sizeof *stamps->lines);
        stamps->lines[stamps->line_count++] =
            (struct held_line){ .at = at, .len = (size_t)bytes, .offset = numbers[i + 2], .chain = (int)chain };
        at += (size_t)bytes;
    }
}

/* The times of the records that are held, which an older version did not save. */
static void lines_archive_times(struct stamps *stamps, struct archive *archive)
{
    size_t count = stamps->line_count;
    int64_t *times = must_alloc((count + 1) * sizeof *times);
    for (size_t i = 0; i < count; i++)
        times[i] = stamps->lines[i].raw_ms;
    archive_i64s(archive, "stamp_times", times, &count, stamps->line_count);
    for (size_t i = 0; archive_loading(archive) && i < count; i++)
        stamps->lines[i].raw_ms = times[i];
    free(times);
}

void stamps_archive(struct stamps *stamps, struct archive *archive)
{
    enum {
        LINES_MOST = HELD_LIVE_BYTES / (int)sizeof(struct held_line),
        CHAINS_MOST = HELD_LIVE_BYTES / (int)sizeof(struct chain)
    };
    bool loading = archive_loading(archive);
    size_t chain_numbers = (size_t)stamps->chain_count * CHAIN_FIELDS, line_numbers = stamps->line_count * LINE_FIELDS;
    size_t room = loading ? (size_t)LINES_MOST * LINE_FIELDS : line_numbers;
    int64_t *numbers = must_alloc(room * sizeof *numbers);
    char *text = held_text(stamps);
    int last = stamps->last_chain + 1;
    for (size_t i = 0; i < stamps->line_count; i++) {
        const struct held_line *line = &stamps->lines[i];
        int64_t fields[LINE_FIELDS] = { line->chain, (int64_t)line->len, line->offset };
        memcpy(numbers + i * LINE_FIELDS, fields, sizeof fields);
    }
    if (loading)
        stamps->chains = must_grow(stamps->chains, CHAINS_MOST, sizeof *stamps->chains);
    archive_i64s(archive, "stamp_chains", (int64_t *)stamps->chains, &chain_numbers,
                 (size_t)CHAINS_MOST * CHAIN_FIELDS);
    archive_i64s(archive, "stamp_lines", numbers, &line_numbers, room);
    archive_text(archive, "stamp_text", &text);
    archive_int(archive, "stamp_last", &last);
    archive_i64(archive, "stray_lines", &stamps->strays.lines);
    archive_i64(archive, "stray_first_ms", &stamps->strays.first_ms);
    if (loading) {
        stamps->chain_count = (int)(chain_numbers / CHAIN_FIELDS);
        lines_load(stamps, numbers, line_numbers, text ? text : "");
        stamps->loaded = true;
        stamps->last_chain = last > 0 && last <= stamps->chain_count ? last - 1 : CHAIN_NONE;
    }
    lines_archive_times(stamps, archive);
    free(numbers);
    free(text);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "saved_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/engine_private.h"

/* True if any baseline changed since the state was saved. */
static bool windows_are_touched(const struct engine *engine)
{
    bool touched = engine->windows_changed;
    for (size_t i = 0; i < engine->tables.count; i++)
        touched = touched || (engine->tables.at[i].touched & TOUCHED_WINDOWS);
    return touched;
}

static size_t saved_part_place(const struct saved_parts *parts, enum engine_part part, int64_t number)
{
    size_t i = 0;
    while (i < parts->count &&
           (parts->at[i].part < part || (parts->at[i].part == part && parts->at[i].number < number)))
        i++;
    return i;
}

static bool saved_part_is_at(const struct saved_parts *parts, size_t i, enum engine_part part, int64_t number)
{
    return i < parts->count && parts->at[i].part == part && parts->at[i].number == number;
}

static int put_saved_part(void *ctx, enum engine_part part, int64_t number, const struct strbuf *text)
{
    struct saved_parts *parts = ctx;
    size_t i = saved_part_place(parts, part, number);
    if (!saved_part_is_at(parts, i, part, number)) {
        parts->at = must_grow(parts->at, parts->count + 1, sizeof *parts->at);
        memmove(&parts->at[i + 1], &parts->at[i], (parts->count++ - i) * sizeof *parts->at);
        parts->at[i] = (struct saved_part){ .part = part, .number = number };
    }
    strbuf_clear(&parts->at[i].text);
    strbuf_add(&parts->at[i].text, strbuf_text(text), text->len);
    return 0;
}

static int drop_saved_part(void *ctx, enum engine_part part, int64_t number)
{
    struct saved_parts *parts = ctx;
    size_t i = saved_part_place(parts, part, number);
    if (saved_part_is_at(parts, i, part, number)) {
        strbuf_free(&parts->at[i].text);
        memmove(&parts->at[i], &parts->at[i + 1], (--parts->count - i) * sizeof *parts->at);
    }
    return 0;
}

static void save_parts_to(struct saved_parts *parts, struct engine *engine, enum engine_extent extent)
{
    const struct engine_part_sink sink = { parts, put_saved_part, drop_saved_part };
    for (int i = 0; i < ENGINE_TEXTS; i++) {
        struct archive archive;
        bool is_first = parts->texts[i].len == 0;
        if (extent == ENGINE_CHANGED && !is_first && !engine_text_changed(engine, (enum engine_text)i))
            continue;
        strbuf_clear(&parts->texts[i]);
        archive_save_to(&archive, &parts->texts[i]);
        engine_save_text(engine, (enum engine_text)i, &archive);
    }
    engine_save_parts(engine, extent, &sink);
}

void saved_parts_save(struct saved_parts *parts, struct engine *engine)
{
    save_parts_to(parts, engine, ENGINE_CHANGED);
    engine_saved(engine);
}

static bool find_saved_text(void *ctx, enum engine_text text, struct strbuf *value)
{
    const struct saved_parts *parts = ctx;
    strbuf_clear(value);
    strbuf_add(value, strbuf_text(&parts->texts[text]), parts->texts[text].len);
    return value->len > 0;
}

static void find_saved_parts(void *ctx, enum engine_part part,
                             void (*take)(void *take_ctx, enum engine_part part, int64_t number, struct slice text),
                             void *take_ctx)
{
    const struct saved_parts *parts = ctx;
    for (size_t i = 0; i < parts->count; i++)
        if (parts->at[i].part == part)
            take(take_ctx, part, parts->at[i].number, strbuf_slice(&parts->at[i].text));
}

void saved_parts_load(const struct saved_parts *parts, struct engine *engine)
{
    engine_load(engine, &(struct engine_source){ (void *)(uintptr_t)parts, find_saved_text, find_saved_parts });
}

static bool texts_differ(const char *what, int64_t number, const struct strbuf *saved, const struct strbuf *now,
                         struct strbuf *words)
{
    if (saved && now && strcmp(strbuf_text(saved), strbuf_text(now)) == 0)
        return false;
    strbuf_printf(words, "%s %" PRId64 "\nsaved:\n%s\nnow:\n%s\n", what, number, saved ? strbuf_text(saved) : "nothing",
                  now ? strbuf_text(now) : "nothing");
    return true;
}

bool saved_parts_differ(const struct saved_parts *parts, struct engine *engine, struct strbuf *words)
{
    static const char *const kinds[] = { "table", "windows", "incident" };
    struct saved_parts now = { 0 };
    bool found = false;
    save_parts_to(&now, engine, ENGINE_WHOLE);
    for (int i = 0; i < ENGINE_TEXTS && !found; i++)
        found = texts_differ("text", i, &parts->texts[i], &now.texts[i], words);
    for (size_t i = 0; !found && i < parts->count && i < now.count; i++)
        found = parts->at[i].part != now.at[i].part || parts->at[i].number != now.at[i].number
                    ? texts_differ(kinds[now.at[i].part], now.at[i].number, NULL, &now.at[i].text, words)
                    : texts_differ(kinds[now.at[i].part], now.at[i].number, &parts->at[i].text, &now.at[i].text, words);
    if (!found && parts->count != now.count) {
        strbuf_printf(words, "%zu parts saved, %zu now\n", parts->count, now.count);
        found = true;
    }
    saved_parts_free(&now);
    return found;
}

void saved_parts_free(struct saved_parts *parts)
{
    for (int i = 0; i < ENGINE_TEXTS; i++)
        strbuf_free(&parts->texts[i]);
    for (size_t i = 0; i < parts->count; i++)
        strbuf_free(&parts->at[i].text);
    free(parts->at);
    *parts = (struct saved_parts){ 0 };
}

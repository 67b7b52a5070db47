/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "engine_archive.h"
#include "engine_private.h"
#include "saved.h"

/*
 * The saved state by part. Which parts changed is known by marks that are set where something changes (tables_touch, incident_touch), and
 * not by comparing, so that an event costs the same whatever is known. tests/unit/core/test_parts.c finds a mark that is missing.
 */

/* --- texts ---------------------------------------------------------------------------------------------------- */

bool engine_text_changed(const struct engine *engine, enum engine_text text)
{
    switch (text) {
    case ENGINE_RECURRENCES: return engine->incidents.recurrences.are_changed;
    case ENGINE_CYCLES: return engine->windows_changed;
    default: return true;
    }
}

static void now_archive(struct engine *engine, struct archive *archive)
{
    saved_i64(archive, "asleep_from", &engine->asleep_from_ms);
    tables_archive_places(&engine->tables, archive);
    model_archive(&engine->model, archive);
    slow_archive(&engine->context, archive);
    saved_count(archive, "last_incident", &engine->incidents.last_id);
}

static void life_archive(struct engine *engine, struct archive *archive)
{
    announce_archive(&engine->announcer, archive);
    schedule_archive(&engine->schedule, archive);
    scheduler_archive(&engine->context, archive);
    crash_loop_archive(&engine->context, archive);
    blind_archive(&engine->context, archive);
    components_archive(&engine->sources, archive);
    unit_archive(&engine->context, archive);
    incidents_archive_past(&engine->incidents, archive);
}

static void engine_text_archive(struct engine *engine, enum engine_text text, struct archive *archive)
{
    switch (text) {
    case ENGINE_NOW: now_archive(engine, archive); break;
    case ENGINE_LIFE: life_archive(engine, archive); break;
    case ENGINE_RECURRENCES: recurrences_archive(&engine->incidents.recurrences, archive); break;
    case ENGINE_CYCLES: slow_archive_windows(&engine->context, archive); break;
    case ENGINE_TEXTS: break;
    }
}

void engine_save_text(struct engine *engine, enum engine_text text, struct archive *archive)
{
    if (text == ENGINE_NOW)
        moment_archive(&engine->moment, archive);
    engine_text_archive(engine, text, archive);
}

/* --- parts ---------------------------------------------------------------------------------------------------- */

bool engine_parts_changed(const struct engine *engine)
{
    return engine->tables.touched_count > 0 || incidents_are_touched(&engine->incidents);
}

static void windows_archive(struct table *table, struct archive *archive)
{
    saved_count(archive, "learnt_run", &table->learnt_run_id);
    table_archive_windows(table, "", archive);
    throughput_archive_windows(table, "", archive);
}

static int put_part(const struct engine_part_sink *sink, enum engine_part part, int64_t number, struct strbuf *text)
{
    int error = sink->put(sink->ctx, part, number, text);
    strbuf_clear(text);
    return error;
}

static int save_place(struct engine *engine, size_t place, int touched, const struct engine_part_sink *sink,
                      struct strbuf *text)
{
    struct archive archive;
    struct table *table = &engine->tables.at[place];
    int64_t number = (int64_t)place;
    int error = 0;
    if (!table->name[0]) {
        error = sink->drop(sink->ctx, ENGINE_TABLE, number);
        return error ? error : sink->drop(sink->ctx, ENGINE_WINDOWS, number);
    }
    if (touched & TOUCHED_LIVE) {
        archive_save_brief(&archive, text);
        tables_archive_place(&engine->tables, place, &archive, archive_with_table);
        error = put_part(sink, ENGINE_TABLE, number, text);
    }
    if (!error && (touched & TOUCHED_WINDOWS)) {
        archive_save_brief(&archive, text);
        windows_archive(table, &archive);
        error = put_part(sink, ENGINE_WINDOWS, number, text);
    }
    return error;
}

static int save_tables(struct engine *engine, enum engine_extent extent, const struct engine_part_sink *sink,
                       struct strbuf *text)
{
    const struct tables *tables = &engine->tables;
    size_t count = extent == ENGINE_WHOLE ? tables->count : tables->touched_count;
    int error = 0;
    for (size_t i = 0; i < count && !error; i++) {
        size_t place = extent == ENGINE_WHOLE ? i : tables->touched[i];
        int touched = extent == ENGINE_WHOLE ? TOUCHED_LIVE | TOUCHED_WINDOWS : tables->at[place].touched;
        error = save_place(engine, place, touched, sink, text);
    }
    return error;
}

static int save_incidents(struct engine *engine, enum engine_extent extent, const struct engine_part_sink *sink,
                          struct strbuf *text)
{
    struct incidents *incidents = &engine->incidents;
    struct archive archive;
    int error = 0;
    for (size_t i = 0; i < incidents->gone_count && !error; i++)
        error = sink->drop(sink->ctx, ENGINE_INCIDENT, incidents->gone[i]);
    size_t count = extent == ENGINE_WHOLE ? incidents->count : incidents->touched_count;
    for (size_t i = 0; i < count && !error; i++) {
        struct incident_record *record = extent == ENGINE_WHOLE ? incidents->records[i] : incidents->touched[i];
        archive_save_brief(&archive, text);
        incidents_archive_record(incidents, record, &archive, &engine->tables);
        error = put_part(sink, ENGINE_INCIDENT, record->incident.id, text);
    }
    return error;
}

int engine_save_parts(struct engine *engine, enum engine_extent extent, const struct engine_part_sink *sink)
{
    struct strbuf text = { 0 };
    int error = save_tables(engine, extent, sink, &text);
    if (!error)
        error = save_incidents(engine, extent, sink, &text);
    strbuf_free(&text);
    return error;
}

void engine_saved(struct engine *engine)
{
    engine_note_touched(engine);
    engine->windows_changed = engine->incidents.recurrences.are_changed = false;
    tables_saved(&engine->tables);
    incidents_saved(&engine->incidents);
}

/* --- loading -------------------------------------------------------------------------------------------------- */

static void load_part(void *ctx, enum engine_part part, int64_t number, struct slice text)
{
    struct engine *engine = ctx;
    struct archive archive;
    archive_load_from(&archive, text);
    if (part == ENGINE_TABLE && number >= 0)
        tables_archive_place(&engine->tables, (size_t)number, &archive, archive_with_table);
    else if (part == ENGINE_WINDOWS && number >= 0 && (size_t)number < engine->tables.count &&
             engine->tables.at[number].name[0])
        windows_archive(&engine->tables.at[number], &archive);
    else if (part == ENGINE_INCIDENT)
        incidents_load_record(&engine->incidents, &archive, &engine->tables);
}

/* Tables come first, because the texts and the incidents name them by their places. */
bool engine_load(struct engine *engine, const struct engine_source *source)
{
    struct archive archive;
    struct strbuf text = { 0 }, now = { 0 };
    bool is_there = source->text(source->ctx, ENGINE_NOW, &now);
    archive_load_from(&archive, strbuf_slice(&now));
    is_there = is_there && moment_archive(&engine->moment, &archive);
    if (is_there) {
        source->parts(source->ctx, ENGINE_TABLE, load_part, engine);
        now_archive(engine, &archive);
    }
    for (int i = ENGINE_NOW + 1; is_there && i < ENGINE_TEXTS; i++) {
        if (!source->text(source->ctx, (enum engine_text)i, &text))
            continue;
        archive_load_from(&archive, strbuf_slice(&text));
        engine_text_archive(engine, (enum engine_text)i, &archive);
    }
    if (is_there) {
        source->parts(source->ctx, ENGINE_INCIDENT, load_part, engine);
        source->parts(source->ctx, ENGINE_WINDOWS, load_part, engine);
        engine_saved(engine);
        engine->floor_ms = engine->moment.now_ms;
    }
    strbuf_free(&text);
    strbuf_free(&now);
    return is_there;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_archive.h"

#include "engine_private.h"
#include "saved.h"

/* The order is that of the first saved states: several tables and incidents have fields of the same names, so theirs must stay together. */

void archive_with_table(struct table *table, struct archive *archive)
{
    throughput_archive(table, archive);
    failures_archive(table, archive);
    success_rate_archive(table, archive);
    stall_archive(table, archive);
    witnessed_archive(table, archive);
}

void engine_archive_live(struct engine *engine, struct archive *archive)
{
    if (!moment_archive(&engine->moment, archive))
        return;
    saved_i64(archive, "asleep_from", &engine->asleep_from_ms);
    announce_archive(&engine->announcer, archive);
    schedule_archive(&engine->schedule, archive);
    scheduler_archive(&engine->context, archive);
    crash_loop_archive(&engine->context, archive);
    tables_archive(&engine->tables, archive, archive_with_table);
    model_archive(&engine->model, archive);
    slow_archive(&engine->context, archive);
    blind_archive(&engine->context, archive);
    components_archive(&engine->sources, archive);
    unit_archive(&engine->context, archive);
    incidents_archive(&engine->incidents, archive, &engine->tables);
    if (archive_loading(archive))
        engine->floor_ms = engine->moment.now_ms;
}

void engine_archive_windows(struct engine *engine, struct archive *archive)
{
    struct strbuf prefix = { 0 };
    slow_archive_windows(&engine->context, archive);
    for (size_t i = 0; i < engine->tables.count; i++) {
        strbuf_clear(&prefix);
        strbuf_printf(&prefix, "%s.", engine->tables.at[i].name);
        table_archive_windows(&engine->tables.at[i], strbuf_text(&prefix), archive);
        throughput_archive_windows(&engine->tables.at[i], strbuf_text(&prefix), archive);
    }
    strbuf_free(&prefix);
}

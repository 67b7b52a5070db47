/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <stdlib.h>

enum { RUNS_KEPT = 96 };

static struct table *table_add(struct engine *engine, struct slice name)
{
    if (engine->table_count == TABLES_MOST)
        return NULL;
    if (!engine->tables) /* never moved: facts and complaints point at tables */
        engine->tables = must_alloc(TABLES_MOST * sizeof *engine->tables);
    struct table *table = &engine->tables[engine->table_count++];
    *table = (struct table){
        .name = must_copy(name.at, name.len),
        .first_seen_ms = engine->clock_ms,
        .exit_code = -1,
    };
    window_init(&table->durations, RUNS_KEPT);
    window_init(&table->rows, RUNS_KEPT);
    return table;
}

struct table *table_named(struct engine *engine, struct slice name)
{
    for (size_t i = 0; i < engine->table_count; i++)
        if (slice_equals(name, engine->tables[i].name))
            return &engine->tables[i];
    return table_add(engine, name);
}

size_t table_index(const struct engine *engine, const struct table *table)
{
    return (size_t)(table - engine->tables);
}

int64_t table_waits_since(const struct table *table)
{
    return (table->last_success_ms ? table->last_success_ms : table->first_seen_ms) + table->suspended_ms;
}

static void move(int64_t *at_ms, int64_t by_ms)
{
    if (*at_ms)
        *at_ms += by_ms;
}

void table_set_back(struct table *table, int64_t by_ms)
{
    move(&table->first_seen_ms, by_ms);
    move(&table->last_success_ms, by_ms);
    /* How much time passed meanwhile is not known, if only the log tells of it: the next failure is no part of the last one's burst. */
    table->failures.counted_ms = 0;
    move(&table->failures.first_ms, by_ms);
    for (size_t i = 0; i < table->failures.flap_count; i++)
        table->failures.flaps[i] += by_ms;
    move(&table->stall.last_move_ms, by_ms);
    move(&table->stall.doubted_ms, by_ms);
    hourly_move(&table->volume, by_ms);
}

void tables_free(struct engine *engine)
{
    for (size_t i = 0; i < engine->table_count; i++) {
        struct table *table = &engine->tables[i];
        free(table->name);
        free(table->error);
        free(table->failure_line);
        window_free(&table->durations);
        window_free(&table->rows);
        hourly_free(&table->volume);
    }
    free(engine->tables);
}

static void failures_archive(struct failure_state *failures, struct archive *archive)
{
    archive_i64(archive, "fail.streak", &failures->streak);
    archive_i64(archive, "fail.first", &failures->first_ms);
    archive_i64(archive, "fail.counted", &failures->counted_ms);
    archive_i64s(archive, "fail.flaps", failures->flaps, &failures->flap_count, FLAPS_KEPT);
}

static void seasonal_archive(struct seasonal *seasonal, struct archive *archive, const char *name)
{
    size_t count = SEASONS;
    archive_i64s(archive, name, seasonal->counts, &count, SEASONS);
}

static void stall_archive(struct stall_state *stall, struct archive *archive)
{
    archive_i64(archive, "stall.runs", &stall->runs);
    archive_i64(archive, "stall.zeros", &stall->zeros);
    seasonal_archive(&stall->season_runs, archive, "stall.runs.by");
    seasonal_archive(&stall->season_zeros, archive, "stall.zeros.by");
    archive_i64(archive, "stall.longest", &stall->longest);
    archive_i64(archive, "stall.streak", &stall->streak);
    seasonal_archive(&stall->season_streak, archive, "stall.streak.by");
    archive_i64(archive, "stall.first_zero", &stall->first_zero_ms);
    archive_i64(archive, "stall.last_move", &stall->last_move_ms);
    archive_bool(archive, "stall.reported", &stall->reported);
    archive_i64(archive, "stall.doubtful", &stall->doubtful);
    seasonal_archive(&stall->season_doubtful, archive, "stall.doubtful.by");
    archive_i64(archive, "stall.doubted", &stall->doubted_ms);
}

static void table_archive(struct table *table, struct archive *archive)
{
    archive_i64(archive, "first_seen", &table->first_seen_ms);
    archive_i64(archive, "last_success", &table->last_success_ms);
    archive_i64(archive, "suspended", &table->suspended_ms);
    archive_i64(archive, "last_cycle", &table->last_cycle_id);
    archive_i64(archive, "without", &table->cycles_without);
    archive_bool(archive, "last_failed", &table->last_failed);
    archive_bool(archive, "retired", &table->retired);
    archive_text(archive, "error", &table->error);
    archive_text(archive, "failure_line", &table->failure_line);
    archive_i64(archive, "exit_code", &table->exit_code);
    archive_bool(archive, "timed_out", &table->timed_out);
    archive_i64(archive, "spent", &table->spent_ms);
    archive_i64(archive, "moved", &table->moved);
    archive_i64(archive, "low_streak", &table->low_streak);
    archive_i64(archive, "low_since", &table->low_since_ms);
    failures_archive(&table->failures, archive);
    stall_archive(&table->stall, archive);
}

void tables_archive_live(struct engine *engine, struct archive *archive)
{
    int64_t count = (int64_t)engine->table_count;
    archive_i64(archive, "tables", &count);
    for (int64_t i = 0; i < count && i < TABLES_MOST; i++) {
        char *name =
            archive_loading(archive) ? NULL : must_copy(engine->tables[i].name, strlen(engine->tables[i].name));
        archive_text(archive, "table", &name);
        struct table *table = name ? table_named(engine, slice_of(name)) : NULL;
        if (table)
            table_archive(table, archive);
        free(name);
    }
}

void tables_archive_windows(struct engine *engine, struct archive *archive)
{
    for (size_t i = 0; i < engine->table_count; i++) {
        struct table *table = &engine->tables[i];
        struct strbuf name = { 0 };
        strbuf_printf(&name, "%s.durations", table->name);
        window_archive(&table->durations, archive, strbuf_text(&name));
        strbuf_clear(&name);
        strbuf_printf(&name, "%s.rows", table->name);
        window_archive(&table->rows, archive, strbuf_text(&name));
        strbuf_clear(&name);
        strbuf_printf(&name, "%s.volume", table->name);
        hourly_archive(&table->volume, archive, strbuf_text(&name));
        strbuf_free(&name);
    }
}

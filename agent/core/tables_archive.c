/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables_archive.h"

#include <stdlib.h>

#include "clip.h"
#include "saved.h"
#include "tables_index.h"

/* The tables in the saved state: each as a part of its own, and all in one text, as agents saved them up to version 6 of the history. */

/* Loaded tables get the places that they had: others know them by these. A table that is there already is loaded anew. */
static struct table *table_load(struct tables *tables, struct slice name)
{
    struct table *table = tables_find(tables, name);
    if (!table)
        table = tables_append(tables, name);
    return table && table->name[0] ? table : NULL;
}

static void proven_archive(struct tables *tables, struct table *table, struct archive *archive)
{
    bool before = table->proven;
    if (archive_loading(archive))
        table->proven = table->last_success_ms != 0; /* an older agent does not say it */
    archive_bool(archive, "proven", &table->proven);
    tables->unproven += (size_t)before - (size_t)table->proven;
}

static void table_archive(struct table *table, struct archive *archive)
{
    saved_i64(archive, "first_seen", &table->first_seen_ms);
    saved_i64(archive, "last_success", &table->last_success_ms);
    saved_i64(archive, "suspended", &table->slept_ms);
    saved_i64(archive, "last_cycle", &table->last_cycle_id);
    saved_i64(archive, "without", &table->cycles_without);
    saved_i64s(archive, "absences", table->absences, &table->absence_count, ABSENCES_KEPT);
    table_find_usual_absence(table);
    archive_bool(archive, "last_failed", &table->last_failed);
    archive_bool(archive, "retired", &table->retired);
    saved_i64(archive, "back", &table->back_ms);
    archive_text(archive, "error", &table->error);
    archive_text(archive, "told", &table->told);
    archive_bool(archive, "told_is_old", &table->told_is_old);
    if (archive_loading(archive))
        cause_read_anew(table->reading);
    saved_i64(archive, "exit_code", &table->exit_code);
    archive_bool(archive, "timed_out", &table->timed_out);
    saved_i64(archive, "spent", &table->spent_ms);
    saved_i64(archive, "moved", &table->moved);
    saved_i64(archive, "counted", &table->counted);
    saved_count(archive, "success_run", &table->success_run_id);
    saved_count(archive, "success_cycle", &table->success_cycle_id);
}

static void named_archive(struct tables *tables, struct table *table, struct archive *archive, archive_of_table *also)
{
    table_archive(table, archive);
    proven_archive(tables, table, archive);
    also(table, archive);
}

static void learnt_archive(struct table *table, struct archive *archive)
{
    bool is_learnt = table_is_learnt(table);
    archive_bool(archive, "is_learnt", &is_learnt);
    if (archive_loading(archive))
        table->learnt_run_id = is_learnt ? table->success_run_id : 0;
}

void tables_archive(struct tables *tables, struct archive *archive, archive_of_table *also)
{
    int64_t count = (int64_t)tables->count;
    saved_i64(archive, "tables", &count);
    for (int64_t i = 0; i < count && i < TABLES_MAX; i++) {
        char *name = archive_loading(archive) ? NULL : must_copy(tables->at[i].name, strlen(tables->at[i].name));
        archive_text(archive, "table", &name);
        struct table *table = !archive_loading(archive) ? &tables->at[i]
                              : name                    ? table_load(tables, slice_of(name))
                                                        : NULL;
        if (table && table->name[0]) {
            named_archive(tables, table, archive, also);
            learnt_archive(table, archive);
        }
        free(name);
    }
}

/* --- by part -------------------------------------------------------------------------------------------------- */

static void add_free_places(struct tables *tables, size_t count)
{
    while (tables->count < count)
        tables_append(tables, slice_of(""));
}

void tables_archive_places(struct tables *tables, struct archive *archive)
{
    int64_t count = (int64_t)tables->count;
    saved_count(archive, "places", &count);
    if (archive_loading(archive))
        add_free_places(tables, count < TABLES_MAX ? (size_t)count : TABLES_MAX);
}

static void load_place(struct tables *tables, size_t place, struct archive *archive, archive_of_table *also)
{
    char *name = NULL;
    archive_text(archive, "table", &name);
    if (name && name[0] && place >= tables->count && place < TABLES_MAX) {
        add_free_places(tables, place);
        struct table *table = table_load(tables, slice_of(name));
        if (table && table->index == place)
            named_archive(tables, table, archive, also);
    }
    free(name);
}

void tables_archive_place(struct tables *tables, size_t place, struct archive *archive, archive_of_table *also)
{
    if (archive_loading(archive)) {
        load_place(tables, place, archive, also);
        return;
    }
    archive_text(archive, "table", &tables->at[place].name);
    named_archive(tables, &tables->at[place], archive, also);
}

void saved_key(const char *prefix, const char *what, struct strbuf *key)
{
    strbuf_clear(key);
    strbuf_puts(key, prefix);
    strbuf_puts(key, what);
    for (char *at = key->at; (at = strchr(at, '\n'));)
        *at = '?';
}

void table_archive_windows(struct table *table, const char *prefix, struct archive *archive)
{
    struct strbuf key = { 0 };
    saved_key(prefix, "durations", &key);
    run_window_archive(&table->durations, archive, strbuf_text(&key));
    saved_key(prefix, "rows", &key);
    run_window_archive(&table->rows, archive, strbuf_text(&key));
    strbuf_free(&key);
}

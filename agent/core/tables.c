/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"

#include <stdlib.h>

#include "clip.h"
#include "event.h"
#include "saved.h"
#include "tables_index.h"

/* What people read in place of the name that is not known. */
static const char STAND_IN[] = "a table whose line was not understood";

static void table_release(const struct tables *tables, struct table *table)
{
    tables->end(table);
    free(table->name);
    free(table->error);
    free(table->told);
    cause_reading_free(table->reading);
    free(table->reading);
    run_window_free(&table->durations);
    run_window_free(&table->rows);
    free(table->failures);
    free(table->flaps);
    free(table->stall);
    free(table->witnessed);
    free(table->volume);
}

/* One more place; NULL if there are too many. The list has room for all from the start, because it never moves: memory that nobody touches
 * costs nothing. */
static struct table *table_append(struct tables *tables)
{
    if (tables->count == TABLES_MAX)
        return NULL;
    if (!tables->at) {
        tables->at = must_alloc(TABLES_MAX * sizeof *tables->at);
        tables->touched = must_alloc(TABLES_MAX * sizeof *tables->touched);
    }
    tables->at[tables->count].index = tables->count;
    if (tables->count == FEW_TABLES) /* from now on, what is touched is marked: nothing was so far */
        deadlines_mark_all(&tables->deadlines[DEADLINES_LAG], FEW_TABLES);
    return &tables->at[tables->count++];
}

/* A place for a new table: a free one if there is any. */
static struct table *table_place(struct tables *tables)
{
    size_t i = 0;
    if (tables->unproven >= TABLES_UNPROVEN_MAX)
        return NULL;
    if (!tables->dropped)
        return table_append(tables);
    while (tables->at[i].name[0])
        i++;
    tables->dropped--;
    table_release(tables, &tables->at[i]);
    return &tables->at[i];
}

__attribute__((noinline)) static void mark_lag(struct tables *tables, size_t index)
{
    deadlines_mark(&tables->deadlines[DEADLINES_LAG], index);
}

void tables_touch(struct tables *tables, const struct table *table, enum touched what)
{
    struct table *touched = &tables->at[table->index];
    if (!touched->touched)
        tables->touched[tables->touched_count++] = (uint32_t)table->index;
    touched->touched |= (int)what;
    if (!tables_are_few(tables))
        mark_lag(tables, table->index);
}

void tables_touch_all(struct tables *tables, enum touched what)
{
    for (size_t i = 0; i < tables->count; i++)
        tables_touch(tables, &tables->at[i], what);
}

void tables_saved(struct tables *tables)
{
    for (size_t i = 0; i < tables->touched_count; i++)
        tables->at[tables->touched[i]].touched = 0;
    tables->touched_count = 0;
}

/* Begins the table in this place; only its index and its name are there already. */
static void table_begin(struct tables *tables, struct table *table, int64_t now_ms)
{
    bool is_free = table->name[0] == '\0';
    *table = (struct table){
        .index = table->index,
        .touched = table->touched,
        .is_blind = table->is_blind,
        .is_failing = table->is_failing,
        .name = table->name,
        .first_seen_ms = now_ms,
        .exit_code = -1,
        .counted = ROWS_NOT_KNOWN,
        .reading = must_alloc(sizeof *table->reading),
        .sources = tables->sources,
    };
    /* The model never runs it, so it takes no part in what is judged of the tables that a cycle shall run. */
    table->stands_in = strcmp(table->name, STAND_IN) == 0;
    table->retired = table->stands_in || is_free;
    tables->begin(table);
    tables->unproven += !is_free;
    tables->dropped += is_free;
    tables_touch(tables, table, TOUCHED_LIVE | TOUCHED_WINDOWS);
}

static struct table *table_add(struct tables *tables, struct slice name, int64_t now_ms)
{
    struct table *table = table_place(tables);
    if (!table) {
        tables->refused++;
        return NULL;
    }
    table->name = clipped_copy(name, TABLE_NAME_MAX_BYTES);
    table_begin(tables, table, now_ms);
    tables_index_add(tables, table);
    return table;
}

void tables_note_success(struct tables *tables, struct table *table)
{
    if (table->last_success_ms && !table->proven && !table->stands_in) {
        table->proven = true;
        tables->unproven--;
    }
}

static bool is_to_drop(const struct tables *tables, const struct table *table)
{
    if (!table->name[0] || table->stands_in)
        return false;
    return table->retired || (!table->proven && table->last_cycle_id < tables->cycle_id - 1);
}

void tables_make_room(struct tables *tables, bool (*is_held)(const void *ctx, const struct table *table),
                      void (*forget)(void *ctx, const struct table *table), void *ctx)
{
    size_t before = tables->dropped;
    bool unproven_room = tables->unproven < TABLES_UNPROVEN_MAX / 4 * 3;
    if (unproven_room && tables->count - tables->dropped < TABLES_MAX / 4 * 3)
        return;
    for (size_t i = 0; i < tables->count; i++) {
        struct table *table = &tables->at[i];
        if (!is_to_drop(tables, table) || is_held(ctx, table))
            continue;
        forget(ctx, table);
        tables->unproven -= !table->proven;
        table_release(tables, table);
        table->name = must_copy("", 0);
        table_begin(tables, table, 0);
    }
    if (tables->dropped != before)
        tables_index_renew(tables);
}

struct table *tables_find(const struct tables *tables, struct slice name)
{
    struct table *table = tables_index_find(tables, name);
    if (table || (name.len <= TABLE_NAME_MAX_BYTES && !memchr(name.at, '\0', name.len)))
        return table;
    char *cleaned = clipped_copy(name, TABLE_NAME_MAX_BYTES);
    table = tables_index_find(tables, slice_of(cleaned));
    free(cleaned);
    return table;
}

struct table *tables_named(struct tables *tables, struct slice name, int64_t now_ms)
{
    struct table *table = tables_find(tables, name);
    return table || name.len == 0 ? table : table_add(tables, name, now_ms);
}

struct table *tables_stand_in(const struct tables *tables)
{
    return tables_index_find(tables, slice_of(STAND_IN));
}

struct table *tables_make_stand_in(struct tables *tables, int64_t now_ms)
{
    return tables_named(tables, slice_of(STAND_IN), now_ms);
}

static int64_t find_usual_absence(const struct table *table)
{
    int64_t longest = 0, second = 0, shortest = INT64_MAX;
    for (size_t i = 0; i < table->absence_count; i++) {
        int64_t absence = table->absences[i];
        second = absence > longest ? longest : absence > second ? absence : second;
        longest = absence > longest ? absence : longest;
        shortest = absence < shortest ? absence : shortest;
    }
    return shortest > 0 && table->absence_count ? longest : second;
}

/* As a rule a table is always run, so one 0 takes the place of another, and nothing changes. */
static void note_absence(struct table *table, int64_t cycles)
{
    bool is_full = table->absence_count == ABSENCES_KEPT;
    int64_t oldest = table->absences[0];
    if (is_full)
        memmove(table->absences, table->absences + 1, --table->absence_count * sizeof *table->absences);
    table->absences[table->absence_count++] = cycles;
    if (!is_full || cycles != oldest)
        table->usual_absence = find_usual_absence(table);
}

void table_note_turn(struct table *table, int64_t cycle_id)
{
    bool is_first = table->last_cycle_id == 0 || table->last_cycle_id == cycle_id;
    if (!is_first)
        note_absence(table, table->cycles_without);
    table->last_cycle_id = cycle_id;
    table->cycles_without = 0;
}

void table_comes_back(struct table *table, int64_t now_ms)
{
    table->retired = false;
    table->back_ms = now_ms;
    table->cycles_without = 0; /* the time away was no absence */
    table->slept_ms = 0;
}

int64_t table_waits_since(const struct table *table)
{
    int64_t since_ms = table->last_success_ms ? table->last_success_ms : table->first_seen_ms;
    return (since_ms > table->back_ms ? since_ms : table->back_ms) + table->slept_ms;
}

void table_note_failure(struct table *table, bool timed_out)
{
    table->timed_out = timed_out;
    table->last_failed = true;
    table->told_is_old = true;
}

/* A text that only grew by further lines is read on from where it ended; else all is read again. */
void table_set_error(struct table *table, struct slice text)
{
    char *old = table->error, *fresh = text.len ? clipped_copy(text, FAILURE_TEXT_MAX_BYTES) : NULL;
    size_t len = old ? strlen(old) : 0;
    bool grew = !old || (fresh && strncmp(fresh, old, len) == 0 && (fresh[len] == '\n' || fresh[len] == '\0'));
    if (!grew)
        cause_read_anew(table->reading);
    table->error = fresh;
    free(old);
}

bool table_set_told(struct table *table, struct slice text)
{
    char *old = table->told, *fresh = text.len ? clipped_copy(text, FAILURE_TEXT_MAX_BYTES) : NULL;
    bool is_new = !old || !fresh ? old != fresh : strcmp(old, fresh) != 0;
    table->told = fresh;
    table->told_is_old = false;
    free(old);
    if (is_new)
        cause_read_anew(table->reading);
    return is_new;
}

void table_forget_failures(struct table *table)
{
    table_set_error(table, (struct slice){ "", 0 });
    table_set_told(table, (struct slice){ "", 0 });
    table->exit_code = -1;
    table->timed_out = table->last_failed = false;
}

int64_t table_moved(const struct table *table)
{
    return table->moved <= 0 && table->counted >= 0 ? table->counted : table->moved;
}

void tables_count_rows(struct tables *tables, struct table *table, int64_t rows, int64_t now_ms)
{
    bool has_place = table_moved(table) >= 0;
    table->counted = rows;
    tables_touch(tables, table, TOUCHED_LIVE);
    if (!table_is_learnt(table))
        return;
    tables_touch(tables, table, TOUCHED_WINDOWS);
    if (has_place && table->rows.count > 0)
        run_window_replace_newest(&table->rows, rows);
    else
        run_window_push(&table->rows, now_ms, rows);
}

void tables_learn(struct tables *tables, int64_t cycle_id, int64_t started_ms, int64_t now_ms)
{
    for (size_t i = 0; i < tables->count; i++) {
        struct table *table = &tables->at[i];
        /* A run that was broken off did not fail, and how long it took tells nothing. */
        bool succeeded = !table->last_failed && table->last_success_ms >= started_ms;
        if (table->last_cycle_id != cycle_id || !succeeded)
            continue;
        run_window_push(&table->durations, now_ms, table->spent_ms);
        if (table_moved(table) >= 0)
            run_window_push(&table->rows, now_ms, table_moved(table));
        table->learnt_run_id = table->success_run_id;
        tables_touch(tables, table, TOUCHED_WINDOWS);
    }
}

struct table *tables_append(struct tables *tables, struct slice name)
{
    struct table *table = tables_find(tables, name) ? NULL : table_append(tables);
    if (!table)
        return NULL;
    table->name = clipped_copy(name, TABLE_NAME_MAX_BYTES);
    table_begin(tables, table, 0);
    tables_index_add(tables, table);
    return table;
}

void table_find_usual_absence(struct table *table)
{
    table->usual_absence = find_usual_absence(table);
}

void tables_free(struct tables *tables)
{
    for (size_t i = 0; i < tables->count; i++)
        table_release(tables, &tables->at[i]);
    free(tables->at);
    free(tables->slots);
    free(tables->touched);
    for (size_t i = 0; i < TABLE_DEADLINES; i++)
        deadlines_free(&tables->deadlines[i]);
}

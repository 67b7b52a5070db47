/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger.h"

#include <stdlib.h>

#include "row_archive.h"
#include "saved.h"

/* The ledger's part of the saved state. Nothing is written for a log without names. */

static void open_run_archive(struct open_run *run, struct archive *archive)
{
    int state = (int)run->state;
    archive_text(archive, "open.run", &run->name);
    run_row_archive(&run->run, archive);
    archive_text(archive, "open.error", &run->error);
    saved_i64(archive, "open.table", &run->table);
    archive_enum(archive, "open.state", &state, OPEN_STATES);
    archive_bool(archive, "open.timed_out", &run->timed_out);
    archive_bool(archive, "open.start_unseen", &run->start_unseen);
    archive_bool(archive, "open.told_again", &run->is_told_again);
    archive_bool(archive, "open.untold", &run->untold);
    archive_bool(archive, "open.over", &run->is_over);
    saved_i64(archive, "open.due", &run->due_ms);
    run->state = (enum open_state)state;
}

static void cycle_turns_archive(struct open_cycle *cycle, struct archive *archive)
{
    int64_t *numbers = must_alloc((TABLES_MAX + 1) * sizeof *numbers);
    size_t count = cycle->turn_count;
    for (size_t i = 0; i < count; i++)
        numbers[i] = 16 * cycle->turns[i].table + 4 * (int64_t)cycle->turns[i].counted + 2 * cycle->turns[i].told +
                     cycle->turns[i].failed;
    saved_i64s(archive, "open.table_turns", numbers, &count, TABLES_MAX);
    for (size_t i = 0; archive_loading(archive) && i < count; i++) {
        struct turn *turn = numbers[i] >= 0 ? ledger_add_turn(cycle, numbers[i] / 16) : &(struct turn){ 0 };
        int64_t counted = numbers[i] / 4 % 4;
        turn->counted = counted >= 0 && counted < COUNTED_AS ? (enum counted_as)counted : COUNTED_NOT;
        turn->told = (numbers[i] & 2) != 0;
        turn->failed = (numbers[i] & 1) != 0;
    }
    free(numbers);
}

static void open_cycle_archive(struct open_cycle *cycle, struct archive *archive)
{
    archive_text(archive, "open.cycle", &cycle->name);
    cycle_row_archive(&cycle->cycle, archive);
    saved_i64(archive, "open.slept", &cycle->slept_ms);
    saved_i64(archive, "open.paused", &cycle->paused_ms);
    saved_i64(archive, "open.said", &cycle->said_ms);
    saved_i64(archive, "open.free", &cycle->free_ms);
    cycle_turns_archive(cycle, archive);
}

static void runs_archive(struct ledger *ledger, struct archive *archive, size_t tables)
{
    int64_t count = (int64_t)ledger->run_count;
    saved_count(archive, "open.runs", &count);
    for (int64_t i = 0; i < count && i < RUNS_OPEN_MAX; i++) {
        struct open_run loaded = { 0 };
        struct open_run *run = archive_loading(archive) ? &loaded : &ledger->runs[i];
        open_run_archive(run, archive);
        if (!archive_loading(archive))
            continue;
        if (loaded.name && loaded.table >= 0 && loaded.table < (int64_t)tables) {
            ledger->runs[ledger->run_count++] = loaded;
        } else {
            free(loaded.name);
            free(loaded.error);
        }
    }
}

static void cycles_archive(struct ledger *ledger, struct archive *archive)
{
    int64_t count = (int64_t)ledger->cycle_count;
    saved_count(archive, "open.cycles", &count);
    for (int64_t i = 0; i < count && i < CYCLES_OPEN_MAX; i++) {
        struct open_cycle loaded = { 0 };
        struct open_cycle *cycle = archive_loading(archive) ? &loaded : &ledger->cycles[i];
        open_cycle_archive(cycle, archive);
        if (!archive_loading(archive))
            continue;
        if (loaded.name && loaded.cycle.id > 0) {
            ledger->cycles[ledger->cycle_count++] = loaded;
        } else {
            free(loaded.name);
            free(loaded.turns);
        }
    }
}

static void layers_archive(struct ledger *ledger, struct archive *archive)
{
    int64_t count = (int64_t)ledger->layer_count;
    saved_count(archive, "open.layers", &count);
    for (int64_t i = 0; i < count && i < CYCLES_NAMED_MAX; i++) {
        struct open_layer loaded = { 0 };
        struct open_layer *layer = archive_loading(archive) ? &loaded : &ledger->layers[i];
        archive_text(archive, "open.layer", &layer->name);
        saved_count(archive, "open.layer_of", &layer->cycle_id);
        if (archive_loading(archive) && loaded.name)
            ledger->layers[ledger->layer_count++] = loaded;
    }
}

void ledger_archive(struct ledger *ledger, struct archive *archive, size_t tables)
{
    if (archive_loading(archive))
        ledger_free(ledger);
    else if (ledger_is_empty(ledger) && ledger->layer_count == 0)
        return;
    bool is_brief = archive_set_brief(archive, false);
    runs_archive(ledger, archive, tables);
    cycles_archive(ledger, archive);
    layers_archive(ledger, archive);
    archive_set_brief(archive, is_brief);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "identities.h"

#include <stdlib.h>

/* One more than its place, 0 if it is not known. Without a table it is the one of this name that spoke last. */
static size_t run_find(const struct identities *identities, struct slice name, struct slice table)
{
    size_t i = identities->run_count;
    while (i > 0 && !(slice_equals(name, identities->runs[i - 1].name) &&
                      (!table.at || slice_equals(table, identities->runs[i - 1].table))))
        i--;
    return i;
}

/* Likewise. A layer may happen to bear the name of its cycle: then it is the one that began last. */
static size_t cycle_find(const struct identities *identities, struct slice name)
{
    size_t i = identities->cycle_count;
    while (i > 0 && !slice_equals(name, identities->cycles[i - 1].name))
        i--;
    return i;
}

static size_t cycle_find_as(const struct identities *identities, struct slice name, bool is_layer)
{
    size_t i = identities->cycle_count;
    while (i > 0 &&
           !(identities->cycles[i - 1].is_layer == is_layer && slice_equals(name, identities->cycles[i - 1].name)))
        i--;
    return i;
}

/* --- what a name adds to an event ------------------------------------------------------------------------------------ */

static bool run_complete(const struct identities *identities, struct event *event)
{
    size_t place = run_find(identities, event->run, event->table);
    const struct named_run *run = place > 0 ? &identities->runs[place - 1] : NULL;
    if (!event->table.at && run)
        event->table = slice_of(run->table);
    if (event->kind == EVENT_RUN_FAILED && run && run->timed_out)
        event->kind = EVENT_RUN_TIMEOUT;
    return event->table.at != NULL;
}

static bool layer_complete(struct event *event)
{
    switch (event->kind) {
    case EVENT_CYCLE_COMPLETED:
    case EVENT_CYCLE_CRASHED:
        event->kind = EVENT_LAYER_COMPLETED;
        event->duration_ms = 0;
        return true;
    case EVENT_LAYER_RETRY:
    case EVENT_LAYER_COMPLETED: return true;
    default: return false;
    }
}

/* A cycle that is told to be run again says once more that it begins. */
static bool cycle_complete(const struct event *event)
{
    return event->kind != EVENT_LAYER_RETRY && event->kind != EVENT_LAYER_COMPLETED;
}

bool identities_complete(const struct identities *identities, struct event *event)
{
    if (event->kind == EVENT_TEXT_FOLLOWS || event->kind == EVENT_CYCLE_STARTED || event->kind == EVENT_LAYER_STARTED)
        return true;
    if (event->run.len > 0)
        return run_complete(identities, event);
    size_t place = event->cycle.len > 0 ? cycle_find(identities, event->cycle) : 0;
    if (place == 0)
        return event->cycle.len == 0;
    return identities->cycles[place - 1].is_layer ? layer_complete(event) : cycle_complete(event);
}

struct names_known identities_known(const struct identities *identities, const struct event *event)
{
    size_t run = event->run.len > 0 ? run_find(identities, event->run, event->table) : 0;
    size_t cycle = event->cycle.len > 0 ? cycle_find(identities, event->cycle) : 0;
    struct names_known known = {
        .has_event = run > 0 || cycle > 0,
        .is_within = run > 0 || (cycle > 0 && identities->cycles[cycle - 1].is_layer),
        .runs = identities->run_count,
    };
    for (size_t i = 0; i < identities->cycle_count; i++)
        known.cycles += !identities->cycles[i].is_layer;
    return known;
}

/* --- what is remembered ---------------------------------------------------------------------------------------------- */

static void named_run_free(struct named_run *run)
{
    free(run->name);
    free(run->table);
}

static void named_run_forget(struct identities *identities, size_t place)
{
    named_run_free(&identities->runs[place - 1]);
    memmove(&identities->runs[place - 1], &identities->runs[place],
            (identities->run_count - place) * sizeof identities->runs[0]);
    identities->run_count--;
}

static struct named_run *named_run_add(struct identities *identities, struct slice name, struct slice table)
{
    if (identities->run_count == RUNS_NAMED_MAX)
        named_run_forget(identities, 1);
    struct named_run *run = &identities->runs[identities->run_count++];
    *run = (struct named_run){ .name = must_copy(name.at, name.len), .table = must_copy(table.at, table.len) };
    return run;
}

/* What spoke last stands last. */
static struct named_run *run_move_last(struct identities *identities, size_t place)
{
    struct named_run run = identities->runs[place - 1];
    memmove(&identities->runs[place - 1], &identities->runs[place],
            (identities->run_count - place) * sizeof identities->runs[0]);
    identities->runs[identities->run_count - 1] = run;
    return &identities->runs[identities->run_count - 1];
}

/* The event's table may be the one that is remembered. */
static void run_note(struct identities *identities, const struct event *event)
{
    size_t place = run_find(identities, event->run, event->table);
    if (event->kind == EVENT_RUN_ENDED || event->kind == EVENT_RUN_CRASHED) {
        if (place > 0)
            named_run_forget(identities, place);
        return;
    }
    struct named_run *run =
        place > 0 ? run_move_last(identities, place) : named_run_add(identities, event->run, event->table);
    if (event->kind == EVENT_ATTEMPT_TIMEOUT || event->kind == EVENT_ATTEMPT_FAILED || event->kind == EVENT_RUN_STARTED)
        run->timed_out = event->kind == EVENT_ATTEMPT_TIMEOUT;
}

static void cycle_forget(struct identities *identities, size_t place)
{
    free(identities->cycles[place - 1].name);
    memmove(&identities->cycles[place - 1], &identities->cycles[place],
            (identities->cycle_count - place) * sizeof identities->cycles[0]);
    identities->cycle_count--;
}

static void cycle_add(struct identities *identities, struct slice name, bool is_layer)
{
    if (identities->cycle_count == CYCLES_NAMED_MAX)
        cycle_forget(identities, 1);
    identities->cycles[identities->cycle_count++] =
        (struct named_cycle){ .name = must_copy(name.at, name.len), .is_layer = is_layer };
}

static void cycle_note(struct identities *identities, const struct event *event)
{
    bool begins = event->kind == EVENT_CYCLE_STARTED || event->kind == EVENT_LAYER_STARTED;
    bool ends = event->kind == EVENT_CYCLE_COMPLETED || event->kind == EVENT_CYCLE_CRASHED ||
                event->kind == EVENT_LAYER_COMPLETED;
    bool is_layer = event->kind == EVENT_LAYER_STARTED || event->kind == EVENT_LAYER_COMPLETED;
    size_t place = cycle_find_as(identities, event->cycle, is_layer);
    if (begins && place == 0)
        cycle_add(identities, event->cycle, is_layer);
    else if (ends && place > 0)
        cycle_forget(identities, place);
}

void identities_note(struct identities *identities, const struct event *event)
{
    if (event->kind == EVENT_TEXT_FOLLOWS)
        return;
    if (event->run.len > 0)
        run_note(identities, event);
    else if (event->cycle.len > 0)
        cycle_note(identities, event);
}

void identities_free(struct identities *identities)
{
    for (size_t i = 0; i < identities->run_count; i++)
        named_run_free(&identities->runs[i]);
    for (size_t i = 0; i < identities->cycle_count; i++)
        free(identities->cycles[i].name);
    identities->run_count = identities->cycle_count = 0;
}

/* --- the saved state ------------------------------------------------------------------------------------------------- */

static void run_archive(struct identities *identities, struct named_run *run, struct archive *archive)
{
    archive_text(archive, "named.run", &run->name);
    archive_text(archive, "named.table", &run->table);
    archive_bool(archive, "named.timed_out", &run->timed_out);
    if (!archive_loading(archive))
        return;
    if (run->name && run->table)
        identities->run_count++;
    else
        named_run_free(run);
}

static void cycle_archive(struct identities *identities, struct named_cycle *cycle, struct archive *archive)
{
    archive_text(archive, "named.cycle", &cycle->name);
    archive_bool(archive, "named.is_layer", &cycle->is_layer);
    if (archive_loading(archive))
        identities->cycle_count += cycle->name ? 1 : 0;
}

void identities_archive(struct identities *identities, struct archive *archive)
{
    int64_t runs = (int64_t)identities->run_count, cycles = (int64_t)identities->cycle_count;
    bool is_brief = archive_set_brief(archive, false);
    if (archive_loading(archive))
        identities_free(identities);
    archive_i64(archive, "named.runs", &runs);
    for (int64_t i = 0; i < runs && i < RUNS_NAMED_MAX; i++) {
        struct named_run *run = &identities->runs[archive_loading(archive) ? (int64_t)identities->run_count : i];
        if (archive_loading(archive))
            *run = (struct named_run){ 0 };
        run_archive(identities, run, archive);
    }
    archive_i64(archive, "named.cycles", &cycles);
    for (int64_t i = 0; i < cycles && i < CYCLES_NAMED_MAX; i++) {
        struct named_cycle *cycle =
            &identities->cycles[archive_loading(archive) ? (int64_t)identities->cycle_count : i];
        if (archive_loading(archive))
            *cycle = (struct named_cycle){ 0 };
        cycle_archive(identities, cycle, archive);
    }
    archive_set_brief(archive, is_brief);
}

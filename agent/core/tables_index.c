/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables_index.h"

#include <stdlib.h>

#include "base/fnv.h"

/*
 * A hash table with open addressing, at most half full. A slot holds a table's place in the list plus one, 0 if it is free. A few tables,
 * as in most pipelines, are found faster by looking at each.
 */
enum { SLOTS_LEAST = 64 };

static uint64_t hash_of(struct slice name)
{
    uint64_t hash = fnv_add(FNV_EMPTY, name.at, name.len);
    return hash ^ hash >> 32;
}

static struct table *find_among_few(const struct tables *tables, struct slice name)
{
    for (size_t i = 0; i < tables->count; i++)
        if (slice_equals(name, tables->at[i].name))
            return &tables->at[i];
    return NULL;
}

struct table *tables_index_find(const struct tables *tables, struct slice name)
{
    if (name.len == 0)
        return NULL; /* so is the name of a place whose table was dropped */
    if (tables->count <= FEW_TABLES || !tables->slots)
        return find_among_few(tables, name);
    uint64_t hash = hash_of(name);
    for (size_t at = (size_t)hash & (tables->slot_count - 1); tables->slots[at];
         at = (at + 1) & (tables->slot_count - 1)) {
        struct table *table = &tables->at[tables->slots[at] - 1];
        if (table->hash == hash && slice_equals(name, table->name))
            return table;
    }
    return NULL;
}

static void take_slot(struct tables *tables, struct table *table)
{
    if (table->name[0] == '\0')
        return;
    table->hash = hash_of(slice_of(table->name));
    size_t at = (size_t)table->hash & (tables->slot_count - 1);
    while (tables->slots[at])
        at = (at + 1) & (tables->slot_count - 1);
    tables->slots[at] = (uint32_t)table->index + 1;
}

void tables_index_renew(struct tables *tables)
{
    size_t wanted = SLOTS_LEAST;
    while (wanted < 4 * tables->count)
        wanted *= 2;
    free(tables->slots);
    tables->slots = must_alloc(wanted * sizeof *tables->slots);
    tables->slot_count = wanted;
    for (size_t i = 0; i < tables->count; i++)
        take_slot(tables, &tables->at[i]);
}

void tables_index_add(struct tables *tables, const struct table *table)
{
    if (tables->count <= FEW_TABLES)
        return;
    if (2 * tables->count > tables->slot_count)
        tables_index_renew(tables);
    else
        take_slot(tables, &tables->at[table->index]);
}

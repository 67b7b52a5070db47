/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <stdlib.h>
#include <string.h>

/* Incidents are found by what is asked of them, so that an event costs the same however many are open. */

/* --- lists ------------------------------------------------------------------------------------------------------ */

/* Where the incident stands in the list, or would. */
static size_t listed_place(const struct incident_list *list, const struct incident_record *record)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->at[middle]->incident.id < record->incident.id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void listed_add(struct incident_list *list, struct incident_record *record)
{
    size_t place = listed_place(list, record);
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 1;
        list->at = must_grow(list->at, list->room, sizeof(struct incident_record *));
    }
    memmove(list->at + place + 1, list->at + place, (list->count - place) * sizeof *list->at);
    list->at[place] = record;
    list->count++;
}

/* A damaged state may have one id twice, so the record itself is looked for. */
static void listed_remove(struct incident_list *list, const struct incident_record *record)
{
    size_t place = listed_place(list, record);
    while (list->at[place] != record)
        place++;
    memmove(list->at + place, list->at + place + 1, (--list->count - place) * sizeof *list->at);
}

/* --- by kind, by table ------------------------------------------------------------------------------------------ */

void incident_list_anew(struct incident_record *record)
{
    struct incidents *incidents = record->of;
    int kind = record->incident.open ? (int)record->kind : -1;
    if (kind == record->listed_as)
        return;
    if (record->listed_as >= 0)
        listed_remove(&incidents->open[record->listed_as], record);
    if (kind >= 0)
        listed_add(&incidents->open[kind], record);
    incidents->open_count += (size_t)(kind >= 0) - (size_t)(record->listed_as >= 0);
    record->listed_as = kind;
    for (size_t i = 0; i < record->member_count; i++)
        tables_mark_deadlines(incidents->tables, record->members[i].table);
}

static struct incident_list *list_of_table(struct incidents *incidents, size_t index)
{
    size_t count = incidents->of_tables_count;
    if (index >= count) {
        size_t wanted = count ? count : 8;
        while (wanted <= index)
            wanted *= 2;
        incidents->of_tables = must_grow(incidents->of_tables, wanted, sizeof *incidents->of_tables);
        memset(incidents->of_tables + count, 0, (wanted - count) * sizeof *incidents->of_tables);
        incidents->of_tables_count = wanted;
    }
    return &incidents->of_tables[index];
}

void incident_set_bad(struct incident_record *record, struct member *member, bool is_bad)
{
    if (member->bad == is_bad)
        return;
    member->bad = is_bad;
    record->bad_count += (size_t)is_bad - (size_t)!is_bad;
    if (is_bad)
        listed_add(list_of_table(record->of, member->table), record);
    else
        listed_remove(list_of_table(record->of, member->table), record);
    tables_mark_deadlines(record->of->tables, member->table);
}

bool incident_any_bad(const struct incident_record *record)
{
    return record->bad_count > 0;
}

static struct incident_record *find_of_table(const struct incidents *incidents, enum incident_kind kind, size_t index)
{
    if (index >= incidents->of_tables_count)
        return NULL;
    const struct incident_list *list = &incidents->of_tables[index];
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i]->incident.open && list->at[i]->kind == kind)
            return list->at[i];
    return NULL;
}

struct incident_record *incidents_find_among(const struct incidents *incidents, enum incident_kind kind,
                                             const struct table *table)
{
    if (table)
        return find_of_table(incidents, kind, table->index);
    const struct incident_list *list = &incidents->open[kind];
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i]->well_ms == 0)
            return list->at[i];
    return NULL;
}

/* --- what changed ------------------------------------------------------------------------------------------------ */

void incident_touch(struct incident_record *record)
{
    struct incidents *incidents = record->of;
    for (size_t i = 0; i < INCIDENT_DEADLINES; i++)
        deadlines_mark(&incidents->deadlines[i], record->place);
    if (record->is_touched)
        return;
    record->is_touched = true;
    incidents->touched = list_room(incidents->touched, incidents->touched_count, sizeof(struct incident_record *));
    incidents->touched[incidents->touched_count++] = record;
}

bool incidents_are_touched(const struct incidents *incidents)
{
    return incidents->gone_count > 0 || incidents->touched_count > 0;
}

void incidents_saved(struct incidents *incidents)
{
    for (size_t i = 0; i < incidents->touched_count; i++) {
        incidents->touched[i]->is_touched = false;
        incidents->touched[i]->is_saved = true;
    }
    incidents->touched_count = incidents->gone_count = 0;
}

void incident_gather(struct incident_record *record)
{
    struct incident_list *gathered = &record->of->gathered;
    size_t place = listed_place(gathered, record);
    if (place == gathered->count || gathered->at[place] != record)
        listed_add(gathered, record);
}

void incident_forget_gathered(struct incident_record *record)
{
    struct incident_list *gathered = &record->of->gathered;
    size_t place = listed_place(gathered, record);
    if (place < gathered->count && gathered->at[place] == record)
        listed_remove(gathered, record);
}

static void untouch(struct incidents *incidents, const struct incident_record *record)
{
    size_t i = 0;
    if (!record->is_touched)
        return;
    while (incidents->touched[i] != record)
        i++;
    incidents->touched[i] = incidents->touched[--incidents->touched_count];
}

/* --- records come and go ----------------------------------------------------------------------------------------- */

void incidents_index_add(struct incidents *incidents, struct incident_record *record)
{
    size_t place = 0;
    while (place < incidents->place_count && incidents->places[place])
        place++;
    if (place == incidents->place_count) {
        incidents->places = list_room(incidents->places, place, sizeof(struct incident_record *));
        incidents->place_count++;
    }
    incidents->places[place] = record;
    record->of = incidents;
    record->place = place;
    record->listed_as = -1;
}

void incidents_index_drop(struct incident_record *record)
{
    struct incidents *incidents = record->of;
    record->incident.open = false;
    incident_list_anew(record);
    for (size_t i = 0; i < record->member_count; i++)
        incident_set_bad(record, &record->members[i], false);
    incident_forget_gathered(record);
    untouch(incidents, record);
    incidents->places[record->place] = NULL;
    /* The deadlines that it had are asked for once more, and there are none. */
    for (size_t i = 0; i < INCIDENT_DEADLINES; i++)
        deadlines_mark(&incidents->deadlines[i], record->place);
}

static void list_end(struct incident_list *list)
{
    free(list->at);
    *list = (struct incident_list){ 0 };
}

void incidents_index_free(struct incidents *incidents)
{
    for (size_t kind = 0; kind < KINDS; kind++)
        list_end(&incidents->open[kind]);
    for (size_t i = 0; i < incidents->of_tables_count; i++)
        list_end(&incidents->of_tables[i]);
    for (size_t i = 0; i < INCIDENT_DEADLINES; i++)
        deadlines_free(&incidents->deadlines[i]);
    list_end(&incidents->gathered);
    free(incidents->of_tables);
    free(incidents->places);
    free(incidents->touched);
    incidents->of_tables = NULL;
    incidents->places = incidents->touched = NULL;
    incidents->of_tables_count = incidents->place_count = incidents->touched_count = 0;
}

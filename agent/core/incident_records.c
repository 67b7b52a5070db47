/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incidents.h"

#include <stdlib.h>

/* The list of incidents, and the tables of each. */

void incident_replace_text(const char **owned, const char *text)
{
    char *copy = text ? must_copy(text, strlen(text)) : NULL;
    free((void *)(uintptr_t)*owned);
    *owned = copy;
}

void incident_replace_cause(struct cause *owned, struct cause cause)
{
    incident_replace_text(&owned->words, cause.words);
    incident_replace_text(&owned->scenario, cause.scenario);
    incident_replace_text(&owned->first_command, cause.first_command);
    incident_replace_text(&owned->runbook, cause.runbook);
    incident_replace_text(&owned->title, cause.title);
    incident_replace_text(&owned->escalate_to, cause.escalate_to);
    incident_replace_text(&owned->id, cause.id);
}

struct incident_record *incidents_add(struct incidents *incidents)
{
    if (incidents->count == incidents->room) {
        incidents->room = incidents->room ? 2 * incidents->room : 8;
        incidents->records = must_grow(incidents->records, incidents->room, sizeof *incidents->records);
    }
    struct incident_record *record = must_alloc(sizeof *record);
    incidents->records[incidents->count++] = record;
    incidents_index_add(incidents, record);
    incident_touch(record);
    return record;
}

void incidents_drop(struct incidents *incidents, size_t index)
{
    struct incident_record *record = incidents->records[index];
    size_t behind = --incidents->count - index;
    memmove(incidents->records + index, incidents->records + index + 1, behind * sizeof *incidents->records);
    if (record->is_saved) {
        incidents->gone = list_room(incidents->gone, incidents->gone_count, sizeof *incidents->gone);
        incidents->gone[incidents->gone_count++] = record->incident.id;
    }
    incidents_index_drop(record);
    incident_replace_text(&record->incident.summary, NULL);
    incident_replace_cause(&record->incident.cause, (struct cause){ 0 });
    incident_replace_text(&record->incident.evidence, NULL);
    free((void *)(uintptr_t)record->incident.tables);
    free(record->members);
    free(record->what);
    free(record->detail);
    free(record);
}

void incidents_free(struct incidents *incidents)
{
    while (incidents->count)
        incidents_drop(incidents, incidents->count - 1);
    free(incidents->records);
    free(incidents->gone);
    incidents_index_free(incidents);
    free(incidents->recurrences.at);
}

/* The members stand in the order of their tables' indexes: where the table's is, or would be. */
static size_t member_place(const struct incident_record *record, size_t index)
{
    size_t low = 0, high = record->member_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (record->members[middle].table < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct member *incident_member(const struct incident_record *record, const struct table *table)
{
    size_t place = table ? member_place(record, table->index) : record->member_count;
    bool found = place < record->member_count && record->members[place].table == table->index;
    return found ? &record->members[place] : NULL;
}

static size_t name_place(const struct incident *incident, const char *name)
{
    size_t low = 0, high = incident->table_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(incident->tables[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A saved state may name the same table twice, which is one member. */
void incident_add_member(struct incident_record *record, const struct table *table)
{
    struct incident *incident = &record->incident;
    size_t place = member_place(record, table->index), count = record->member_count;
    if (place < count && record->members[place].table == table->index)
        return;
    record->members = list_room(record->members, count, sizeof *record->members);
    memmove(&record->members[place + 1], &record->members[place], (count - place) * sizeof *record->members);
    record->members[place] = (struct member){ .table = table->index };
    record->member_count++;
    incident_set_bad(record, &record->members[place], true);

    const char **names = list_room((void *)(uintptr_t)incident->tables, count, sizeof *names);
    incident->tables = names;
    place = name_place(incident, table->name);
    memmove(&names[place + 1], &names[place], (count - place) * sizeof *names);
    names[place] = table->name;
    incident->table_count++;
}

/* The table that opened an incident may leave it; then the first of the others stands for it. */
void incident_drop_member(struct incident_record *record, const struct table *table, const struct tables *tables)
{
    struct incident *incident = &record->incident;
    const char **names = (const char **)(uintptr_t)incident->tables;
    struct member *member = incident_member(record, table);
    size_t name = 0, index;
    if (!member)
        return;
    incident_set_bad(record, member, false);
    index = (size_t)(member - record->members);
    memmove(member, member + 1, (--record->member_count - index) * sizeof *member);
    while (strcmp(names[name], table->name) != 0)
        name++;
    memmove(names + name, names + name + 1, (--incident->table_count - name) * sizeof *names);
    if (incident->table && strcmp(incident->table, table->name) == 0)
        incident->table = record->member_count ? tables->at[record->members[0].table].name : NULL;
}

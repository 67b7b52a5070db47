/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recurrence.h"

#include <string.h>

#include "saved.h"
#include "units.h"

/* "At about this time": an hour more or less, so that a change of the local time loses nothing. What is four weeks old is forgotten. */
enum { ABOUT_MS = 75 * MINUTE_MS, DAYS_SEEN = 28 };

static int64_t newest_ms(const struct recurrence *recurrence)
{
    return recurrence->count ? recurrence->at_ms[recurrence->count - 1] : INT64_MIN;
}

static struct recurrence *find(const struct recurrences *recurrences, int64_t kind, int64_t table)
{
    for (size_t i = 0; i < recurrences->count; i++)
        if (recurrences->at[i].kind == kind && recurrences->at[i].table == table)
            return &recurrences->at[i];
    return NULL;
}

/* A new pair takes the place of the one that has not begun for longest. */
static struct recurrence *find_or_add(struct recurrences *recurrences, int64_t kind, int64_t table)
{
    struct recurrence *found = find(recurrences, kind, table);
    if (found)
        return found;
    if (!recurrences->at)
        recurrences->at = must_alloc(RECURRENCES_KEPT * sizeof *recurrences->at);
    found = &recurrences->at[recurrences->count < RECURRENCES_KEPT ? recurrences->count++ : 0];
    for (size_t i = 0; i < recurrences->count; i++)
        if (newest_ms(&recurrences->at[i]) < newest_ms(found))
            found = &recurrences->at[i];
    *found = (struct recurrence){ .kind = kind, .table = table };
    return found;
}

void recurrences_note(struct recurrences *recurrences, enum incident_kind kind, int64_t table, int64_t now_ms)
{
    struct recurrence *recurrence = find_or_add(recurrences, (int64_t)kind, table);
    if (recurrence->count == BEGINNINGS_KEPT)
        memmove(recurrence->at_ms, recurrence->at_ms + 1, --recurrence->count * sizeof *recurrence->at_ms);
    recurrence->at_ms[recurrence->count++] = now_ms;
    recurrences->are_changed = true;
}

void recurrences_take_back(struct recurrences *recurrences, enum incident_kind kind, int64_t table)
{
    struct recurrence *recurrence = find(recurrences, (int64_t)kind, table);
    if (recurrence && recurrence->count)
        recurrence->count--;
    recurrences->are_changed = true;
}

int64_t recurrences_today(const struct recurrences *recurrences, enum incident_kind kind, int64_t table, int64_t now_ms)
{
    const struct recurrence *recurrence = find(recurrences, (int64_t)kind, table);
    int64_t today = 0;
    for (size_t i = 0; recurrence && i < recurrence->count; i++)
        today += now_ms - recurrence->at_ms[i] < DAY_MS;
    return today;
}

int64_t recurrences_apart(const struct recurrences *recurrences, enum incident_kind kind, int64_t table,
                          int64_t most_ms)
{
    const struct recurrence *recurrence = find(recurrences, kind, table);
    int64_t widest_ms = 0;
    for (size_t i = 1; recurrence && i < recurrence->count; i++) {
        int64_t apart_ms = recurrence->at_ms[i] - recurrence->at_ms[i - 1];
        if (newest_ms(recurrence) - recurrence->at_ms[i - 1] < DAY_MS && apart_ms > widest_ms && apart_ms <= most_ms)
            widest_ms = apart_ms;
    }
    return widest_ms;
}

int64_t recurrences_days(const struct recurrences *recurrences, enum incident_kind kind, int64_t table, bool *weekly)
{
    *weekly = true;
    const struct recurrence *recurrence = find(recurrences, (int64_t)kind, table);
    int64_t days = 0, last = -1;
    for (size_t i = recurrence ? recurrence->count : 0; i-- > 0;) {
        int64_t ago_ms = newest_ms(recurrence) - recurrence->at_ms[i] + ABOUT_MS, day = ago_ms / DAY_MS;
        if (day <= last || day > DAYS_SEEN || ago_ms % DAY_MS > 2 * ABOUT_MS)
            continue;
        last = day;
        days++;
        *weekly = *weekly && day % 7 == 0;
    }
    return days;
}

void recurrences_forget(struct recurrences *recurrences, int64_t table)
{
    for (size_t i = recurrences->count; i-- > 0;)
        if (recurrences->at[i].table == table) {
            recurrences->at[i] = recurrences->at[--recurrences->count];
            recurrences->are_changed = true;
        }
}

void recurrences_archive(struct recurrences *recurrences, struct archive *archive)
{
    int64_t count = (int64_t)recurrences->count;
    saved_i64(archive, "recurrences", &count);
    for (int64_t i = 0; i < count && i < RECURRENCES_KEPT; i++) {
        int64_t values[2 + BEGINNINGS_KEPT];
        size_t used = 2;
        if (!archive_loading(archive)) {
            const struct recurrence *recurrence = &recurrences->at[i];
            values[0] = recurrence->kind;
            values[1] = recurrence->table;
            memcpy(values + 2, recurrence->at_ms, recurrence->count * sizeof *values);
            used += recurrence->count;
        }
        saved_i64s(archive, "recurrence", values, &used, 2 + BEGINNINGS_KEPT);
        if (archive_loading(archive) && used > 2) {
            struct recurrence *recurrence = find_or_add(recurrences, values[0], values[1]);
            recurrence->count = used - 2;
            memcpy(recurrence->at_ms, values + 2, recurrence->count * sizeof *values);
        }
    }
}

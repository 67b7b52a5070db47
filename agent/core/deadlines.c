/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "deadlines.h"

#include <stdlib.h>

#include "base/strbuf.h"

enum { ITEMS_LEAST = 8 };
static const uint32_t MARKED = (uint32_t)DEADLINE_MARKED;

/* --- the heap ------------------------------------------------------------------------------------------------ */

static void put_at(struct deadlines *deadlines, size_t at, struct deadline deadline)
{
    uint32_t *place = &deadlines->places[deadline.item];
    deadlines->heap[at] = deadline;
    *place = (*place & MARKED) | ((uint32_t)at + 1);
}

static void sift_up(struct deadlines *deadlines, size_t at, struct deadline deadline)
{
    while (at > 0 && deadlines->heap[(at - 1) / 2].due_ms > deadline.due_ms) {
        put_at(deadlines, at, deadlines->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put_at(deadlines, at, deadline);
}

static void sift_down(struct deadlines *deadlines, size_t at, struct deadline deadline)
{
    size_t child;
    while ((child = 2 * at + 1) < deadlines->count) {
        if (child + 1 < deadlines->count && deadlines->heap[child + 1].due_ms < deadlines->heap[child].due_ms)
            child++;
        if (deadlines->heap[child].due_ms >= deadline.due_ms)
            break;
        put_at(deadlines, at, deadlines->heap[child]);
        at = child;
    }
    put_at(deadlines, at, deadline);
}

static void settle(struct deadlines *deadlines, size_t at, struct deadline deadline)
{
    if (at > 0 && deadlines->heap[(at - 1) / 2].due_ms > deadline.due_ms)
        sift_up(deadlines, at, deadline);
    else
        sift_down(deadlines, at, deadline);
}

static void take_out(struct deadlines *deadlines, size_t at)
{
    struct deadline last = deadlines->heap[--deadlines->count];
    deadlines->places[deadlines->heap[at].item] &= MARKED;
    if (at < deadlines->count)
        settle(deadlines, at, last);
}

static void set_due(struct deadlines *deadlines, uint32_t item, int64_t due_ms)
{
    uint32_t place = deadlines->places[item] & ~MARKED;
    struct deadline deadline = { due_ms, item };
    if (due_ms == INT64_MAX && place) {
        take_out(deadlines, place - 1);
    } else if (due_ms != INT64_MAX && place) {
        settle(deadlines, place - 1, deadline);
    } else if (due_ms != INT64_MAX) {
        deadlines->heap = list_room(deadlines->heap, deadlines->count, sizeof *deadlines->heap);
        sift_up(deadlines, deadlines->count++, deadline);
    }
}

/* --- marks and questions --------------------------------------------------------------------------------------- */

static void add_items(struct deadlines *deadlines, size_t items)
{
    size_t room = deadlines->room ? deadlines->room : ITEMS_LEAST;
    while (room < items)
        room *= 2;
    if (room > deadlines->room) {
        deadlines->places = must_grow(deadlines->places, room, sizeof *deadlines->places);
        deadlines->marked = must_grow(deadlines->marked, room, sizeof *deadlines->marked);
        deadlines->room = room;
    }
    while (deadlines->items < items)
        deadlines->places[deadlines->items++] = 0;
}

void deadlines_mark_new(struct deadlines *deadlines, size_t item)
{
    if (item >= deadlines->items)
        add_items(deadlines, item + 1);
    deadlines->places[item] |= MARKED;
    deadlines->marked[deadlines->marked_count++] = (uint32_t)item;
}

void deadlines_mark_all(struct deadlines *deadlines, size_t items)
{
    for (size_t item = 0; item < items; item++)
        deadlines_mark(deadlines, item);
}

int64_t deadlines_first(struct deadlines *deadlines, deadline_of_item *of_item, const void *ctx)
{
    uint32_t asked = UINT32_MAX; /* the item that was asked last */
    while (deadlines->marked_count > 0) {
        asked = deadlines->marked[--deadlines->marked_count];
        deadlines->places[asked] &= ~MARKED;
        set_due(deadlines, asked, of_item(ctx, asked));
    }
    while (deadlines->count > 0) {
        struct deadline first = deadlines->heap[0];
        int64_t due_ms = first.item == asked ? first.due_ms : of_item(ctx, first.item);
        if (due_ms == first.due_ms)
            return due_ms;
        asked = first.item;
        set_due(deadlines, asked, due_ms);
    }
    return INT64_MAX;
}

static int compare_items(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    return one < other ? -1 : one > other;
}

uint32_t *deadlines_due(const struct deadlines *deadlines, int64_t at_ms, size_t *count)
{
    uint32_t *places = NULL;
    size_t found = 0;
    /* The list of places grows by the children of each that is due, while it is being walked. */
    if (deadlines->count > 0 && deadlines->heap[0].due_ms <= at_ms) {
        places = list_room(places, found, sizeof *places);
        places[found++] = 0;
    }
    for (size_t i = 0; i < found; i++)
        for (size_t child = 2 * (size_t)places[i] + 1; child <= 2 * (size_t)places[i] + 2; child++) {
            if (child >= deadlines->count || deadlines->heap[child].due_ms > at_ms)
                continue;
            places = list_room(places, found, sizeof *places);
            places[found++] = (uint32_t)child;
        }
    for (size_t i = 0; i < found; i++)
        places[i] = deadlines->heap[places[i]].item;
    if (found > 1)
        qsort(places, found, sizeof *places, compare_items);
    *count = found;
    return places;
}

void deadlines_free(struct deadlines *deadlines)
{
    free(deadlines->heap);
    free(deadlines->places);
    free(deadlines->marked);
    *deadlines = (struct deadlines){ 0 };
}

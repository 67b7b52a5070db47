/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_DEADLINES_H
#define CORE_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first of many deadlines, found without asking for each of them at every event. Every item has a number, from 0 on, and at most one
 * deadline. It is asked for when the item was marked, and kept in a heap.
 *
 * A deadline may become later without a mark, because the first one is always asked for once more. What may make a deadline earlier must mark its
 * item (or all of them), else the deadline is missed.
 */
struct deadline {
    int64_t due_ms;
    uint32_t item;
};

struct deadlines {
    struct deadline *heap; /* no item's deadline is before that of its parent, which is at (i - 1) / 2 */
    uint32_t *
        places; /* of each item: its index in the heap plus one, 0 if it has no deadline; the highest bit: it is marked */
    uint32_t *marked; /* the items that are marked, in no order */
    size_t count, marked_count, items, room;
};

enum { DEADLINE_MARKED = INT32_MIN };

/* The deadline of an item as things are now; INT64_MAX if it has none, or there is no such item. */
typedef int64_t deadline_of_item(const void *ctx, size_t item);

/* For deadlines_mark alone: the item is not marked yet. */
void deadlines_mark_new(struct deadlines *deadlines, size_t item);
/* The deadline of the item may be earlier than it was. */
static inline void deadlines_mark(struct deadlines *deadlines, size_t item)
{
    if (item >= deadlines->items || !(deadlines->places[item] & (uint32_t)DEADLINE_MARKED))
        deadlines_mark_new(deadlines, item);
}
/* The deadlines of all items may be earlier than they were; so many items there are. */
void deadlines_mark_all(struct deadlines *deadlines, size_t items);
/* The first deadline, INT64_MAX if there is none. */
int64_t deadlines_first(struct deadlines *deadlines, deadline_of_item *of_item, const void *ctx);
/*
 * The items that were due at that time or before when deadlines_first was last called, in the order of their numbers, and how many they are. The list
 * is the caller's to free. Some of them may have become due later since then.
 */
uint32_t *deadlines_due(const struct deadlines *deadlines, int64_t at_ms, size_t *count);
void deadlines_free(struct deadlines *deadlines);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "siblings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void siblings_add(struct siblings *siblings, struct tail *tail, const char *name)
{
    size_t index = tail ? siblings_find_inode(siblings, tail) : siblings->count;

    if (!tail || (index != SIZE_MAX && !tail_is_packed(tail))) {
        tail_free(tail);
        return;
    }
    if (index == SIZE_MAX) {
        index = siblings->count++;
        siblings->at = must_grow(siblings->at, siblings->count, sizeof *siblings->at);
    } else {
        tail_free(siblings->at[index].tail);
        free(siblings->at[index].name);
    }
    siblings->at[index] = (struct sibling){ .tail = tail, .name = must_copy(name, strlen(name)) };
}

/* While PATH.1 is being packed, PATH.1.gz begins as PATH.1 does. The packed file is whole when the other one is gone. */
static bool is_unfinished(const struct siblings *siblings, const struct sibling *packed)
{
    size_t len = strlen(packed->name) - strlen(".gz");
    for (size_t i = 0; i < siblings->count; i++) {
        const struct sibling *plain = &siblings->at[i];
        if (strlen(plain->name) == len && strncmp(plain->name, packed->name, len) == 0 &&
            tail_begins_alike(plain->tail, packed->tail))
            return true;
    }
    return false;
}

void siblings_drop_unfinished(struct siblings *siblings)
{
    for (size_t i = siblings->count; i-- > 0;) {
        struct sibling *one = &siblings->at[i];
        if (!tail_is_packed(one->tail) || !is_unfinished(siblings, one))
            continue;
        tail_free(one->tail);
        free(one->name);
        *one = siblings->at[--siblings->count];
    }
}

void siblings_free(struct siblings *siblings)
{
    for (size_t i = 0; i < siblings->count; i++) {
        tail_free(siblings->at[i].tail);
        free(siblings->at[i].name);
    }
    free(siblings->at);
    *siblings = (struct siblings){ 0 };
}

static bool is_dated(const char *name)
{
    enum { DATES_FROM = 100000 };
    return strtol(name, NULL, 10) >= DATES_FROM;
}

/* .2 is older than .1, but -20260212 is younger than -20260211. */
static bool is_older_by_name(const char *a, const char *b)
{
    return is_dated(a) || is_dated(b) ? strcmp(a, b) < 0 : strtol(a, NULL, 10) > strtol(b, NULL, 10);
}

/*
 * Siblings are ordered by birth, not by their last write: a writer that stayed with an old file would make that one look young. The
 * name decides where two births are equal, and where a file is packed, since the birth of a packed text is not known. Names do not
 * compare where one is a date and the other a number (logrotate's .backup beside .1); then the last write to a packed file
 * stands for its birth.
 */
static bool is_older(const struct sibling *a, const struct sibling *b)
{
    bool packed = tail_is_packed(a->tail) || tail_is_packed(b->tail);
    if (a->born_ns == b->born_ns || (packed && is_dated(a->name) == is_dated(b->name)))
        return is_older_by_name(a->name, b->name);
    return a->born_ns < b->born_ns;
}

void siblings_sort(struct siblings *siblings)
{
    for (size_t i = 0; i < siblings->count; i++)
        siblings->at[i].born_ns = tail_born_ns(siblings->at[i].tail);
    for (size_t i = 1; i < siblings->count; i++) {
        struct sibling one = siblings->at[i];
        size_t place = i;
        for (; place > 0 && is_older(&one, &siblings->at[place - 1]); place--)
            siblings->at[place] = siblings->at[place - 1];
        siblings->at[place] = one;
    }
}

/* A file that begins otherwise than it did was truncated while we did not look, and not before its copy was finished. */
static void date_sibling(const struct siblings *siblings, struct tail *tail, const struct source_position *position)
{
    if (tail_begins_as(tail, position)) {
        tail_date(tail, tail_begun_ns(position));
        return;
    }
    size_t copy = siblings_find_copy(siblings, position);
    if (copy != SIZE_MAX)
        tail_date(tail, tail_changed_ns(siblings->at[copy].tail) + 1);
}

void siblings_date(struct siblings *siblings, struct tail *at_path, const struct source_position *position)
{
    for (size_t i = 0; i < siblings->count; i++)
        if (tail_is(siblings->at[i].tail, position->device, position->inode))
            date_sibling(siblings, siblings->at[i].tail, position);
    if (at_path && tail_is(at_path, position->device, position->inode))
        date_sibling(siblings, at_path, position);
    siblings_sort(siblings);
}

struct tail *siblings_take(struct siblings *siblings, size_t index)
{
    struct tail *tail = siblings->at[index].tail;
    siblings->at[index].tail = NULL;
    return tail;
}

size_t siblings_find_inode(const struct siblings *siblings, const struct tail *file)
{
    struct source_position id = tail_position(file);
    for (size_t i = 0; i < siblings->count; i++)
        if (siblings->at[i].tail && tail_is(siblings->at[i].tail, id.device, id.inode))
            return i;
    return SIZE_MAX;
}

size_t siblings_find_packed(const struct siblings *siblings, const struct tail *file)
{
    struct source_position position = tail_position(file);
    for (size_t i = 0; i < siblings->count; i++) {
        const struct sibling *sibling = &siblings->at[i];
        if (sibling->tail && tail_is_packed(sibling->tail) && siblings_is_generation_name(sibling->name) &&
            tail_copies(sibling->tail, &position))
            return i;
    }
    return SIZE_MAX;
}

size_t siblings_find_position(const struct siblings *siblings, const struct source_position *position)
{
    for (size_t i = 0; i < siblings->count; i++) {
        const struct tail *tail = siblings->at[i].tail;
        if (tail && tail_is_of(tail, position))
            return i;
    }
    return SIZE_MAX;
}

size_t siblings_find_copy(const struct siblings *siblings, const struct source_position *position)
{
    for (size_t i = 0; i < siblings->count; i++)
        if (siblings->at[i].tail && tail_copies(siblings->at[i].tail, position))
            return i;
    return SIZE_MAX;
}

bool siblings_is_generation_name(const char *name)
{
    const char *end = name + strspn(name, "0123456789-_:.T");
    /* logrotate adds .backup to a log that the writer had made before logrotate did. */
    return isdigit((unsigned char)name[0]) && (*end == '\0' || strcmp(end, "backup") == 0 || strcmp(end, "gz") == 0);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "repeated.h"

#include <stdlib.h>

#include "base/strbuf.h"

enum { MESSAGES_KEPT = 256, MESSAGE_MAX_BYTES = 160 };

struct repeated_message {
    struct repeated_message *after; /* what was said after it the last time; NULL: nothing yet */
    size_t len;
    size_t table_at; /* where the message names the table */
    struct event event;
    char text[MESSAGE_MAX_BYTES];
};

struct repeated {
    struct repeated_message *messages[MESSAGES_KEPT]; /* owned; NULL: the place is free */
    struct repeated_message *last;                    /* the one that was said last; NULL: none yet */
};

struct repeated *repeated_new(void)
{
    return must_alloc(sizeof(struct repeated));
}

void repeated_free(struct repeated *repeated)
{
    if (!repeated)
        return;
    for (size_t i = 0; i < MESSAGES_KEPT; i++)
        free(repeated->messages[i]);
    free(repeated);
}

static uint64_t mixed(uint64_t mark, const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return (mark << 7 | mark >> 57) ^ bytes;
}

/*
 * Each message has one place, by a hash of its text, eight bytes at a time; the last eight may overlap those before them. Only the sum of
 * all is multiplied, because each step waits for the one before it.
 */
static size_t place_of(struct slice message)
{
    enum { STEP = sizeof(uint64_t) };
    uint64_t mark = message.len;
    if (message.len < STEP)
        return 0;
    for (size_t at = 0; at + STEP < message.len; at += STEP)
        mark = mixed(mark, message.at + at);
    mark = mixed(mark, message.at + message.len - STEP) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 over the golden ratio */
    return (mark >> 32) % MESSAGES_KEPT;
}

static bool is_said(const struct repeated_message *known, struct slice message)
{
    return known && known->len == message.len && memcmp(known->text, message.at, message.len) == 0;
}

static void note_order(struct repeated *repeated, struct repeated_message *known)
{
    if (repeated->last)
        repeated->last->after = known;
    repeated->last = known;
}

/* Cycles say the same in the same order, so as a rule no place has to be reckoned. */
bool repeated_find(struct repeated *repeated, struct slice message, struct event *event)
{
    struct repeated_message *known = repeated->last ? repeated->last->after : NULL;
    if (!is_said(known, message)) {
        known = message.len <= MESSAGE_MAX_BYTES ? repeated->messages[place_of(message)] : NULL;
        if (!is_said(known, message))
            return false;
    }
    note_order(repeated, known);
    *event = known->event;
    if (event->table.at)
        event->table.at = message.at + known->table_at;
    return true;
}

void repeated_keep(struct repeated *repeated, struct slice message, const struct event *event)
{
    if (message.len > MESSAGE_MAX_BYTES)
        return;
    struct repeated_message **place = &repeated->messages[place_of(message)];
    if (!*place)
        *place = must_alloc(sizeof **place);
    (*place)->len = message.len;
    (*place)->table_at = event->table.at ? (size_t)(event->table.at - message.at) : 0;
    (*place)->event = *event;
    memcpy((*place)->text, message.at, message.len);
    note_order(repeated, *place);
}

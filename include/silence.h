/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SILENCE_H
#define SILENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "incident.h"

/*
 * Whether people are told now: silences, which somebody begins with `agent silence`, and windows, which the configuration repeats by the
 * local clock. What is decided here depends on the arguments alone. Times are wall times (milliseconds UTC).
 */

/* What a silence or a window holds back. */
struct silence_scope {
    struct text_list alerts, tables; /* globs: only what matches one of them; none: whatever it is */
    enum severity most;              /* SEVERITY_WARNING: criticals are told all the same */
};

struct silence {
    int64_t id; /* 1, 2, 3 ... within one history */
    int64_t starts_ms, ends_ms;
    struct silence_scope scope;
};

enum { WEEK_DAYS = 7, DAY_MINUTES = 24 * 60 };

/*
 * It begins on each of its days when the clock shows from, and ends when the clock shows to, on the next day if to is not later than from. In
 * the hour that repeats in autumn it is in force whenever the clock shows a time in it, and without a hole in between. A time that is left out
 * in spring stands for the moment of the change.
 */
struct silence_window {
    char *name;       /* owned */
    int64_t days;     /* bit 0: Monday ... bit 6: Sunday; 0: every day */
    int64_t from_min; /* minutes since midnight; -1: midnight */
    int64_t to_min;   /* likewise, DAY_MINUTES at most; -1: the midnight behind it */
    struct silence_scope scope;
};

/* Local time less UTC at a wall time, in milliseconds. */
typedef int64_t local_offset(int64_t wall_ms);

struct silences {
    const struct silence *at;
    size_t count;
    const struct silence_window *windows;
    size_t window_count;
    local_offset *offset; /* not NULL if there are windows */
};

/* What a notification is about. */
struct silence_subject {
    enum alert alert;
    enum severity severity;
    const char *const *tables; /* every table in its incident */
    size_t table_count;
};

/*
 * Until when the notification is held back, or at least not told; 0 if it is told now. One that concerns tables is held back by a scope of
 * tables only if all of them are covered, be it by several silences: none may hide a table that it does not name. One that concerns no table
 * is never held back by a scope of tables.
 */
int64_t silences_until(const struct silences *silences, const struct silence_subject *subject, int64_t now_ms);

bool silence_is_in_force(const struct silence *silence, int64_t now_ms);
/* The time in which the window is in force now, or else the next one. False if there is none in the next weeks. */
bool silence_window_next(const struct silence_window *window, local_offset *offset, int64_t now_ms, int64_t *begins_ms,
                         int64_t *ends_ms);
/* True if it has no end: it is in force on every day from an hour to the same hour. */
bool silence_window_is_always(const struct silence_window *window);
bool silence_window_is_in_force(const struct silence_window *window, local_offset *offset, int64_t now_ms);

/* Adds what is held back, in words: "everything", "warnings, alert Lag*, table bronze_*". */
void silence_scope_words(const struct silence_scope *scope, struct strbuf *out);

/* A copy that owns its globs, and the end of such a copy. */
struct silence silence_copy(const struct silence *silence);
void silence_free(struct silence *silence);

#endif

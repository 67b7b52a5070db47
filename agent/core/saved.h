/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_SAVED_H
#define CORE_SAVED_H

#include "base/archive.h"

/*
 * Numbers of the saved state. Whoever may write to the history may write any number there. What is loaded is bounded, so that sums do not
 * overflow; no number that was saved is anywhere near the bound.
 */
static const int64_t SAVED_NUMBER_MOST = INT64_C(1) << 60;

static inline void saved_bound(int64_t *value)
{
    if (*value > SAVED_NUMBER_MOST)
        *value = SAVED_NUMBER_MOST;
    if (*value < -SAVED_NUMBER_MOST)
        *value = -SAVED_NUMBER_MOST;
}

static inline void saved_i64(struct archive *archive, const char *name, int64_t *value)
{
    saved_bound(value);
    archive_i64(archive, name, value);
    saved_bound(value);
}

/* The same for ids and counts, which are never below 0. */
static inline void saved_count(struct archive *archive, const char *name, int64_t *value)
{
    if (*value < 0)
        *value = 0;
    saved_i64(archive, name, value);
    if (*value < 0)
        *value = 0;
}

static inline void saved_i64s(struct archive *archive, const char *name, int64_t *values, size_t *count, size_t room)
{
    archive_i64s(archive, name, values, count, room);
    for (size_t i = 0; archive_loading(archive) && i < *count; i++)
        saved_bound(&values[i]);
}

/* The same for values that mostly rise. */
static inline void saved_rising(struct archive *archive, const char *name, int64_t *values, size_t *count, size_t room)
{
    archive_rising(archive, name, values, count, room);
    for (size_t i = 0; archive_loading(archive) && i < *count; i++)
        saved_bound(&values[i]);
}

#endif

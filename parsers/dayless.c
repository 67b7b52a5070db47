/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dayless.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/budgets.h"
#include "timestamp.h"

static const int64_t SECOND_MS = 1000, MINUTE_MS = 60 * 1000, DAY_MS = INT64_C(24) * 60 * 60 * 1000;
static const int64_t QUARTER_MS = 15 * 60 * 1000; /* every zone is ahead of UTC or behind it by whole ones of these */
enum { DAY_S = 24 * 60 * 60, AROUND_DAYS = 2 };

void dayless_init(struct dayless *dayless)
{
    *dayless = (struct dayless){ .last_ms = INT64_MIN, .doubt_ms = INT64_MIN };
}

/* The instant with these minutes and seconds of a quarter of an hour, from 14 minutes before the frame's time to one after it. */
static int64_t by_frame(int64_t frame_ms, int64_t of_day_ms)
{
    int64_t ago_ms = (frame_ms - of_day_ms) % QUARTER_MS;
    ago_ms += ago_ms < 0 ? QUARTER_MS : 0;
    return frame_ms - ago_ms + (ago_ms > QUARTER_MS - MINUTE_MS ? QUARTER_MS : 0);
}

/* Among the instants with one local time: the first that is not earlier than a moment, or the nearest to it. */
struct search {
    int64_t from_ms;
    int64_t found_ms; /* INT64_MIN: none yet */
};

static void take_nearest(struct search *search, int64_t ms)
{
    if (search->found_ms == INT64_MIN || llabs(ms - search->from_ms) < llabs(search->found_ms - search->from_ms))
        search->found_ms = ms;
}

static void take_first(struct search *search, int64_t ms)
{
    if (ms >= search->from_ms && (search->found_ms == INT64_MIN || ms < search->found_ms))
        search->found_ms = ms;
}

static int64_t search_days(struct timestamp_reader *reader, int64_t from_ms, int64_t of_day_ms,
                           void (*take)(struct search *search, int64_t ms))
{
    struct search search = { from_ms, INT64_MIN };
    int64_t local_s = from_ms / SECOND_MS + timestamp_zone_offset(from_ms / SECOND_MS);
    int64_t midnight_s = local_s - ((local_s % DAY_S) + DAY_S) % DAY_S;
    for (int day = -AROUND_DAYS; day <= AROUND_DAYS; day++) {
        int64_t utc_s[2];
        int count = timestamp_instants(reader, midnight_s + (int64_t)day * DAY_S + of_day_ms / SECOND_MS, utc_s);
        for (int i = 0; i < count; i++)
            take(&search, utc_s[i] * SECOND_MS + of_day_ms % SECOND_MS);
    }
    return search.found_ms;
}

/* Whether a time goes on from another one in the usual way. */
static bool goes_on(int64_t ms, int64_t from_ms)
{
    return from_ms != INT64_MIN && ms >= from_ms - MINUTE_MS && ms - from_ms <= DAY_MS / 2;
}

static int64_t by_order(struct timestamp_reader *reader, int64_t of_day_ms)
{
    const struct dayless *dayless = &reader->dayless;
    int64_t ms = search_days(reader, dayless->last_ms - MINUTE_MS, of_day_ms, take_first);
    if (goes_on(ms, dayless->last_ms) || dayless->doubt_ms == INT64_MIN)
        return ms;
    int64_t doubted_ms = search_days(reader, dayless->doubt_ms - MINUTE_MS, of_day_ms, take_first);
    return goes_on(doubted_ms, dayless->doubt_ms) ? doubted_ms : ms;
}

size_t dayless_read(struct timestamp_reader *reader, const char *text, size_t len, int64_t *ms)
{
    const struct dayless *dayless = &reader->dayless;
    int64_t of_day_ms;
    size_t used = timestamp_read_of_day(text, len, &of_day_ms);
    if (used == 0)
        return 0;
    if (dayless->frame_ms)
        *ms = by_frame(dayless->frame_ms, of_day_ms);
    else if (dayless->near_ms)
        *ms = search_days(reader, dayless->near_ms, of_day_ms, take_nearest);
    else if (dayless->last_ms != INT64_MIN)
        *ms = by_order(reader, of_day_ms);
    else
        return 0;
    return used;
}

void dayless_seen(struct dayless *dayless, int64_t ms)
{
    bool believed = dayless->frame_ms || dayless->near_ms || dayless->last_ms == INT64_MIN ||
                    goes_on(ms, dayless->last_ms) || goes_on(ms, dayless->doubt_ms);
    if (believed)
        dayless->last_ms = ms;
    dayless->doubt_ms = believed ? INT64_MIN : ms;
}

static bool is_possible(int64_t ms)
{
    return ms >= -EVENT_TIME_MAX_MS && ms <= EVENT_TIME_MAX_MS;
}

void dayless_archive(struct dayless *dayless, struct archive *archive)
{
    archive_i64(archive, "day_last_ms", &dayless->last_ms);
    archive_i64(archive, "day_doubt_ms", &dayless->doubt_ms);
    if (!is_possible(dayless->last_ms))
        dayless->last_ms = INT64_MIN; /* nothing came before, or somebody else wrote that */
    if (!is_possible(dayless->doubt_ms))
        dayless->doubt_ms = INT64_MIN;
}

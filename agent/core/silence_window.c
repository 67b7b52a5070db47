/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "silence.h"
#include "units.h"

/*
 * Windows by the local clock. A local time is in milliseconds since 1970 as the clock shows them, so that its days are all of one length. Around
 * a change of the clock there are two offsets: the ones of a day before and a day after. A local time less each of them gives two instants.
 * Where an instant has the offset that it was reckoned with, the clock shows the local time then: at both in the hour that repeats, at
 * neither in the hour that is left out.
 */

enum {
    DAYS_BEFORE = 2,
    DAYS_AHEAD = 15
}; /* the days on which a window may have begun, and those on which the next one may */

static int64_t local_day_of(int64_t ms)
{
    return ms / DAY_MS - (ms % DAY_MS < 0);
}

/* The instant between the two at which the offset changes. */
static int64_t change_between(local_offset *offset, int64_t low_ms, int64_t high_ms)
{
    int64_t before = offset(low_ms);
    while (high_ms - low_ms > 1) {
        int64_t middle_ms = low_ms + (high_ms - low_ms) / 2;
        if (offset(middle_ms) == before)
            low_ms = middle_ms;
        else
            high_ms = middle_ms;
    }
    return high_ms;
}

struct showings {
    bool any;
    int64_t first_ms, last_ms; /* if there is none: both are the change that leaves the local time out */
};

/* When the clock shows a local time. */
static struct showings showings_of(local_offset *offset, int64_t local_ms)
{
    int64_t early = offset(local_ms - DAY_MS), late = offset(local_ms + DAY_MS);
    int64_t one_ms = local_ms - (early > late ? early : late), other_ms = local_ms - (early > late ? late : early);
    bool is_one = offset(one_ms) == local_ms - one_ms, is_other = offset(other_ms) == local_ms - other_ms;
    if (is_one || is_other)
        return (struct showings){ true, is_one ? one_ms : other_ms, is_other ? other_ms : one_ms };
    int64_t change_ms = change_between(offset, one_ms, other_ms);
    return (struct showings){ false, change_ms, change_ms };
}

/*
 * From when to when the window is in force that begins on this day; false if not at all: the change in spring may leave it out. The last
 * millisecond of the window decides when it ends: where the clock shows the end twice, it may show what lies before it only once.
 */
static bool window_of_day(const struct silence_window *window, local_offset *offset, int64_t day, int64_t *begins_ms,
                          int64_t *ends_ms)
{
    int64_t from_min = window->from_min < 0 ? 0 : window->from_min;
    int64_t to_min = window->to_min < 0 ? DAY_MINUTES : window->to_min;
    int64_t last_ms = (day + (to_min <= from_min)) * DAY_MS + to_min * MINUTE_MS - 1;
    struct showings begin = showings_of(offset, day * DAY_MS + from_min * MINUTE_MS),
                    last = showings_of(offset, last_ms);
    *begins_ms = begin.first_ms;
    *ends_ms = last.last_ms + last.any;
    return *begins_ms < *ends_ms;
}

/* Days are counted since 1970, which began on a Thursday. */
static bool is_day_of(const struct silence_window *window, int64_t day)
{
    int64_t weekday = ((day + 3) % WEEK_DAYS + WEEK_DAYS) % WEEK_DAYS;
    return window->days == 0 || (window->days >> weekday & 1) != 0;
}

static bool next_of_days(const struct silence_window *window, local_offset *offset, int64_t day, int64_t last_day,
                         int64_t now_ms, int64_t *begins_ms, int64_t *ends_ms)
{
    for (; day <= last_day; day++) {
        if (!is_day_of(window, day) || !window_of_day(window, offset, day, begins_ms, ends_ms) || *ends_ms <= now_ms)
            continue;
        int64_t next_begins_ms, next_ends_ms;
        /* Whole days that follow one another are one window. */
        while (++day <= last_day && is_day_of(window, day) &&
               window_of_day(window, offset, day, &next_begins_ms, &next_ends_ms) && next_begins_ms <= *ends_ms)
            *ends_ms = next_ends_ms;
        return true;
    }
    return false;
}

bool silence_window_next(const struct silence_window *window, local_offset *offset, int64_t now_ms, int64_t *begins_ms,
                         int64_t *ends_ms)
{
    int64_t today = local_day_of(now_ms + offset(now_ms));
    return next_of_days(window, offset, today - DAYS_BEFORE, today + DAYS_AHEAD, now_ms, begins_ms, ends_ms);
}

bool silence_window_is_in_force(const struct silence_window *window, local_offset *offset, int64_t now_ms)
{
    int64_t begins_ms, ends_ms;
    return silence_window_next(window, offset, now_ms, &begins_ms, &ends_ms) && begins_ms <= now_ms;
}

bool silence_window_is_always(const struct silence_window *window)
{
    int64_t from_min = window->from_min < 0 ? 0 : window->from_min;
    int64_t to_min = window->to_min < 0 ? DAY_MINUTES : window->to_min;
    int64_t every_day = (1 << WEEK_DAYS) - 1;
    return (window->days == 0 || window->days == every_day) && to_min % DAY_MINUTES == from_min;
}

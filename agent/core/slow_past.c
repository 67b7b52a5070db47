/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slow_past.h"

#include <math.h>

#include "statistics.h"
#include "units.h"

enum {
    GOOD_KEPT = 96, /* the newest unremarkable good cycles: a day of them with an interval of 15 minutes */
    GOOD_KEPT_ONCE = 2048,
    RECENT_KEPT = 96, /* eight hours of five-minute cycles */
    TREND_WINDOW = 32,
    TREND_LEAST = 16,
    TREND_MOST = 96,
    TREND_SPAN_MS = 8 * HOUR_MS, /* at a fast cadence 32 cycles are too short a time for a drift to show */
    LEVEL_WINDOW = 5,
    AHEAD_MS = 5 * HOUR_MS, /* noise passes 300 s an hour before the drift does */
};
static const double mad_floor = 0.05;
static const double trend_z = 3.3;

/*
 * Unusual. A cycle of a run is compared with slow_z / sqrt 3: three in a row whose scores are all above that have a common score above
 * slow_z (Stouffer's method: their sum by the root of their number). With slow_z itself for each cycle: 2.1 false, 44 hits.
 */
static const double run_z = 0.577350269;
static const double usual_factor = 1.5; /* so that noise does not break a run of cycles that take twice as long */
static const double hour_factor = 2.2;  /* with 2 it is 2.8 false; without the rule 2.0 and 59 hits */
enum { HOUR_DAYS = 3, HOUR_SAMPLES_LEAST = 12 };
/* The habits of the first day are not known yet. From 20 cycles on: 3.4 false, 67 hits. */
enum { SPAN_LEAST_MS = DAY_MS };

/*
 * Known. Each day has its own longest cycle, so four fifths of a length are that length. If nothing were known: 9.6 false, 70 hits; without
 * the two days in a row 3.6 and 70. The twentieth of a week lets a new level become normal after 20 hours, which are 12 of them and a
 * twentieth of 156; measured were 14 to 24 hours. With a tenth: 3.4 and 68.
 */
static const double known_factor = 0.8, known_hour_factor = 0.6, known_week_factor = 0.7, swing_factor = 0.7;
enum { KNOWN_ON_DAYS = 2, WEEK_SAMPLES_LEAST = 20, WEEK_SHARE = 20, NEW_MS = 12 * HOUR_MS };
/* Two cycles in a row suffice where nothing in two weeks took nearly as long. */
static const double unheard_factor = 0.4;
/* Where days rise as high every so often it is a swing. Without this: 3.4 false, 72 hits. */
enum { RISING_DAYS = 3, SWING_DAYS = 2 };

void slow_past_init(struct slow_past *past)
{
    window_init(&past->good, GOOD_KEPT);
    window_init(&past->recent, RECENT_KEPT);
}

void slow_past_free(struct slow_past *past)
{
    window_free(&past->good);
    window_free(&past->recent);
}

static size_t newest_good(const struct slow_past *past)
{
    return window_newest(&past->good, INT64_MIN, GOOD_KEPT);
}

double slow_past_usual_ms(const struct slow_past *past)
{
    return window_median(&past->good, newest_good(past));
}

double slow_past_z(const struct slow_past *past, int64_t duration_ms)
{
    size_t count = newest_good(past);
    return robust_z_log(past->good.values + past->good.count - count, count, duration_ms, mad_floor);
}

static bool is_far_above(const struct slow_past *past, int64_t duration_ms, double factor, double z)
{
    return !window_median_reaches(&past->good, newest_good(past), (double)duration_ms / factor) &&
           slow_past_z(past, duration_ms) > z;
}

/* A length that is seen every so often: at this time of day, on several days, or in a part of the week's cycles that is not new. */
static bool is_known(const struct slow_past *past, const struct slow_question *question)
{
    double level_ms = (double)question->level_ms;
    if (known_durations_days_at_hour(&past->known, question->wall_ms, known_factor * level_ms) >= KNOWN_ON_DAYS ||
        known_durations_days_in_a_row(&past->known, question->wall_ms, known_factor * level_ms) >= KNOWN_ON_DAYS)
        return true;
    size_t count, as_long = known_durations_count(&past->known, question->wall_ms, 7 * (int64_t)DAY_MS, NEW_MS,
                                                  known_week_factor * level_ms, &count);
    return count >= WEEK_SAMPLES_LEAST && as_long * WEEK_SHARE >= count;
}

/*
 * By the hour: a length that is usual at noon is unusual at night. The median is asked first by counting, since the score hardly ever is.
 * Such a length may be known at other times, so only this time of day can know it, and one day is enough for that: a new level in a daily
 * swing is then normal after a day.
 */
static bool is_unusual_at_hour(const struct slow_past *past, const struct slow_question *question)
{
    int64_t values[SAMPLES_AT_HOUR];
    size_t count, as_long;
    double duration_ms = (double)question->duration_ms;
    int days = known_durations_hour_days(&past->known, question->wall_ms, duration_ms / hour_factor, &count, &as_long);
    if (days < HOUR_DAYS || count < HOUR_SAMPLES_LEAST || as_long * 2 >= count)
        return false;
    count = known_durations_at_hour(&past->known, question->wall_ms, values);
    return robust_z_log(values, count, question->duration_ms, mad_floor) > question->settings->detect.slow_z * run_z &&
           known_durations_days_at_hour(&past->known, question->wall_ms,
                                        known_hour_factor * (double)question->level_ms) == 0;
}

bool slow_past_is_unusual(const struct slow_past *past, const struct slow_question *question)
{
    double z = question->settings->detect.slow_z * run_z;
    if (question->duration_ms <= question->settings->detect.slow_floor_ms ||
        (int64_t)newest_good(past) < question->settings->detect.min_samples ||
        known_durations_span_ms(&past->known, question->wall_ms) < SPAN_LEAST_MS)
        return false;
    if (is_far_above(past, question->duration_ms, usual_factor, z) && !is_known(past, question))
        return true;
    return is_unusual_at_hour(past, question);
}

bool slow_past_is_unheard_of(const struct slow_past *past, const struct slow_question *question)
{
    return is_far_above(past, question->level_ms, 2, question->settings->detect.slow_z) &&
           !known_durations_any(&past->known, question->run_began_ms, unheard_factor * (double)question->level_ms);
}

/* The level that the durations will have reached ahead_ms from now if the trend goes on. Today's level is that of the middle of the newest cycles. */
static double level_ahead(const struct window *recent, size_t count, int64_t ahead_ms)
{
    size_t level = count < LEVEL_WINDOW ? count : LEVEL_WINDOW;
    size_t first = recent->count - count, last = recent->count - 1;
    int64_t age_ms = recent->at_ms[last] - recent->at_ms[last - level / 2];
    double slope = theil_sen_log(recent->at_ms + first, recent->values + first, count);
    return window_median(recent, level) * exp(slope * (double)(age_ms + ahead_ms));
}

/* True if at least half of the week's cycles took as long. */
static bool is_usual_this_week(const struct slow_past *past, const struct slow_question *question, double duration_ms)
{
    size_t count,
        as_long = known_durations_count(&past->known, question->wall_ms, 7 * (int64_t)DAY_MS, 0, duration_ms, &count);
    return as_long * 2 >= count;
}

static bool is_swing(const struct slow_past *past, const struct slow_question *question)
{
    double duration_ms = (double)question->duration_ms;
    return known_durations_days_at_hour(&past->known, question->wall_ms, 0) < RISING_DAYS ||
           known_durations_days(&past->known, question->wall_ms, swing_factor * duration_ms) >= SWING_DAYS;
}

bool slow_past_is_rising(const struct slow_past *past, const struct slow_question *question)
{
    const struct window *recent = &past->recent;
    /* The newest cycles are asked first, since their median is near the week's and they are fewer. */
    if (question->duration_ms <= question->settings->detect.slow_floor_ms ||
        window_median_reaches(&past->good, newest_good(past), (double)question->duration_ms * 0.9) ||
        is_usual_this_week(past, question, (double)question->duration_ms / 2))
        return false;
    size_t span = window_newest(recent, question->now_ms - TREND_SPAN_MS, TREND_MOST);
    size_t count = window_newest(recent, INT64_MIN, span > TREND_WINDOW ? span : TREND_WINDOW);
    return count >= TREND_LEAST && !is_swing(past, question) && !is_known(past, question) &&
           mann_kendall_z(recent->values + recent->count - count, count) > trend_z &&
           level_ahead(recent, count, AHEAD_MS) >= (double)question->settings->detect.cycle_slow_ms;
}

void slow_past_describe(const struct slow_past *past, const struct slow_question *question, struct strbuf *text)
{
    double known_ms = known_factor * (double)question->level_ms;
    int64_t values[SAMPLES_AT_HOUR];
    size_t count, as_long = known_durations_count(&past->known, question->wall_ms, 7 * (int64_t)DAY_MS, NEW_MS,
                                                  known_week_factor * (double)question->level_ms, &count);
    size_t at_hour = known_durations_at_hour(&past->known, question->wall_ms, values);
    double z = slow_past_z(past, question->duration_ms);
    strbuf_printf(text, "%.1f s, usually %.1f s (score %.1f; ", (double)question->duration_ms / (double)SECOND_MS,
                  slow_past_usual_ms(past) / (double)SECOND_MS, z);
    z = robust_z_log(values, at_hour, question->duration_ms, mad_floor);
    strbuf_printf(text, "%.1f among %zu at this time of day; unusual above %.1f)", z, at_hour,
                  question->settings->detect.slow_z * run_z);
    strbuf_printf(text,
                  ", such lengths on %d days at this time, twice in a row on %d, in %zu of %zu half hours of the week",
                  known_durations_days_at_hour(&past->known, question->wall_ms, known_ms),
                  known_durations_days_in_a_row(&past->known, question->wall_ms, known_ms), as_long, count);
}

/*
 * Older agents kept a week of good cycles and no half hours: those are made of them, and the newest are kept. A state that was saved by
 * this one has no more than the newest, and its half hours come with it.
 */
static void load_good(struct slow_past *past, struct archive *archive, const struct moment *moment)
{
    struct window loaded;
    bool is_old = past->known.newest == 0; /* whatever the clock shows now: it may have been set back */
    window_init(&loaded, GOOD_KEPT_ONCE);
    window_archive(&loaded, archive, "good");
    for (size_t i = 0; i < loaded.count; i++) {
        window_push(&past->good, loaded.at_ms[i], loaded.values[i]);
        if (is_old)
            known_durations_add(&past->known, moment_wall_ms(moment, loaded.at_ms[i]), loaded.values[i]);
    }
    window_free(&loaded);
}

void slow_past_archive(struct slow_past *past, struct archive *archive, const struct moment *moment)
{
    known_durations_archive(&past->known, archive);
    if (archive_loading(archive))
        load_good(past, archive, moment);
    else
        window_archive(&past->good, archive, "good");
    window_archive(&past->recent, archive, "recent");
}

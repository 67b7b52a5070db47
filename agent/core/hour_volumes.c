/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hour_volumes.h"

#include <stdbool.h>
#include <string.h>

#include "moment.h"
#include "saved.h"
#include "units.h"

static const int64_t RATE_MOST = INT64_C(1) << 50; /* exact as a double; no table is that busy */

static int64_t *rate_of_hour(struct hour_volumes *volumes, int64_t hour)
{
    return &volumes->rates[hour % (VOLUME_DAYS * HOURS)];
}

/* The rates have changed otherwise than by an hour that is newer than all others. */
static void forget_digests(struct hour_volumes *volumes)
{
    memset(volumes->digests, 0, sizeof volumes->digests);
}

static void finish_hour(struct hour_volumes *volumes)
{
    if (volumes->covered_ms > 0) {
        int64_t day = volumes->hour / HOURS;
        size_t row = (size_t)(day % VOLUME_DAYS);
        double rate = (double)volumes->rows * (double)HOUR_MS / (double)volumes->covered_ms;
        if (volumes->days[row] != day) {
            memset(volumes->rates + row * HOURS, 0, HOURS * sizeof *volumes->rates);
            forget_digests(volumes);
        }
        volumes->days[row] = day;
        *rate_of_hour(volumes, volumes->hour) = 1 + (rate < (double)RATE_MOST ? (int64_t)(rate + 0.5) : RATE_MOST);
    }
    volumes->rows = volumes->covered_ms = 0;
}

void hour_volumes_add(struct hour_volumes *volumes, int64_t wall_ms, int64_t covered_ms, int64_t rows)
{
    int64_t hour = wall_ms / HOUR_MS;
    if (wall_ms < 0 || rows < 0 || covered_ms <= 0)
        return;
    if (hour < volumes->hour)
        forget_digests(volumes); /* the clock was set back */
    if (hour != volumes->hour) {
        finish_hour(volumes);
        volumes->hour = hour;
    }
    volumes->rows = time_sum(volumes->rows, rows);
    volumes->covered_ms = time_sum(volumes->covered_ms, covered_ms);
}

struct hour_place hour_volumes_place(int64_t hour)
{
    int64_t day = hour / HOURS;
    return (struct hour_place){ .day = day, .row = (int)(day % VOLUME_DAYS), .hour_of_day = (int)(hour % HOURS) };
}

static inline struct hour_place days_before(struct hour_place place, int days_ago)
{
    place.day -= days_ago;
    place.row -= days_ago;
    place.row += place.row < 0 ? VOLUME_DAYS : 0;
    return place;
}

static struct hour_place hour_before(struct hour_place place)
{
    if (place.hour_of_day-- > 0)
        return place;
    place.hour_of_day = HOURS - 1;
    return days_before(place, 1);
}

static struct hour_place hour_after(struct hour_place place)
{
    if (++place.hour_of_day < HOURS)
        return place;
    return (struct hour_place){ .day = place.day + 1, .row = place.row + 1 < VOLUME_DAYS ? place.row + 1 : 0 };
}

static inline bool day_is_kept(const struct hour_volumes *volumes, struct hour_place place)
{
    return volumes->days[place.row] == place.day;
}

static inline const int64_t *rate_at(const struct hour_volumes *volumes, struct hour_place place)
{
    return &volumes->rates[place.row * HOURS + place.hour_of_day];
}

/* Rates that are compared lack the one that is added to those kept, so what is not known is higher than all others. */
static const uint64_t NOT_KNOWN = UINT64_MAX;

static inline uint64_t known_rate(int64_t rate)
{
    return (uint64_t)rate - 1;
}

static inline uint64_t lower_rate(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static uint64_t rate_before(const struct hour_volumes *volumes, struct hour_place place, int64_t before_hour)
{
    bool is_measure = day_is_kept(volumes, place) && place.day * HOURS + place.hour_of_day < before_hour;
    return is_measure ? known_rate(*rate_at(volumes, place)) : NOT_KNOWN;
}

static uint64_t least_across_days(const struct hour_volumes *volumes, struct hour_place place, int64_t before_hour)
{
    return lower_rate(rate_before(volumes, place, before_hour),
                      lower_rate(rate_before(volumes, hour_before(place), before_hour),
                                 rate_before(volumes, hour_after(place), before_hour)));
}

/* The fewest rows of the hour and its neighbours. As a rule these are in its own day. This is asked for very often. */
static inline uint64_t least_near(const struct hour_volumes *volumes, struct hour_place place, int64_t before_hour)
{
    const int64_t *rates = rate_at(volumes, place);
    if (place.hour_of_day == 0 || place.hour_of_day == HOURS - 1 ||
        place.day * HOURS + place.hour_of_day + 1 >= before_hour)
        return least_across_days(volumes, place, before_hour);
    if (!day_is_kept(volumes, place))
        return NOT_KNOWN;
    return lower_rate(known_rate(rates[0]), lower_rate(known_rate(rates[-1]), known_rate(rates[1])));
}

double hour_volumes_moved(const struct hour_volumes *volumes, const struct hour_place *places, const double *covered,
                          size_t count, int days_ago, int64_t before_hour)
{
    double rows = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t least = least_near(volumes, days_before(places[i], days_ago), before_hour);
        if (least == NOT_KNOWN)
            return -1;
        rows += covered[i] * (double)(int64_t)least;
    }
    return rows;
}

/* --- what is reckoned once an hour ---------------------------------------------------------------------------- */

static double most_of_week(const struct hour_volumes *volumes, struct hour_place place)
{
    int64_t most = 1; /* the rate of no rows */
    for (int days_ago = 1; days_ago <= 7; days_ago++) {
        place = days_before(place, 1);
        if (day_is_kept(volumes, place) && *rate_at(volumes, place) > most)
            most = *rate_at(volumes, place);
    }
    return (double)(most - 1);
}

uint32_t hour_volumes_days_alike(int64_t day)
{
    uint32_t alike = 0;
    for (int week_day = 1; week_day <= 7; week_day++)
        if (day_is_weekend(day - week_day) == day_is_weekend(day))
            alike |= UINT32_C(0x00204081) << week_day; /* that day, and those one, two and three weeks earlier */
    return alike;
}

/* An hour that is being gathered is known soon, and then it counts on the next day, with its neighbours. */
enum { SOON_HOURS = HOURS - 2 };

static void digest_days(struct hour_digest *digest, const struct hour_volumes *volumes, struct hour_place place)
{
    uint32_t alike = hour_volumes_days_alike(place.day), bit = 1;
    uint64_t most = 0;
    for (int days_ago = 1; days_ago < VOLUME_DAYS; days_ago++) {
        place = days_before(place, 1);
        bit <<= 1;
        uint64_t least = least_near(volumes, place, INT64_MAX);
        if (least == NOT_KNOWN)
            continue;
        digest->known |= bit;
        if (alike & bit && least > most)
            most = least;
    }
    digest->alike = digest->known & alike;
    digest->most_alike = (double)(int64_t)most;
}

/* The digest of the hour, whose days are still to be looked at if it is new. */
static inline struct hour_digest *digest_of(struct hour_volumes *volumes, int64_t hour)
{
    struct hour_digest *digest = &volumes->digests[(uint64_t)hour % HOURS];
    if (digest->hour == hour && hour)
        return digest;
    if (hour <= 0 || hour - volumes->hour >= SOON_HOURS)
        return NULL;
    double most = most_of_week(volumes, hour_volumes_place(hour));
    *digest = (struct hour_digest){ .hour = hour, .most_alike = -1, .most_of_week = most };
    return digest;
}

const struct hour_digest *hour_volumes_digest(struct hour_volumes *volumes, int64_t hour)
{
    struct hour_digest *digest = digest_of(volumes, hour);
    if (digest && digest->most_alike < 0)
        digest_days(digest, volumes, hour_volumes_place(hour));
    return digest;
}

double hour_volumes_most_of_week(struct hour_volumes *volumes, int64_t hour)
{
    const struct hour_digest *digest = digest_of(volumes, hour);
    if (digest)
        return digest->most_of_week;
    return hour > 0 ? most_of_week(volumes, hour_volumes_place(hour)) : 0;
}

/* --- what is forgotten, and saved ----------------------------------------------------------------------------- */

void hour_volumes_forget(struct hour_volumes *volumes, int64_t before_hour)
{
    for (int64_t i = 0; i < VOLUME_DAYS * HOURS; i++)
        if (volumes->days[i / HOURS] < before_hour / HOURS ||
            (volumes->days[i / HOURS] == before_hour / HOURS && i % HOURS < before_hour % HOURS))
            volumes->rates[i] = 0;
    forget_digests(volumes);
}

static void not_negative(int64_t *value)
{
    if (*value < 0)
        *value = 0;
}

void hour_volumes_archive(struct hour_volumes *volumes, struct archive *archive, const char *name)
{
    struct strbuf key = { 0 };
    size_t days = VOLUME_DAYS, rates = (size_t)VOLUME_DAYS * HOURS, gathered = 3;
    int64_t now[3] = { volumes->hour, volumes->rows, volumes->covered_ms };
    strbuf_printf(&key, "%s.days", name);
    saved_i64s(archive, strbuf_text(&key), volumes->days, &days, VOLUME_DAYS);
    strbuf_clear(&key);
    strbuf_printf(&key, "%s.now", name);
    saved_i64s(archive, strbuf_text(&key), now, &gathered, 3);
    saved_i64s(archive, name, volumes->rates, &rates, (size_t)VOLUME_DAYS * HOURS);
    strbuf_free(&key);
    if (!archive_loading(archive))
        return;
    for (size_t i = 0; i < 3; i++)
        not_negative(&now[i]);
    forget_digests(volumes);
    volumes->hour = now[0];
    volumes->rows = now[1];
    volumes->covered_ms = now[2];
    for (size_t i = 0; i < (size_t)VOLUME_DAYS * HOURS; i++)
        not_negative(&volumes->rates[i]);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hour_volumes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "moment.h"
#include "saved.h"
#include "units.h"

static const int64_t RATE_MOST = INT64_C(1) << 50; /* exact as a double; no table is that busy */

/* --- the rates of a day ---------------------------------------------------------------------------------------- */

enum { RATES_KEPT = VOLUME_DAYS * HOURS };

static inline int64_t rate_get(const struct hour_volumes *volumes, int row, int hour_of_day)
{
    const void *rates = volumes->rates;
    int i = row * HOURS + hour_of_day;
    if (volumes->width == (int)sizeof(uint16_t))
        return ((const uint16_t *)rates)[i];
    if (!rates)
        return 0;
    return volumes->width == (int)sizeof(uint32_t) ? ((const uint32_t *)rates)[i] : ((const int64_t *)rates)[i];
}

/* There are rates. */
static void rate_put(struct hour_volumes *volumes, int i, int64_t rate)
{
    if (volumes->width == (int)sizeof(uint16_t))
        ((uint16_t *)volumes->rates)[i] = (uint16_t)rate;
    else if (volumes->width == (int)sizeof(uint32_t))
        ((uint32_t *)volumes->rates)[i] = (uint32_t)rate;
    else
        ((int64_t *)volumes->rates)[i] = rate;
}

static void forget_row(struct hour_volumes *volumes, int row)
{
    for (int i = row * HOURS; volumes->rates && i < (row + 1) * HOURS; i++)
        rate_put(volumes, i, 0);
}

static void widen_rates(struct hour_volumes *volumes, int width)
{
    struct hour_volumes wide = { .rates = must_alloc(RATES_KEPT * (size_t)width), .width = width };
    for (int i = 0; volumes->rates && i < RATES_KEPT; i++)
        rate_put(&wide, i, rate_get(volumes, i / HOURS, i % HOURS));
    free(volumes->rates);
    volumes->rates = wide.rates;
    volumes->width = width;
}

static void rate_set(struct hour_volumes *volumes, int row, int hour_of_day, int64_t rate)
{
    int width = (int)(rate <= UINT16_MAX ? sizeof(uint16_t) : rate <= UINT32_MAX ? sizeof(uint32_t) : sizeof(int64_t));
    if (!volumes->rates && rate == 0)
        return;
    if (width > volumes->width)
        widen_rates(volumes, width);
    rate_put(volumes, row * HOURS + hour_of_day, rate);
}

void hour_volumes_free(struct hour_volumes *volumes)
{
    if (volumes)
        free(volumes->rates);
    free(volumes);
}

/* --- what is gathered ------------------------------------------------------------------------------------------ */

/* The rates have changed otherwise than by an hour that is newer than all others. */
static void forget_digests(struct hour_volumes *volumes)
{
    memset(volumes->digests, 0, sizeof volumes->digests);
}

static void finish_hour(struct hour_volumes *volumes)
{
    if (volumes->covered_ms > 0) {
        int64_t day = volumes->hour / HOURS;
        int row = (int)(day % VOLUME_DAYS);
        double rate = (double)volumes->rows * (double)HOUR_MS / (double)volumes->covered_ms;
        if (volumes->days[row] != day) {
            forget_row(volumes, row);
            forget_digests(volumes);
        }
        volumes->days[row] = day;
        rate_set(volumes, row, (int)(volumes->hour % HOURS),
                 1 + (rate < (double)RATE_MOST ? (int64_t)(rate + 0.5) : RATE_MOST));
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

static inline int64_t rate_at(const struct hour_volumes *volumes, struct hour_place place)
{
    return rate_get(volumes, place.row, place.hour_of_day);
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
    return is_measure ? known_rate(rate_at(volumes, place)) : NOT_KNOWN;
}

static uint64_t least_across_days(const struct hour_volumes *volumes, struct hour_place place, int64_t before_hour)
{
    return lower_rate(rate_before(volumes, place, before_hour),
                      lower_rate(rate_before(volumes, hour_before(place), before_hour),
                                 rate_before(volumes, hour_after(place), before_hour)));
}

/* The fewest rows of the hour and the two beside it, all of one day. */
static inline uint64_t least_in_row(const struct hour_volumes *volumes, int i)
{
    if (volumes->width == (int)sizeof(uint16_t)) {
        const uint16_t *at = (const uint16_t *)volumes->rates + i;
        return lower_rate(known_rate(at[0]), lower_rate(known_rate(at[-1]), known_rate(at[1])));
    }
    if (!volumes->rates)
        return NOT_KNOWN;
    if (volumes->width == (int)sizeof(uint32_t)) {
        const uint32_t *at = (const uint32_t *)volumes->rates + i;
        return lower_rate(known_rate(at[0]), lower_rate(known_rate(at[-1]), known_rate(at[1])));
    }
    const int64_t *at = (const int64_t *)volumes->rates + i;
    return lower_rate(known_rate(at[0]), lower_rate(known_rate(at[-1]), known_rate(at[1])));
}

/* The fewest rows of the hour and its neighbours. As a rule these are in its own day. This is asked for very often. */
static inline uint64_t least_near(const struct hour_volumes *volumes, struct hour_place place, int64_t before_hour)
{
    if (place.hour_of_day == 0 || place.hour_of_day == HOURS - 1 ||
        place.day * HOURS + place.hour_of_day + 1 >= before_hour)
        return least_across_days(volumes, place, before_hour);
    if (!day_is_kept(volumes, place))
        return NOT_KNOWN;
    return least_in_row(volumes, place.row * HOURS + place.hour_of_day);
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
        int64_t rate = day_is_kept(volumes, place) ? rate_at(volumes, place) : 0;
        if (rate > most)
            most = rate;
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
    struct hour_digest *digest = &volumes->digests[(uint64_t)hour % DIGESTS_KEPT];
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
            rate_set(volumes, (int)(i / HOURS), (int)(i % HOURS), 0);
    forget_digests(volumes);
}

static void not_negative(int64_t *value)
{
    if (*value < 0)
        *value = 0;
}

static void set_row(struct hour_volumes *volumes, int row, const int64_t *rates)
{
    for (int i = 0; i < HOURS; i++)
        rate_set(volumes, row, i, rates[i] < 0 ? 0 : rates[i]);
}

/* As agents saved it up to version 6 of the history: all rates in one list. */
static void load_in_one(struct hour_volumes *volumes, struct archive *archive, const char *name)
{
    int64_t *rates = must_alloc((size_t)VOLUME_DAYS * HOURS * sizeof *rates);
    size_t count = 0;
    saved_i64s(archive, name, rates, &count, (size_t)VOLUME_DAYS * HOURS);
    for (int row = 0; row < VOLUME_DAYS && count > 0; row++)
        set_row(volumes, row, rates + (size_t)row * HOURS);
    free(rates);
}

/* How many rates of the day are saved: none behind the last that is known. */
static size_t count_rates(const struct hour_volumes *volumes, int row)
{
    size_t count = HOURS;
    while (count > 0 && rate_get(volumes, row, (int)count - 1) == 0)
        count--;
    return count;
}

/* A day of which anything is known, as "<name>.<row>": the day since 1970, and its rates. */
static void row_archive(struct hour_volumes *volumes, int row, struct archive *archive, struct strbuf *key)
{
    int64_t values[1 + HOURS] = { 0 };
    size_t count = 1 + HOURS, len = key->len;
    const char digits[] = { '.', (char)('0' + row / 10), (char)('0' + row % 10) };
    if (!archive_loading(archive)) {
        count = 1 + count_rates(volumes, row);
        values[0] = volumes->days[row];
        for (size_t i = 1; i < count; i++)
            values[i] = rate_get(volumes, row, (int)i - 1);
    }
    strbuf_add(key, digits, sizeof digits);
    saved_i64s(archive, strbuf_text(key), values, &count, 1 + HOURS);
    key->len = len;
    if (!archive_loading(archive))
        return;
    volumes->days[row] = values[0];
    set_row(volumes, row, values + 1);
}

/* As agents saved it up to version 6 of the history. */
static void load_old_rates(struct hour_volumes *volumes, struct archive *archive, const char *name)
{
    struct strbuf key = { 0 };
    size_t days = VOLUME_DAYS;
    strbuf_printf(&key, "%s.days", name);
    saved_i64s(archive, strbuf_text(&key), volumes->days, &days, VOLUME_DAYS);
    load_in_one(volumes, archive, name);
    strbuf_free(&key);
}

static void rates_archive(struct hour_volumes *volumes, struct archive *archive, const char *name)
{
    struct strbuf key = { 0 };
    int64_t saved = archive_loading(archive) ? -1 : 0;
    for (int row = 0; row < VOLUME_DAYS && !archive_loading(archive); row++)
        saved |= count_rates(volumes, row) > 0 ? INT64_C(1) << row : 0;
    strbuf_puts(&key, name);
    strbuf_puts(&key, ".saved");
    saved_i64(archive, strbuf_text(&key), &saved);
    key.len = strlen(name);
    if (saved < 0)
        load_old_rates(volumes, archive, name);
    for (int row = 0; row < VOLUME_DAYS && saved > 0; row++)
        if (saved >> row & 1)
            row_archive(volumes, row, archive, &key);
    strbuf_free(&key);
}

void hour_volumes_archive(struct hour_volumes *volumes, struct archive *archive, const char *name)
{
    struct strbuf key = { 0 };
    size_t gathered = 3;
    int64_t now[3] = { volumes->hour, volumes->rows, volumes->covered_ms };
    rates_archive(volumes, archive, name);
    strbuf_puts(&key, name);
    strbuf_puts(&key, ".now");
    saved_i64s(archive, strbuf_text(&key), now, &gathered, 3);
    strbuf_free(&key);
    if (!archive_loading(archive))
        return;
    for (size_t i = 0; i < 3; i++)
        not_negative(&now[i]);
    forget_digests(volumes);
    volumes->hour = now[0];
    volumes->rows = now[1];
    volumes->covered_ms = now[2];
}

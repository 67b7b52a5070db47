/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "timestamp.h"

#include <string.h>
#include <time.h>

enum { STAMP_LEN = 19, HOUR_LEN = 14, SECONDS_PER_HOUR = 3600, SECONDS_PER_DAY = 86400, STEP_BACK_MAX_MS = 60000 };

void timestamp_reader_init(struct timestamp_reader *reader)
{
    /* No line has a line break, so none has the hour or the stamp of a reader that has read nothing yet. */
    *reader = (struct timestamp_reader){
        .last_ms = INT64_MIN,
        .awaited_ms = INT64_MIN,
        .hour = "\n",
        .stamp = "\n",
    };
    dayless_init(&reader->dayless);
}

void timestamp_await(struct timestamp_reader *reader, int64_t ms)
{
    reader->awaited_ms = ms;
}

static inline unsigned digit_at(const char *at)
{
    return (unsigned)(unsigned char)*at - '0';
}

/* 100 or more if these are not two digits. */
static inline unsigned two_digits(const char *at)
{
    unsigned tens = digit_at(at);
    unsigned ones = digit_at(at + 1);
    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char DAYS[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return DAYS[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/* Days since 1970-01-01 in the Gregorian calendar, for years from 1970. */
static int64_t civil_days(unsigned year, unsigned month, unsigned day)
{
    /* Counted in years that begin in March, so that the leap day comes last. */
    unsigned y = month <= 2 ? year - 1 : year;
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/* Returns the fraction's length, and its milliseconds in *ms; finer digits are passed over. */
static size_t fraction_read(const char *text, size_t len, int64_t *ms)
{
    static const int64_t WEIGHT[3] = { 100, 10, 1 };
    *ms = 0;
    if (len >= 5 && text[0] == ',' && text[4] == ' ' && two_digits(text + 1) < 100 && digit_at(text + 3) <= 9) {
        *ms = two_digits(text + 1) * 10 + digit_at(text + 3); /* as Python logging writes it */
        return 4;
    }
    if (len < 2 || (text[0] != ',' && text[0] != '.') || digit_at(text + 1) > 9)
        return 0;
    size_t used = 1;
    for (; used < len && digit_at(text + used) <= 9; used++)
        *ms += used <= 3 ? WEIGHT[used - 1] * digit_at(text + used) : 0;
    return used;
}

size_t timestamp_read_of_day(const char *text, size_t len, int64_t *ms)
{
    enum { OF_DAY_LEN = 8 };
    if (len < OF_DAY_LEN || text[2] != ':' || text[5] != ':')
        return 0;
    unsigned hour = two_digits(text), minute = two_digits(text + 3), second = two_digits(text + 6);
    if (hour > 23 || minute > 59 || second > 59)
        return 0;
    size_t used = OF_DAY_LEN + fraction_read(text + OF_DAY_LEN, len - OF_DAY_LEN, ms);
    *ms += (hour * 3600 + minute * 60 + second) * INT64_C(1000);
    return used;
}

/* Reads "MM:SS" behind "YYYY-MM-DD HH:", as how far into the hour they are. */
static inline bool second_read(const char *text, int64_t *ms)
{
    unsigned minute = two_digits(text + 14);
    unsigned second = two_digits(text + 17);
    *ms = (minute * 60 + second) * INT64_C(1000);
    return minute <= 59 && second <= 59 && text[16] == ':';
}

/* Reads "YYYY-MM-DD HH:" as hours since 1970, as if it were UTC. */
static bool hour_read(const char *text, int64_t *hour)
{
    unsigned century = two_digits(text);
    unsigned year_of_century = two_digits(text + 2);
    unsigned year = century * 100 + year_of_century;
    unsigned month = two_digits(text + 5);
    unsigned day = two_digits(text + 8);
    unsigned hour_of_day = two_digits(text + 11);
    if (text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || century > 99 ||
        year_of_century > 99 || year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days(year, month) ||
        hour_of_day > 23)
        return false;
    *hour = civil_days(year, month, day) * 24 + hour_of_day;
    return true;
}

/* Reads "Z" or "+HH:MM" as how far the clock is ahead of UTC. Returns the characters used, 0 if there is no such thing. */
static size_t offset_read(const char *text, size_t len, int64_t *ahead_ms)
{
    enum { OFFSET_LEN = 6 };
    *ahead_ms = 0;
    if (len > 0 && (text[0] == 'Z' || text[0] == 'z'))
        return 1;
    if (len < OFFSET_LEN || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return 0;
    unsigned hours = two_digits(text + 1), minutes = two_digits(text + 4);
    *ahead_ms = (hours * 60 + minutes) * INT64_C(60000) * (text[0] == '-' ? -1 : 1);
    return hours <= 23 && minutes <= 59 ? OFFSET_LEN : 0;
}

size_t timestamp_read_utc(const char *text, size_t len, int64_t *ms)
{
    int64_t hour, second_ms, within_ms, ahead_ms;
    if (len < STAMP_LEN || !second_read(text, &second_ms) || !hour_read(text, &hour))
        return 0;
    size_t used = STAMP_LEN + fraction_read(text + STAMP_LEN, len - STAMP_LEN, &within_ms);
    size_t zone = offset_read(text + used, len - used, &ahead_ms);
    *ms = hour * SECONDS_PER_HOUR * 1000 + second_ms + within_ms - ahead_ms;
    return zone > 0 ? used + zone : 0;
}

int64_t timestamp_zone_offset(int64_t utc_s)
{
    time_t instant = utc_s;
    struct tm local;
    return localtime_r(&instant, &local) ? local.tm_gmtoff : 0;
}

/* The instants that a local time may mean, the earlier one first. plain: no change of the zone's offset is near. */
struct candidates {
    int64_t utc_s[2];
    int count;
    bool plain;
};

/*
 * A change of the zone's offset lies between the day before and the day after. Where the offsets of these two days differ, each is
 * tried. Both fit when the local time happens twice. None fits when the clock jumped over it; then the offset before the change counts,
 * as if the clock had not jumped. tm_isdst is of no use: where a zone changed its standard time it is the same on both sides.
 */
static struct candidates local_candidates(struct timestamp_reader *reader, int64_t local_s)
{
    if (local_s >= reader->plain_from_s && local_s < reader->plain_to_s)
        return (struct candidates){ .utc_s = { local_s - reader->plain_offset_s }, .count = 1, .plain = true };
    int64_t before = timestamp_zone_offset(local_s - SECONDS_PER_DAY);
    int64_t after = timestamp_zone_offset(local_s + SECONDS_PER_DAY);
    struct candidates found = { .utc_s = { local_s - before, local_s - after }, .plain = before == after };
    if (found.plain) {
        found.count = 1;
        if (timestamp_zone_offset(local_s + 2 * SECONDS_PER_DAY) == before) {
            reader->plain_from_s = local_s;
            reader->plain_to_s = local_s + SECONDS_PER_DAY;
            reader->plain_offset_s = before;
        }
        return found;
    }
    bool early_fits = timestamp_zone_offset(local_s - before) == before;
    bool late_fits = timestamp_zone_offset(local_s - after) == after;
    if (late_fits && !early_fits)
        found.utc_s[0] = found.utc_s[1];
    found.count = early_fits && late_fits ? 2 : 1;
    return found;
}

int timestamp_instants(struct timestamp_reader *reader, int64_t local_s, int64_t utc_s[2])
{
    struct candidates found = local_candidates(reader, local_s);
    utc_s[0] = found.utc_s[0];
    utc_s[1] = found.utc_s[1];
    return found.count;
}

static bool is_awaited(const struct timestamp_reader *reader, int64_t ms)
{
    return reader->awaited_ms != INT64_MIN && ms >= reader->awaited_ms - STEP_BACK_MAX_MS &&
           ms <= reader->awaited_ms + STEP_BACK_MAX_MS;
}

static int64_t fold_choose(const struct candidates *found, int64_t within_ms, const struct timestamp_reader *reader)
{
    int64_t first = found->utc_s[0] * 1000 + within_ms, second = found->utc_s[1] * 1000 + within_ms;
    if (found->count == 1)
        return first;
    if (first + STEP_BACK_MAX_MS < reader->last_ms || (is_awaited(reader, second) && !is_awaited(reader, first)))
        return second;
    return first;
}

/* Reads a time in another hour than the cached one. That is rare, so the code is kept out of the way of the usual case. */
__attribute__((cold)) static bool hour_change(struct timestamp_reader *reader, const char *text, int64_t within_ms,
                                              int64_t *ms)
{
    int64_t hour;
    if (!hour_read(text, &hour))
        return false;
    /* A zone may change at any minute and by half an hour (Lord Howe), so near a change the full time counts, not only the hour. */
    int64_t within_s = within_ms / 1000;
    struct candidates found = local_candidates(reader, hour * SECONDS_PER_HOUR + within_s);
    if (!found.plain) {
        *ms = fold_choose(&found, within_ms % 1000, reader);
        return true;
    }
    memcpy(reader->hour, text, HOUR_LEN);
    reader->hour_ms = (found.utc_s[0] - within_s) * 1000;
    *ms = reader->hour_ms + within_ms;
    return true;
}

/* Lines come in bunches, and those of a bunch have the same stamp. Near a change of the zone's offset its meaning is not kept. */
static void keep_stamp(struct timestamp_reader *reader, const char *text, int64_t ms)
{
    if (memcmp(text, reader->hour, HOUR_LEN) == 0) {
        memcpy(reader->stamp, text, STAMP_WRITTEN_LEN);
        reader->stamp_ms = ms;
    }
}

size_t timestamp_read_anew(struct timestamp_reader *reader, const char *text, size_t len, int64_t *ms)
{
    int64_t second_ms, within_ms;
    if (len < STAMP_LEN || !second_read(text, &second_ms))
        return 0;
    size_t used = STAMP_LEN + fraction_read(text + STAMP_LEN, len - STAMP_LEN, &within_ms);
    within_ms += second_ms;
    if (memcmp(text, reader->hour, HOUR_LEN) == 0)
        *ms = reader->hour_ms + within_ms;
    else if (!hour_change(reader, text, within_ms, ms))
        return 0;
    if (used == STAMP_WRITTEN_LEN - 1 && len >= STAMP_WRITTEN_LEN && text[used] == ' ')
        keep_stamp(reader, text, *ms);
    return used;
}

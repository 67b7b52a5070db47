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

static void finish_hour(struct hour_volumes *volumes)
{
    if (volumes->covered_ms > 0) {
        int64_t day = volumes->hour / HOURS;
        size_t row = (size_t)(day % VOLUME_DAYS);
        double rate = (double)volumes->rows * (double)HOUR_MS / (double)volumes->covered_ms;
        if (volumes->days[row] != day)
            memset(volumes->rates + row * HOURS, 0, HOURS * sizeof *volumes->rates);
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
    if (hour != volumes->hour) {
        finish_hour(volumes);
        volumes->hour = hour;
    }
    volumes->rows = time_sum(volumes->rows, rows);
    volumes->covered_ms = time_sum(volumes->covered_ms, covered_ms);
}

double hour_volumes_rate(const struct hour_volumes *volumes, int64_t hour)
{
    bool is_kept = hour >= 0 && volumes->days[hour / HOURS % VOLUME_DAYS] == hour / HOURS;
    return is_kept ? (double)volumes->rates[hour % (VOLUME_DAYS * HOURS)] - 1 : -1;
}

void hour_volumes_forget(struct hour_volumes *volumes, int64_t before_hour)
{
    for (int64_t i = 0; i < VOLUME_DAYS * HOURS; i++)
        if (volumes->days[i / HOURS] < before_hour / HOURS ||
            (volumes->days[i / HOURS] == before_hour / HOURS && i % HOURS < before_hour % HOURS))
            volumes->rates[i] = 0;
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
    volumes->hour = now[0];
    volumes->rows = now[1];
    volumes->covered_ms = now[2];
    for (size_t i = 0; i < (size_t)VOLUME_DAYS * HOURS; i++)
        not_negative(&volumes->rates[i]);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hourly.h"

#include "saved.h"

enum { SAMPLES_APART_MS = 25 * 60 * 1000 };

size_t hour_of_day(int64_t wall_ms)
{
    enum { HOUR_IN_MS = 60 * 60 * 1000 };
    int64_t hour = wall_ms / HOUR_IN_MS % HOURS;
    return (size_t)(hour < 0 ? hour + HOURS : hour);
}

void hourly_push(struct hourly *hourly, size_t hour, int64_t at_ms, int64_t value)
{
    if (hourly->counts[hour] && at_ms - hourly->newest_ms[hour] < SAMPLES_APART_MS)
        return;
    hourly->values[hour][hourly->counts[hour]++ % HOUR_SAMPLES] = value;
    hourly->newest_ms[hour] = at_ms;
}

const int64_t *hourly_samples(const struct hourly *hourly, size_t hour, size_t *count)
{
    *count = hourly->counts[hour] < HOUR_SAMPLES ? (size_t)hourly->counts[hour] : HOUR_SAMPLES;
    return hourly->values[hour];
}

bool hourly_is_empty(const struct hourly *hourly)
{
    for (size_t hour = 0; hour < HOURS; hour++)
        if (hourly->counts[hour])
            return false;
    return true;
}

void hourly_archive(struct hourly *hourly, struct archive *archive, const char *name)
{
    struct strbuf counts = { 0 }, newest = { 0 };
    strbuf_printf(&counts, "%s.counts", name);
    strbuf_printf(&newest, "%s.newest", name);
    size_t hours = HOURS, values = (size_t)HOURS * HOUR_SAMPLES;
    saved_i64s(archive, strbuf_text(&counts), hourly->counts, &hours, HOURS);
    saved_i64s(archive, strbuf_text(&newest), hourly->newest_ms, &hours, HOURS);
    saved_i64s(archive, name, hourly->values[0], &values, (size_t)HOURS * HOUR_SAMPLES);
    for (size_t hour = 0; hour < HOURS; hour++)
        hourly->counts[hour] = hourly->counts[hour] > 0 ? hourly->counts[hour] : 0; /* they become indexes */
    strbuf_free(&counts);
    strbuf_free(&newest);
}

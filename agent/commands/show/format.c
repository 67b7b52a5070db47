/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

int64_t show_now_ms(void)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    if (epoch && *epoch) {
        long long seconds = strtoll(epoch, &end, 10);
        if (*end == '\0')
            return (int64_t)seconds * 1000;
    }
    return clock_now_ms();
}

/* A million years: what is longer is written like this. */
static const int64_t DURATION_MOST_MS = INT64_C(365250000) * 86400000;

void format_duration(struct strbuf *out, int64_t ms)
{
    ms = ms < 0 ? 0 : ms > DURATION_MOST_MS ? DURATION_MOST_MS : ms;
    long long seconds = (ms + 500) / 1000, minutes = (ms + 30000) / 60000, hours = (ms + 1800000) / 3600000;
    if (ms < 59950)
        strbuf_printf(out, ms % 1000 ? "%.1f s" : "%.0f s", (double)ms / 1000.0);
    else if (seconds < 600)
        strbuf_printf(out, seconds % 60 ? "%lld min %02lld s" : "%lld min", seconds / 60, seconds % 60);
    else if (minutes < 60)
        strbuf_printf(out, "%lld min", minutes);
    else if (minutes < 24 * 60)
        strbuf_printf(out, minutes % 60 ? "%lld h %02lld min" : "%lld h", minutes / 60, minutes % 60);
    else
        strbuf_printf(out, hours % 24 ? "%lld d %lld h" : "%lld d", hours / 24, hours % 24);
}

void format_count(struct strbuf *out, int64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)count);
    for (int i = 0; i < len; i++) {
        bool groups = i > (digits[0] == '-') && (len - i) % 3 == 0;
        strbuf_printf(out, groups ? ",%c" : "%c", digits[i]);
    }
}

static struct tm local_time(int64_t ms)
{
    struct tm local;
    time_t seconds = (time_t)(ms / 1000);
    if (!localtime_r(&seconds, &local))
        memset(&local, 0, sizeof local); /* a year that an int cannot hold */
    return local;
}

int format_offset(int64_t ms)
{
    return (int)(local_time(ms).tm_gmtoff / 60);
}

void format_offset_words(struct strbuf *out, int offset)
{
    int minutes = offset < 0 ? -offset : offset;
    strbuf_printf(out, "UTC%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static void offset_put(struct strbuf *out, const struct tm *local, int said_offset)
{
    if (local->tm_gmtoff / 60 == said_offset)
        return;
    strbuf_puts(out, " ");
    format_offset_words(out, (int)(local->tm_gmtoff / 60));
}

void format_time(struct strbuf *out, int64_t ms, int said_offset)
{
    struct tm local = local_time(ms);
    strbuf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
                  local.tm_hour, local.tm_min, local.tm_sec);
    offset_put(out, &local, said_offset);
}

void format_minute(struct strbuf *out, int64_t ms)
{
    struct tm local = local_time(ms);
    strbuf_printf(out, "%04d-%02d-%02d %02d:%02d", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour,
                  local.tm_min);
}

void format_clock(struct strbuf *out, int64_t ms, int said_offset)
{
    struct tm local = local_time(ms);
    strbuf_printf(out, "%02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
    offset_put(out, &local, said_offset);
}

void format_date(struct strbuf *out, int64_t ms)
{
    char month[32], weekday[16];
    struct tm local = local_time(ms);
    strftime(month, sizeof month, "%B", &local);
    strftime(weekday, sizeof weekday, "%A", &local);
    strbuf_printf(out, "%s %d %s %d", weekday, local.tm_mday, month, local.tm_year + 1900);
}

int64_t format_day(int64_t ms)
{
    struct tm local = local_time(ms);
    return (int64_t)local.tm_year * 366 + local.tm_yday;
}

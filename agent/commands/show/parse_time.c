/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "parse_time.h"

#include <string.h>
#include <time.h>

#include "durations.h"

/* tm_isdst -1 lets mktime find out whether daylight saving time is in force then. */
static int64_t local_ms(struct tm *local)
{
    local->tm_isdst = -1;
    return (int64_t)mktime(local) * 1000;
}

static int64_t midnight_ms(int64_t now_ms, int days)
{
    struct tm local;
    time_t seconds = (time_t)(now_ms / 1000);
    localtime_r(&seconds, &local);
    local.tm_mday += days;
    local.tm_hour = local.tm_min = local.tm_sec = 0;
    return local_ms(&local);
}

static bool date_parse(const char *text, enum time_edge edge, int64_t *ms)
{
    struct tm local = { 0 };
    const char *rest = strptime(text, "%Y-%m-%d", &local);
    if (!rest)
        return false;
    if (*rest == '\0') {
        local.tm_mday += edge == TIME_UNTIL;
        *ms = local_ms(&local);
        return true;
    }
    if (*rest != ' ' && *rest != 'T')
        return false;
    const char *clock = rest + 1;
    rest = strptime(clock, "%H:%M:%S", &local);
    if (!rest) {
        local.tm_sec = 0;
        rest = strptime(clock, "%H:%M", &local);
    }
    if (!rest)
        return false;
    if (*rest == '\0') {
        *ms = local_ms(&local);
        return true;
    }
    struct tm zone = { 0 };
    const char *end = strptime(rest, "%z", &zone);
    if (!end || *end != '\0')
        return false;
    *ms = ((int64_t)timegm(&local) - zone.tm_gmtoff) * 1000;
    return true;
}

bool parse_time(const char *text, int64_t now_ms, enum time_edge edge, int64_t *ms)
{
    int64_t ago;
    if (strcmp(text, "now") == 0)
        *ms = now_ms;
    else if (strcmp(text, "today") == 0)
        *ms = edge == TIME_SINCE ? midnight_ms(now_ms, 0) : now_ms;
    else if (strcmp(text, "yesterday") == 0)
        *ms = midnight_ms(now_ms, edge == TIME_SINCE ? -1 : 0);
    else if (duration_parse(text, &ago))
        *ms = now_ms - ago;
    else
        return date_parse(text, edge, ms);
    return true;
}

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

/* strptime takes the 31st of every month, and mktime would make the 1st of the next of it. */
static bool is_day(const struct tm *day)
{
    struct tm same = { .tm_year = day->tm_year, .tm_mon = day->tm_mon, .tm_mday = day->tm_mday };
    timegm(&same);
    return same.tm_mday == day->tm_mday;
}

/*
 * Reads "10:15", "10:15:02", "10:15:02.7433" or "10:15:02,743", as the log has it, into local and *ms, the milliseconds beyond the second.
 * Returns the rest, NULL if it is none.
 */
static const char *clock_parse(const char *text, struct tm *local, int64_t *ms)
{
    const char *rest = strptime(text, "%H:%M:%S", local);

    *ms = 0;
    if (!rest) {
        local->tm_sec = 0;
        return strptime(text, "%H:%M", local);
    }
    if (*rest != '.' && *rest != ',')
        return rest;
    const char *digits = rest + 1;
    size_t count = strspn(digits, "0123456789");
    for (size_t i = 0; i < 3; i++)
        *ms = *ms * 10 + (i < count ? digits[i] - '0' : 0);
    return count > 0 ? digits + count : NULL;
}

/* Two digits, as a number up to most; -1 if they are something else. */
static int digits_parse(const char *text, int most)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return -1;
    int number = (text[0] - '0') * 10 + text[1] - '0';
    return number <= most ? number : -1;
}

/* Reads "Z", "+01:00", "+0100" or "+01", perhaps behind a blank, to the end of the text. */
static bool offset_parse(const char *text, int64_t *offset_ms)
{
    text += *text == ' ';
    *offset_ms = 0;
    if (*text == 'Z' || *text == 'z')
        return text[1] == '\0';
    if (*text != '+' && *text != '-')
        return false;
    int hours = digits_parse(text + 1, 23), minutes = 0;
    const char *rest = hours < 0 ? NULL : text + 3;
    if (rest && *rest != '\0') {
        rest += *rest == ':';
        minutes = digits_parse(rest, 59);
        rest = minutes < 0 ? NULL : rest + 2;
    }
    *offset_ms = (*text == '-' ? -60000 : 60000) * (int64_t)(hours * 60 + minutes);
    return rest && *rest == '\0';
}

/* strptime would take "26-03-03" for a day of the year 26. */
static const char *day_parse(const char *text, struct tm *local)
{
    if (strspn(text, "0123456789") != 4)
        return NULL;
    const char *rest = strptime(text, "%Y-%m-%d", local);
    return rest && is_day(local) ? rest : NULL;
}

static bool date_parse(const char *text, enum time_edge edge, int64_t *ms)
{
    struct tm local = { 0 };
    int64_t fraction_ms, offset_ms;
    const char *rest = day_parse(text, &local);
    if (!rest)
        return false;
    if (*rest == '\0') {
        local.tm_mday += edge == TIME_UNTIL;
        *ms = local_ms(&local);
        return true;
    }
    rest = *rest == ' ' || *rest == 'T' || *rest == 't' ? clock_parse(rest + 1, &local, &fraction_ms) : NULL;
    if (!rest)
        return false;
    if (*rest == '\0') {
        *ms = local_ms(&local) + fraction_ms;
        return true;
    }
    if (!offset_parse(rest, &offset_ms))
        return false;
    *ms = (int64_t)timegm(&local) * 1000 - offset_ms + fraction_ms;
    return true;
}

bool parse_duration(const char *text, int64_t *ms)
{
    size_t len = strlen(text);
    bool has_unit = len > 0 && (text[len - 1] < '0' || text[len - 1] > '9');
    return has_unit && duration_parse(text, ms);
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
    else if (parse_duration(text, &ago))
        *ms = now_ms - ago;
    else
        return date_parse(text, edge, ms);
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/zone.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/strbuf.h"

static const char ZONE_DIRECTORY[] = "/usr/share/zoneinfo";

/* std offset [dst [offset] [,start[/time],end[/time]]], see tzset(3). */
#define ZONE_NAME "([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)"
#define ZONE_HOURS "[0-9]{1,3}(:[0-9]{2}){0,2}"
#define ZONE_DATE ",(M[0-9]{1,2}\\.[1-5]\\.[0-6]|J?[0-9]{1,3})(/[+-]?" ZONE_HOURS ")?"
static const char POSIX_ZONE[] =
    "^" ZONE_NAME "[+-]?" ZONE_HOURS "(" ZONE_NAME "([+-]?" ZONE_HOURS ")?(" ZONE_DATE ZONE_DATE ")?)?$";

static bool zone_is_posix(const char *name)
{
    regex_t regex;
    if (regcomp(&regex, POSIX_ZONE, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool matches = regexec(&regex, name, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}

/* The C library silently takes an unknown name for UTC, which would shift every time by hours. So the file is looked for here. */
static bool zone_is_file(const char *name)
{
    if (name[0] == '\0' || name[0] == '/' || strstr(name, ".."))
        return false;
    const char *directory = getenv("TZDIR");
    struct strbuf path = { 0 };
    strbuf_printf(&path, "%s/%s", directory && *directory ? directory : ZONE_DIRECTORY, name);
    FILE *file = fopen(path.at, "rbe");
    char magic[4] = "";
    bool found = file && fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "TZif", 4) == 0;
    if (file)
        fclose(file);
    strbuf_free(&path);
    return found;
}

bool zone_known(const char *name)
{
    return !name || zone_is_file(name) || zone_is_posix(name);
}

bool zone_set(const char *name)
{
    if (!zone_known(name) || (name && setenv("TZ", name, 1) != 0))
        return false;
    tzset();
    return true;
}

int64_t zone_offset_ms(int64_t ms)
{
    time_t instant = ms / 1000 - (ms % 1000 < 0);
    struct tm local;
    return localtime_r(&instant, &local) ? (int64_t)local.tm_gmtoff * 1000 : 0;
}

void zone_clock_words(int64_t ms, int64_t now_ms, char out[CLOCK_WORDS_BYTES])
{
    ms += CLOCK_WORDS_ROUND_MS;
    time_t instant = ms / 1000 - (ms % 1000 < 0), now = now_ms / 1000 - (now_ms % 1000 < 0);
    struct tm local, today;
    if (!localtime_r(&instant, &local) || !localtime_r(&now, &today)) {
        strcpy(out, "-");
        return;
    }
    bool is_today = local.tm_yday == today.tm_yday && local.tm_year == today.tm_year;
    bool is_lately = now + 1 >= instant && now - instant < 6 * 24 * 60 * 60;
    strftime(out, CLOCK_WORDS_BYTES, is_today ? "%H:%M" : is_lately ? "%a %H:%M" : "%e %b %H:%M", &local);
    if (out[0] == ' ')
        memmove(out, out + 1, strlen(out));
}

void zone_format_rfc3339(int64_t ms, char buf[40])
{
    int64_t within_ms = (ms % 1000 + 1000) % 1000;
    time_t instant = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
    struct tm local;
    if (!localtime_r(&instant, &local)) {
        strcpy(buf, "-");
        return;
    }
    size_t len = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", &local);
    unsigned west = local.tm_gmtoff < 0;
    unsigned minutes = (unsigned)labs(local.tm_gmtoff) / 60 % (100 * 60);
    snprintf(buf + len, 40 - len, ".%03d%c%02u:%02u", (int)within_ms, west ? '-' : '+', minutes / 60, minutes % 60);
}

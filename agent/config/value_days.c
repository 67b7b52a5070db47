/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "config_keys.h"

/* Days of the week and times of the day, as people write them. */

static const char *const days_short[WEEK_DAYS] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
static const char *const days_long[WEEK_DAYS] = { "monday", "tuesday",  "wednesday", "thursday",
                                                  "friday", "saturday", "sunday" };

static bool is_word(struct slice text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.at, word, text.len) == 0;
}

static struct slice without_blanks(struct slice text)
{
    while (text.len > 0 && isspace((unsigned char)text.at[0]))
        text = (struct slice){ text.at + 1, text.len - 1 };
    while (text.len > 0 && isspace((unsigned char)text.at[text.len - 1]))
        text.len--;
    return text;
}

/* 0 for Monday ... 6 for Sunday. -1, with the reason, if it is no day. */
static int read_day(struct slice text, struct strbuf *why)
{
    text = without_blanks(text);
    for (int day = 0; day < WEEK_DAYS; day++)
        if (is_word(text, days_short[day]) || is_word(text, days_long[day]))
            return day;
    strbuf_printf(why, "unknown day '%.*s': needs %s", (int)text.len, text.at, config_type_words(CONFIG_DAYS));
    return -1;
}

/* "sat", or "fri-mon", which runs over the end of the week. */
static bool read_range(struct slice text, int64_t *days, struct strbuf *why)
{
    const char *dash = memchr(text.at, '-', text.len);
    size_t len = dash ? (size_t)(dash - text.at) : text.len;
    int day = read_day((struct slice){ text.at, len }, why);
    int last = dash && day >= 0 ? read_day((struct slice){ dash + 1, text.len - len - 1 }, why) : day;
    if (day < 0 || last < 0)
        return false;
    for (; day != last; day = (day + 1) % WEEK_DAYS)
        *days |= INT64_C(1) << day;
    *days |= INT64_C(1) << last;
    return true;
}

bool value_read_days(const char *text, int64_t *days, struct strbuf *why)
{
    int64_t read = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        if (!read_range((struct slice){ text, len }, &read, why))
            return false;
        if (text[len] == '\0')
            break;
        text += len + 1;
    }
    *days = read;
    return true;
}

/* Reads a number of one or two digits. */
static const char *read_digits(const char *text, int64_t *number)
{
    const char *at = text;
    *number = 0;
    for (; isdigit((unsigned char)*at) && at < text + 2; at++)
        *number = 10 * *number + (*at - '0');
    return at;
}

bool value_read_time_of_day(const char *text, int64_t *minutes, struct strbuf *why)
{
    int64_t hour, minute = 0;
    const char *colon = read_digits(text, &hour);
    const char *end = *colon == ':' ? read_digits(colon + 1, &minute) : colon;
    bool good = colon > text && end == colon + 3 && *end == '\0' && minute < 60 && 60 * hour + minute <= DAY_MINUTES;
    if (good)
        *minutes = 60 * hour + minute;
    else
        strbuf_printf(why, "'%s' is no time of the day: needs HH:MM from 00:00 to 24:00, such as 07:30", text);
    return good;
}

void value_show_days(int64_t days, struct strbuf *out)
{
    size_t before = out->len;
    for (int day = 0; day < WEEK_DAYS; day++)
        if (days >> day & 1)
            strbuf_printf(out, "%s%s", out->len > before ? "," : "", days_short[day]);
}

void value_show_time_of_day(int64_t minutes, struct strbuf *out)
{
    if (minutes >= 0)
        strbuf_printf(out, "%02" PRId64 ":%02" PRId64, minutes / 60, minutes % 60);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/time_words.h"

#include <inttypes.h>
#include <stdio.h>

static const int64_t SECOND_MS = 1000, MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000;

void duration_words(int64_t duration_ms, struct strbuf *out)
{
    int64_t seconds = (duration_ms + SECOND_MS / 2) / SECOND_MS, minutes = (duration_ms + MINUTE_MS / 2) / MINUTE_MS,
            hours = (duration_ms + HOUR_MS / 2) / HOUR_MS;
    if (duration_ms < 0)
        strbuf_puts(out, "0.0 s");
    else if (duration_ms < 9950)
        strbuf_printf(out, "%.1f s", (double)duration_ms / (double)SECOND_MS);
    else if (seconds < 120)
        strbuf_printf(out, "%" PRId64 " s", seconds);
    else if (minutes < 60)
        strbuf_printf(out, "%" PRId64 " min", minutes);
    else if (minutes < 24 * 60)
        strbuf_printf(out, minutes % 60 ? "%" PRId64 " h %02" PRId64 " min" : "%" PRId64 " h", minutes / 60,
                      minutes % 60);
    else
        strbuf_printf(out, hours % 24 ? "%" PRId64 " d %" PRId64 " h" : "%" PRId64 " d", hours / 24, hours % 24);
}

static int64_t day_of(int64_t ms)
{
    return ms / DAY_MS - (ms % DAY_MS < 0);
}

void clock_words_utc(int64_t ms, int64_t now_ms, char out[CLOCK_WORDS_BYTES])
{
    static const char *const weekdays[] = { "Thu ", "Fri ", "Sat ", "Sun ", "Mon ", "Tue ", "Wed " }; /* from 1970 on */
    ms += CLOCK_WORDS_ROUND_MS;
    int64_t day = day_of(ms), minute = (ms - day * DAY_MS) / MINUTE_MS;
    snprintf(out, CLOCK_WORDS_BYTES, "%s%02d:%02d", day == day_of(now_ms) ? "" : weekdays[(day % 7 + 7) % 7],
             (int)(minute / 60), (int)(minute % 60));
}

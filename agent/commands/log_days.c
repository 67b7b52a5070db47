/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log_days.h"

#include <string.h>

#include "agent/commands/show/parse_time.h"
#include "base/clock.h"
#include "base/say.h"
#include "first_day.h"

static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000, MINUTE_MS = 60 * 1000;

bool log_days_read(const char *command, const char *day, int64_t *begin_ms)
{
    *begin_ms = 0;
    if (!day || parse_time(day, clock_now_ms(), TIME_SINCE, begin_ms))
        return true;
    say_error("%s: --date: '%s' is no day, such as 2026-02-18", command, day);
    return false;
}

void log_days_begin(struct parser *parser, const struct config *config, const char *path, int64_t begin_ms)
{
    if (begin_ms) {
        parser_begin_at(parser, begin_ms + MINUTE_MS); /* the order allows a minute before it */
        return;
    }
    if (strcmp(path, "-") == 0) {
        if (parser_clock(parser) == 0)
            parser_begin_at(parser, clock_now_ms() - DAY_MS);
        return;
    }
    struct first_day_question question = { .path = path,
                                           .patterns = config_patterns(config),
                                           .last_ms = parser_clock(parser) };
    if (config->log_format != FRAME_PLAIN || !config_patterns(config))
        return;
    struct first_day day = first_day_find(&question);
    if (day.known)
        parser_begin_at(parser, day.begin_ms);
    else if (day.needed)
        say_warning("%s: its times have no date, and which day it begins on is not known: --date says it", path);
    if (day.lost_days > 0)
        say_warning("%s: its times have no date, and %d day%s missing between the log before it and its last write: "
                    "taken to lie before its first line",
                    path, day.lost_days, day.lost_days == 1 ? " is" : "s are");
}

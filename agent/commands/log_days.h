/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_LOG_DAYS_H
#define COMMANDS_LOG_DAYS_H

#include "config.h"
#include "parser.h"

/* For commands that read logs whose times may have no date: `agent replay` and `agent parse`. */

#define LOG_DAYS_OPTION                                                                                                \
    {                                                                                                                  \
        "date", "DAY",                                                                                                 \
            "the day on which the first LOG begins, if its times have no date (default: counted back from when it "    \
            "was last written)"                                                                                        \
    }

/* Reads the option's value (NULL: it was not given) as the beginning of that day. Returns false if it is no day, which is said. */
bool log_days_read(const char *command, const char *day, int64_t *begin_ms);

/* Before a log is read. begin_ms is what log_days_read gave for the first of the logs, else 0. What cannot be known is said. */
void log_days_begin(struct parser *parser, const struct config *config, const char *path, int64_t begin_ms);

#endif

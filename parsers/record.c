/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

enum { SEPARATOR_LEN = 3, LOGGER_MAX = 128, RULE_LEN = 80 };

static bool separator_at(struct slice text, size_t at)
{
    return text.len >= at + SEPARATOR_LEN && memcmp(text.at + at, " - ", SEPARATOR_LEN) == 0;
}

/* Takes the word and the separator behind it off the front of *text. A word has no spaces. */
static bool word_take(struct slice *text, struct slice *word)
{
    size_t room = text->len < LOGGER_MAX ? text->len : LOGGER_MAX;
    const char *end = memchr(text->at, ' ', room);
    size_t len = end ? (size_t)(end - text->at) : 0;
    if (len == 0 || !separator_at(*text, len))
        return false;
    *word = (struct slice){ text->at, len };
    *text = (struct slice){ text->at + len + SEPARATOR_LEN, text->len - len - SEPARATOR_LEN };
    return true;
}

static bool word_is_level(struct slice word)
{
    switch (word.len) {
    case 4: return memcmp(word.at, "INFO", 4) == 0;
    case 5: return memcmp(word.at, "ERROR", 5) == 0 || memcmp(word.at, "DEBUG", 5) == 0;
    case 7: return memcmp(word.at, "WARNING", 7) == 0;
    case 8: return memcmp(word.at, "CRITICAL", 8) == 0;
    default: return false;
    }
}

/* Nearly every line goes on like this behind its time stamp, so it is tried first: one comparison. */
static bool usual_take(struct slice text, struct record *record)
{
    static const char USUAL[] = " - __main__ - INFO - ";
    enum { USUAL_LEN = sizeof USUAL - 1, LOGGER_LEN = 8, LEVEL_AT = 2 * SEPARATOR_LEN + LOGGER_LEN, LEVEL_LEN = 4 };
    if (text.len < USUAL_LEN || memcmp(text.at, USUAL, USUAL_LEN) != 0)
        return false;
    record->logger = (struct slice){ text.at + SEPARATOR_LEN, LOGGER_LEN };
    record->level = (struct slice){ text.at + LEVEL_AT, LEVEL_LEN };
    record->message = (struct slice){ text.at + USUAL_LEN, text.len - USUAL_LEN };
    return true;
}

__attribute__((cold)) static enum record_form other_take(struct slice text, struct record *record)
{
    if (!separator_at(text, 0))
        return RECORD_NONE;
    struct slice rest = { text.at + SEPARATOR_LEN, text.len - SEPARATOR_LEN };
    record->message = rest;
    if (word_take(&record->message, &record->logger) && word_take(&record->message, &record->level) &&
        word_is_level(record->level))
        return RECORD_FULL;
    record->logger = record->level = (struct slice){ rest.at, 0 };
    record->message = rest;
    return RECORD_SHORT;
}

static enum record_form python_read(struct slice line, struct timestamp_reader *clock, struct record *record)
{
    size_t used = timestamp_read(clock, line.at, line.len, &record->time_ms);
    if (used == 0)
        return RECORD_NONE;
    struct slice rest = { line.at + used, line.len - used };
    return usual_take(rest, record) ? RECORD_FULL : other_take(rest, record);
}

/* Where there is no time at all, that of the line's frame serves. */
static bool custom_time(struct slice time, struct timestamp_reader *clock, struct record *record)
{
    if (time.at && timestamp_read(clock, time.at, time.len, &record->time_ms) > 0)
        return true;
    record->dayless = true;
    if (time.at)
        return dayless_read(clock, time.at, time.len, &record->time_ms) > 0;
    record->time_ms = clock->dayless.frame_ms;
    return record->time_ms != 0;
}

/* Not inlined, so that the usual form does not pay for what this one keeps in registers. */
__attribute__((noinline)) static enum record_form custom_read(struct pattern *prefix, struct slice line,
                                                              struct timestamp_reader *clock, struct record *record)
{
    enum pattern_answer answer = pattern_match(prefix, line);
    record->gave_up = answer == PATTERN_LIMIT;
    if (answer != PATTERN_YES || !custom_time(pattern_group(prefix, line, RECORD_TIME), clock, record))
        return RECORD_NONE;
    record->logger = pattern_group(prefix, line, RECORD_LOGGER);
    record->level = pattern_group(prefix, line, RECORD_LEVEL);
    record->message = pattern_group(prefix, line, RECORD_MESSAGE);
    return record->message.at ? RECORD_CUSTOM : RECORD_NONE;
}

static bool is_own(const struct record_format *format, struct slice logger)
{
    enum { USUAL_LEN = sizeof "__main__" - 1 }; /* as a constant, so that nearly all comparisons need no call */
    if (logger.len == 0 || logger.len != format->logger_len)
        return logger.len == 0;
    return logger.len == USUAL_LEN ? memcmp(logger.at, format->logger, USUAL_LEN) == 0
                                   : memcmp(logger.at, format->logger, logger.len) == 0;
}

void record_read(const struct record_format *format, struct slice line, struct timestamp_reader *clock,
                 struct record *record)
{
    record->gave_up = record->dayless = false;
    record->form = format->prefix ? custom_read(format->prefix, line, clock, record) : python_read(line, clock, record);
    record->own = record->form != RECORD_NONE && is_own(format, record->logger);
}

bool record_is_rule(const struct record *record)
{
    struct slice message = record->message;
    /* The first byte is '=', and each equals the next. */
    return message.len == RULE_LEN && message.at[0] == '=' && memcmp(message.at, message.at + 1, RULE_LEN - 1) == 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

enum { SEPARATOR_LEN = 3, LOGGER_MAX = 128, RULE_LEN = 80 };

static bool separator_at(struct slice text, size_t at)
{
    return text.len >= at + SEPARATOR_LEN && memcmp(text.at + at, " - ", SEPARATOR_LEN) == 0;
}

/* The word up to the next separator, dropped from *text with it; a word has no spaces. */
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

static bool is_level(struct slice word)
{
    switch (word.len) {
    case 4: return memcmp(word.at, "INFO", 4) == 0;
    case 5: return memcmp(word.at, "ERROR", 5) == 0 || memcmp(word.at, "DEBUG", 5) == 0;
    case 7: return memcmp(word.at, "WARNING", 7) == 0;
    case 8: return memcmp(word.at, "CRITICAL", 8) == 0;
    default: return false;
    }
}

/* Nearly every line goes on like this behind its time stamp: known in one comparison. */
static bool usual_take(struct slice text, struct record *record)
{
    static const char USUAL[] = "__main__ - INFO - ";
    enum { USUAL_LEN = sizeof USUAL - 1, LOGGER_LEN = 8, LEVEL_AT = LOGGER_LEN + SEPARATOR_LEN, LEVEL_LEN = 4 };
    if (text.len < USUAL_LEN || memcmp(text.at, USUAL, USUAL_LEN) != 0)
        return false;
    record->logger = (struct slice){ text.at, LOGGER_LEN };
    record->level = (struct slice){ text.at + LEVEL_AT, LEVEL_LEN };
    record->message = (struct slice){ text.at + USUAL_LEN, text.len - USUAL_LEN };
    return true;
}

__attribute__((cold)) static enum record_form other_take(struct slice rest, struct record *record)
{
    record->message = rest;
    if (word_take(&record->message, &record->logger) && word_take(&record->message, &record->level) &&
        is_level(record->level))
        return RECORD_FULL;
    record->logger = record->level = (struct slice){ rest.at, 0 };
    record->message = rest;
    return RECORD_SHORT;
}

enum record_form record_read(struct slice line, struct timestamp_reader *clock, struct record *record)
{
    record->form = RECORD_NONE;
    size_t used = timestamp_read(clock, line.at, line.len, &record->time_ms);
    if (used == 0 || !separator_at(line, used))
        return RECORD_NONE;
    struct slice rest = { line.at + used + SEPARATOR_LEN, line.len - used - SEPARATOR_LEN };
    if (usual_take(rest, record))
        record->form = RECORD_FULL;
    else
        record->form = other_take(rest, record);
    return record->form;
}

bool record_is_rule(struct slice message)
{
    /* All equal to the first, which is '='. */
    return message.len == RULE_LEN && message.at[0] == '=' && memcmp(message.at, message.at + 1, RULE_LEN - 1) == 0;
}

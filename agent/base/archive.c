/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/archive.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* NULL is saved as TEXT_NONE. Any other text begins with TEXT_MARK, so that an empty one differs from NULL. */
static const char TEXT_NONE[] = "-";
static const char TEXT_MARK = '=';

/* The first line of a brief text. */
static const char BRIEF[] = "brief 1\n";
enum { BRIEF_LEN = sizeof BRIEF - 1 };

/* In a brief list, "7*3" stands for "7 7 7". Fewer equal values than these are written out. */
enum { REPEAT_LEAST = 3 };

void archive_save_to(struct archive *archive, struct strbuf *out)
{
    *archive = (struct archive){ .out = out };
}

bool archive_is_brief(struct slice text)
{
    return text.len >= BRIEF_LEN && memcmp(text.at, BRIEF, BRIEF_LEN) == 0;
}

void archive_save_brief(struct archive *archive, struct strbuf *out)
{
    strbuf_add(out, BRIEF, BRIEF_LEN);
    *archive = (struct archive){ .out = out, .is_brief = true };
}

/* The line that begins at *cursor, without its end; *cursor moves to the next one. */
static struct slice line_next(struct slice text, size_t *cursor)
{
    const char *begin = text.at + *cursor;
    size_t rest = text.len - *cursor;
    const char *end = memchr(begin, '\n', rest);
    size_t len = end ? (size_t)(end - begin) : rest;
    *cursor += end ? len + 1 : len;
    return (struct slice){ begin, len };
}

/* Whether the line that begins at *cursor is the named field; then *cursor moves to the next line. */
static bool field_take(struct slice text, size_t *cursor, const char *name, size_t len, struct slice *value)
{
    const char *begin = text.at + *cursor;
    size_t rest = text.len - *cursor;
    if (rest <= len || begin[0] != name[0] || begin[len] != ' ' || memcmp(begin, name, len) != 0)
        return false;
    struct slice line = line_next(text, cursor);
    *value = (struct slice){ line.at + len + 1, line.len - len - 1 };
    return true;
}

/* A bit of archive->names for a name: which fields a brief text lacks is then known without a search, for nearly all of them. */
static uint64_t name_bit(const char *name, size_t len, size_t *word)
{
    unsigned first = (unsigned char)name[0], middle = (unsigned char)name[len / 2], last = (unsigned char)name[len - 1];
    unsigned hash = ((((unsigned)len * 33 + first) * 33 + middle) * 33 + last) * 2654435761U;
    *word = hash >> 30;
    return UINT64_C(1) << (hash >> 24 & 63);
}

static void names_note(struct archive *archive)
{
    const char *at = archive->in.at + archive->cursor, *end = archive->in.at + archive->in.len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *line_end = newline ? newline : end;
        const char *blank = memchr(at, ' ', (size_t)(line_end - at));
        size_t word;
        if (blank && blank > at) {
            uint64_t bit = name_bit(at, (size_t)(blank - at), &word);
            archive->names[word] |= bit;
        }
        at = newline ? newline + 1 : end;
    }
}

void archive_load_from(struct archive *archive, struct slice text)
{
    *archive = (struct archive){ .in = text };
    archive->is_brief = archive_is_brief(text);
    if (!archive->is_brief)
        return;
    archive->cursor = BRIEF_LEN;
    names_note(archive);
}

static bool is_left_out(const struct archive *archive, const char *name, size_t len)
{
    size_t word;
    uint64_t bit = name_bit(name, len, &word);
    return archive->is_brief && !(archive->names[word] & bit);
}

/* Searches from the cursor to the end, then from the beginning, so that fields in the saved order are found at once. */
static bool field_find(struct archive *archive, const char *name, struct slice *value)
{
    size_t len = strlen(name), from = archive->cursor, cursor = from;
    if (field_take(archive->in, &archive->cursor, name, len, value))
        return true;
    if (is_left_out(archive, name, len))
        return false;
    for (int round = 0; round < 2; round++) {
        size_t end = round == 0 ? archive->in.len : from;
        for (; cursor < end; line_next(archive->in, &cursor))
            if (field_take(archive->in, &cursor, name, len, value)) {
                archive->cursor = cursor;
                return true;
            }
        cursor = 0;
    }
    return false;
}

/* The digits at the front of *text, which go. False if there are none, or their number does not fit. */
static bool digits_take(struct slice *text, uint64_t *value)
{
    enum { DIGITS_FIT = 19 };
    const char *at = text->at, *end = at + text->len;
    uint64_t result = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (at - text->at >= DIGITS_FIT)
            return false;
        result = result * 10 + (uint64_t)(*at - '0');
    }
    bool any = at > text->at;
    *text = (struct slice){ at, (size_t)(end - at) };
    *value = result;
    return any;
}

/* Takes one decimal number from the front of *text. */
static bool number_take(struct slice *text, int64_t *value)
{
    uint64_t digits;
    bool negative = text->len > 0 && text->at[0] == '-';
    if (negative)
        *text = (struct slice){ text->at + 1, text->len - 1 };
    if (!digits_take(text, &digits) || digits > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *value = negative ? (int64_t)-digits : (int64_t)digits;
    return true;
}

/* Takes one number of a list, how often it is there, and the space behind it. */
static bool element_take(struct slice *text, int64_t *value, uint64_t *times)
{
    *times = 1;
    if (!number_take(text, value))
        return false;
    if (text->len > 0 && text->at[0] == '*') {
        *text = (struct slice){ text->at + 1, text->len - 1 };
        if (!digits_take(text, times))
            return false;
    }
    if (text->len == 0)
        return true;
    if (text->at[0] != ' ')
        return false;
    *text = (struct slice){ text->at + 1, text->len - 1 };
    return true;
}

/* State is saved at every event and is mostly numbers. With printf this took most of the time. */
static void number_put(struct strbuf *out, int64_t value)
{
    char digits[20];
    char *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        *--at = '-';
    strbuf_add(out, at, (size_t)(digits + sizeof digits - at));
}

void archive_i64(struct archive *archive, const char *name, int64_t *value)
{
    struct slice text;
    int64_t number;
    if (!archive_loading(archive)) {
        if (archive->is_brief && *value == 0)
            return;
        strbuf_puts(archive->out, name);
        strbuf_puts(archive->out, " ");
        number_put(archive->out, *value);
        strbuf_puts(archive->out, "\n");
    } else if (!field_find(archive, name, &text)) {
        *value = archive->is_brief ? 0 : *value;
    } else if (number_take(&text, &number) && text.len == 0) {
        *value = number;
    }
}

void archive_int(struct archive *archive, const char *name, int *value)
{
    int64_t number = *value;
    archive_i64(archive, name, &number);
    if (number >= INT_MIN && number <= INT_MAX)
        *value = (int)number;
}

void archive_bool(struct archive *archive, const char *name, bool *value)
{
    int64_t number = *value;
    archive_i64(archive, name, &number);
    *value = number != 0;
}

void archive_enum(struct archive *archive, const char *name, int *value, int count)
{
    int loaded = *value;
    archive_int(archive, name, &loaded);
    if (loaded >= 0 && loaded < count)
        *value = loaded;
}

static void text_save(struct strbuf *out, const char *name, const char *text)
{
    strbuf_puts(out, name);
    strbuf_puts(out, " ");
    if (!text) {
        strbuf_puts(out, TEXT_NONE);
    } else {
        strbuf_add(out, &TEXT_MARK, 1);
        for (const char *end; *(end = text + strcspn(text, "\\\n")) != '\0'; text = end + 1) {
            strbuf_add(out, text, (size_t)(end - text));
            strbuf_puts(out, *end == '\n' ? "\\n" : "\\\\");
        }
        strbuf_puts(out, text);
    }
    strbuf_puts(out, "\n");
}

static char *text_load(struct slice text)
{
    char *copy = must_alloc(text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool escaped = text.at[i] == '\\' && i + 1 < text.len;
        i += escaped ? 1 : 0;
        copy[len++] = escaped && text.at[i] == 'n' ? '\n' : text.at[i];
    }
    return copy;
}

void archive_text(struct archive *archive, const char *name, char **value)
{
    struct slice text = { 0 };
    if (!archive_loading(archive)) {
        if (*value || !archive->is_brief)
            text_save(archive->out, name, *value);
        return;
    }
    bool found = field_find(archive, name, &text);
    bool none = found ? slice_equals(text, TEXT_NONE) : archive->is_brief;
    if (none || (text.len > 0 && text.at[0] == TEXT_MARK)) {
        free(*value);
        *value = none ? NULL : text_load((struct slice){ text.at + 1, text.len - 1 });
    }
}

static size_t count_equal(const int64_t *values, size_t count)
{
    size_t equal = 1;
    while (equal < count && values[equal] == values[0])
        equal++;
    return equal;
}

static void numbers_save(const struct archive *archive, const char *name, const int64_t *values, size_t count)
{
    struct strbuf *out = archive->out;
    if (archive->is_brief && count == 0)
        return;
    strbuf_puts(out, name);
    strbuf_puts(out, " ");
    for (size_t i = 0, equal; i < count; i += equal) {
        equal = archive->is_brief ? count_equal(values + i, count - i) : 1;
        strbuf_add(out, " ", i > 0 ? 1 : 0);
        number_put(out, values[i]);
        if (equal < REPEAT_LEAST) {
            equal = 1;
            continue;
        }
        strbuf_add(out, "*", 1);
        number_put(out, (int64_t)equal);
    }
    strbuf_puts(out, "\n");
}

static size_t numbers_load(struct slice text, int64_t *values, size_t room)
{
    size_t taken = 0;
    int64_t value;
    uint64_t times;
    while (taken < room && element_take(&text, &value, &times))
        for (; times > 0 && taken < room; times--)
            values[taken++] = value;
    return taken;
}

void archive_i64s(struct archive *archive, const char *name, int64_t *values, size_t *count, size_t room)
{
    struct slice text;
    if (!archive_loading(archive))
        numbers_save(archive, name, values, *count);
    else if (field_find(archive, name, &text))
        *count = numbers_load(text, values, room);
    else if (archive->is_brief)
        *count = 0;
}

/* In a brief text each value but the first is saved as its distance from the one before. */
static void rising_save(const struct archive *archive, const char *name, const int64_t *values, size_t count)
{
    int64_t *steps = must_alloc((count + 1) * sizeof *steps);
    for (size_t i = 0; i < count; i++)
        steps[i] = (int64_t)((uint64_t)values[i] - (i > 0 ? (uint64_t)values[i - 1] : 0));
    numbers_save(archive, name, steps, count);
    free(steps);
}

void archive_rising(struct archive *archive, const char *name, int64_t *values, size_t *count, size_t room)
{
    if (archive->is_brief && !archive_loading(archive)) {
        rising_save(archive, name, values, *count);
        return;
    }
    archive_i64s(archive, name, values, count, room);
    for (size_t i = 1; archive->is_brief && i < *count; i++)
        values[i] = (int64_t)((uint64_t)values[i] + (uint64_t)values[i - 1]);
}

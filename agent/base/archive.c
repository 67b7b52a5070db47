/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/archive.h"

#include <limits.h>
#include <stdlib.h>

/* NULL is saved as TEXT_NONE. Any other text begins with TEXT_MARK, so that an empty one differs from NULL. */
static const char TEXT_NONE[] = "-";
static const char TEXT_MARK = '=';

void archive_save_to(struct archive *archive, struct strbuf *out)
{
    *archive = (struct archive){ .out = out };
}

void archive_load_from(struct archive *archive, struct slice text)
{
    *archive = (struct archive){ .in = text };
}

bool archive_loading(const struct archive *archive)
{
    return !archive->out;
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

static bool line_is(struct slice line, const char *name, struct slice *value)
{
    size_t len = strlen(name);
    if (line.len <= len || line.at[len] != ' ' || memcmp(line.at, name, len) != 0)
        return false;
    *value = (struct slice){ line.at + len + 1, line.len - len - 1 };
    return true;
}

/* Searches from the cursor to the end, then from the beginning, so that fields in the saved order are found at once. */
static bool field_find(struct archive *archive, const char *name, struct slice *value)
{
    size_t from = archive->cursor;
    size_t cursor = from;
    bool wrapped = false;
    while (!wrapped || cursor < from) {
        if (cursor >= archive->in.len) {
            if (wrapped)
                break;
            wrapped = true;
            cursor = 0;
            continue;
        }
        if (line_is(line_next(archive->in, &cursor), name, value)) {
            archive->cursor = cursor;
            return true;
        }
    }
    return false;
}

/* Takes one decimal number and the space behind it from the front of *text. */
static bool number_take(struct slice *text, int64_t *value)
{
    bool negative = text->len > 0 && text->at[0] == '-';
    size_t used = negative ? 1 : 0;
    size_t first = used;
    int64_t result = 0;
    for (; used < text->len && text->at[used] >= '0' && text->at[used] <= '9'; used++) {
        /* Computed below zero, since -INT64_MIN has no positive counterpart. */
        if (__builtin_mul_overflow(result, 10, &result) ||
            __builtin_sub_overflow(result, text->at[used] - '0', &result))
            return false;
    }
    if (used == first || (used < text->len && text->at[used] != ' ') || (!negative && result == INT64_MIN))
        return false;
    *value = negative ? result : -result;
    used += used < text->len ? 1 : 0;
    *text = (struct slice){ text->at + used, text->len - used };
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
        strbuf_puts(archive->out, name);
        strbuf_puts(archive->out, " ");
        number_put(archive->out, *value);
        strbuf_puts(archive->out, "\n");
    } else if (field_find(archive, name, &text) && number_take(&text, &number) && text.len == 0) {
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
    struct slice text;
    if (!archive_loading(archive)) {
        text_save(archive->out, name, *value);
    } else if (field_find(archive, name, &text)) {
        bool none = slice_equals(text, TEXT_NONE);
        if (none || (text.len > 0 && text.at[0] == TEXT_MARK)) {
            free(*value);
            *value = none ? NULL : text_load((struct slice){ text.at + 1, text.len - 1 });
        }
    }
}

static void numbers_save(struct strbuf *out, const char *name, const int64_t *values, size_t count)
{
    strbuf_puts(out, name);
    strbuf_puts(out, " ");
    for (size_t i = 0; i < count; i++) {
        strbuf_add(out, " ", i > 0 ? 1 : 0);
        number_put(out, values[i]);
    }
    strbuf_puts(out, "\n");
}

void archive_i64s(struct archive *archive, const char *name, int64_t *values, size_t *count, size_t room)
{
    struct slice text;
    if (!archive_loading(archive)) {
        numbers_save(archive->out, name, values, *count);
    } else if (field_find(archive, name, &text)) {
        size_t taken = 0;
        while (taken < room && number_take(&text, &values[taken]))
            taken++;
        *count = taken;
    }
}

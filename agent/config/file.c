/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECTION_MAX = 49, /* libinih cuts longer names in silence */
    LINE_MAX_BYTES = 8192
};

/* The text as libinih's reader takes it, piece by piece; line is the one that was handed out last. */
struct cursor {
    struct slice rest;
    const struct config_file_sink *sink;
    int line;
    bool in_line; /* the last piece had no end of line */
};

static void check_section(const struct cursor *cursor, const char *text, size_t len)
{
    const char *end = memchr(text, ']', len);
    size_t name_len = end ? (size_t)(end - text) - 1 : 0;
    char *name = NULL;

    if (!end)
        cursor->sink->error(cursor->sink->ctx, cursor->line, "a section needs a closing ']'");
    else if (name_len > SECTION_MAX)
        cursor->sink->error(cursor->sink->ctx, cursor->line, "the section's name is longer than 49 characters");
    else
        name = must_copy(text + 1, name_len);
    cursor->sink->section(cursor->sink->ctx, name, cursor->line);
    free(name);
}

/* Where libinih begins to look at a line: behind its blanks, and behind the mark of UTF-8 that some editors begin a file with. */
static size_t line_begin(const struct cursor *cursor, const char *line, size_t len)
{
    static const char mark[] = "\xEF\xBB\xBF";
    bool marked = cursor->line == 1 && len >= strlen(mark) && memcmp(line, mark, strlen(mark)) == 0;
    size_t at = marked ? strlen(mark) : 0;

    while (at < len && isspace((unsigned char)line[at]))
        at++;
    return at;
}

/* What libinih would pass over: looks at a whole line before it gets it. False for one that it must not get. */
static bool check_line(const struct cursor *cursor, const char *line, size_t len)
{
    size_t begin = line_begin(cursor, line, len);
    bool is_section = begin < len && line[begin] == '[';
    const char *wrong = memchr(line, '\0', len) != NULL ? "a NUL byte: this is not a text file"
                        : len > LINE_MAX_BYTES          ? "the line is longer than 8192 bytes"
                                                        : NULL;

    if (wrong) {
        cursor->sink->error(cursor->sink->ctx, cursor->line, wrong);
        if (is_section)
            cursor->sink->section(cursor->sink->ctx, NULL, cursor->line);
    } else if (is_section) {
        check_section(cursor, line + begin, len - begin);
    }
    return !wrong;
}

static void cut(struct slice *text, size_t len)
{
    text->at += len;
    text->len -= len;
}

/* fgets over the cursor, as ini_parse_stream wants it. */
static char *read_piece(char *piece, int room, void *stream)
{
    struct cursor *cursor = stream;
    const char *newline = memchr(cursor->rest.at, '\n', cursor->rest.len);
    size_t len = newline ? (size_t)(newline - cursor->rest.at) + 1 : cursor->rest.len;

    if (len == 0 || room < 2)
        return NULL;
    if (!cursor->in_line) {
        cursor->line++;
        if (!check_line(cursor, cursor->rest.at, len)) {
            cut(&cursor->rest, len);
            return strcpy(piece, "\n");
        }
    }
    if (len > (size_t)room - 1)
        len = (size_t)room - 1;
    memcpy(piece, cursor->rest.at, len);
    piece[len] = '\0';
    cut(&cursor->rest, len);
    cursor->in_line = piece[len - 1] != '\n' && cursor->rest.len > 0;
    return piece;
}

static int take_entry(void *user, const char *section, const char *name, const char *value)
{
    const struct cursor *cursor = user;

    if (!value)
        cursor->sink->error(cursor->sink->ctx, cursor->line, "neither a [section] nor a key = value");
    else
        cursor->sink->entry(cursor->sink->ctx, section, name, value, cursor->line);
    return 1;
}

void config_file_parse(struct slice text, const struct config_file_sink *sink)
{
    struct cursor cursor = { .rest = text, .sink = sink };

    ini_use_stack = false;
    ini_allow_realloc = true;
    ini_max_line = LINE_MAX_BYTES + 3;
    ini_allow_multiline = false;
    ini_allow_no_value = true;
    ini_inline_comment_prefixes = ";#";
    if (ini_parse_stream(read_piece, &cursor, take_entry, &cursor) < 0)
        sink->error(sink->ctx, cursor.line, "out of memory");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECTION_MAX = 49, /* libinih cuts a longer name without saying so */
    CONFIG_LINE_MAX_BYTES = 8192
};

/* The text that libinih reads piece by piece. */
struct cursor {
    struct slice rest;
    const struct config_file_sink *sink;
    int line;     /* of the piece that was handed out last */
    bool in_line; /* that piece did not end its line */
};

static void file_check_section(const struct cursor *cursor, const char *text, size_t len)
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

/* Returns where libinih begins to look at a line: after its blanks, and after the byte order mark that some editors put first. */
static size_t file_line_begin(const struct cursor *cursor, const char *line, size_t len)
{
    static const char mark[] = "\xEF\xBB\xBF";
    bool marked = cursor->line == 1 && len >= strlen(mark) && memcmp(line, mark, strlen(mark)) == 0;
    size_t at = marked ? strlen(mark) : 0;

    while (at < len && isspace((unsigned char)line[at]))
        at++;
    return at;
}

/* Checks a whole line for what libinih would pass over. Returns false if libinih must not get it. */
static bool file_check_line(const struct cursor *cursor, const char *line, size_t len)
{
    size_t begin = file_line_begin(cursor, line, len);
    bool is_section = begin < len && line[begin] == '[';
    const char *wrong = memchr(line, '\0', len) != NULL ? "a NUL byte: this is not a text file"
                        : len > CONFIG_LINE_MAX_BYTES   ? "the line is longer than 8192 bytes"
                                                        : NULL;

    if (wrong) {
        cursor->sink->error(cursor->sink->ctx, cursor->line, wrong);
        if (is_section)
            cursor->sink->section(cursor->sink->ctx, NULL, cursor->line);
    } else if (is_section) {
        file_check_section(cursor, line + begin, len - begin);
    }
    return !wrong;
}

static void file_skip(struct slice *text, size_t len)
{
    text->at += len;
    text->len -= len;
}

/* Reads like fgets() from the cursor: this is the reader that ini_parse_stream() calls. */
static char *file_read_piece(char *piece, int room, void *stream)
{
    struct cursor *cursor = stream;
    const char *newline = memchr(cursor->rest.at, '\n', cursor->rest.len);
    size_t len = newline ? (size_t)(newline - cursor->rest.at) + 1 : cursor->rest.len;

    if (len == 0 || room < 2)
        return NULL;
    if (!cursor->in_line) {
        cursor->line++;
        if (!file_check_line(cursor, cursor->rest.at, len)) {
            file_skip(&cursor->rest, len);
            return strcpy(piece, "\n");
        }
    }
    if (len > (size_t)room - 1)
        len = (size_t)room - 1;
    memcpy(piece, cursor->rest.at, len);
    piece[len] = '\0';
    file_skip(&cursor->rest, len);
    cursor->in_line = piece[len - 1] != '\n' && cursor->rest.len > 0;
    return piece;
}

static int file_take_entry(void *user, const char *section, const char *name, const char *value)
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
    ini_max_line = CONFIG_LINE_MAX_BYTES + 3;
    ini_allow_multiline = false;
    ini_allow_no_value = true;
    ini_inline_comment_prefixes = ";#";
    if (ini_parse_stream(file_read_piece, &cursor, file_take_entry, &cursor) < 0)
        sink->error(sink->ctx, cursor.line, "out of memory");
}

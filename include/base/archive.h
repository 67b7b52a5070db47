/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_ARCHIVE_H
#define BASE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Saves state as text and loads it again. Each owner of state writes one function that names its fields, and the archive either saves or
 * loads them, so that the two directions cannot disagree. A field that the text lacks (an older version wrote it) keeps its value; a field
 * that nobody asks for (a newer version wrote it) is skipped. The text consists of lines "name value"; fields are found fastest in the
 * order in which they were saved.
 *
 * A brief text says so in its first line. It leaves out what is 0, NULL or empty, so a field that it lacks becomes that when it is loaded.
 * Who adds a field to a state that is saved so, and wants something else where an older version did not save it, must save a value that is not 0.
 */
enum { ARCHIVE_NAME_WORDS = 4 };
struct archive {
    struct strbuf *out; /* saving, if not NULL */
    struct slice in;    /* loading */
    size_t cursor;
    bool is_brief;
    uint64_t names[ARCHIVE_NAME_WORDS]; /* the hashes of the names in a brief text */
};

void archive_save_to(struct archive *archive, struct strbuf *out);
void archive_save_brief(struct archive *archive, struct strbuf *out);
bool archive_is_brief(struct slice text);
/* Takes both kinds of text. */
void archive_load_from(struct archive *archive, struct slice text);

/*
 * Several things whose fields have the same names, one behind the other, must be saved in full: in a brief text a field that one of them lacks would
 * be taken from the next. Called with false before them, and with what that returned behind them.
 */
static inline bool archive_set_brief(struct archive *archive, bool is_brief)
{
    bool was = archive->is_brief;
    archive->is_brief = is_brief;
    return was;
}

static inline bool archive_loading(const struct archive *archive)
{
    return !archive->out;
}

void archive_int(struct archive *archive, const char *name, int *value);
void archive_i64(struct archive *archive, const char *name, int64_t *value);
void archive_bool(struct archive *archive, const char *name, bool *value);
/* A value from 0 to count - 1. It is saved as a number, so an enum may grow only at its end. Other values are not loaded. */
void archive_enum(struct archive *archive, const char *name, int *value, int count);
/* An owned string or NULL. Loading frees the old one. */
void archive_text(struct archive *archive, const char *name, char **value);
/* *count values. Loading takes at most room of them and sets *count. */
void archive_i64s(struct archive *archive, const char *name, int64_t *values, size_t *count, size_t room);
/* The same for values that mostly rise, such as times: they are shorter in a brief text. */
void archive_rising(struct archive *archive, const char *name, int64_t *values, size_t *count, size_t room);

#endif

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
 */
struct archive {
    struct strbuf *out; /* saving, if not NULL */
    struct slice in;    /* loading */
    size_t cursor;
};

void archive_save_to(struct archive *archive, struct strbuf *out);
void archive_load_from(struct archive *archive, struct slice text);
bool archive_loading(const struct archive *archive);

void archive_int(struct archive *archive, const char *name, int *value);
void archive_i64(struct archive *archive, const char *name, int64_t *value);
void archive_bool(struct archive *archive, const char *name, bool *value);
/* A value from 0 to count - 1. It is saved as a number, so an enum may grow only at its end. Other values are not loaded. */
void archive_enum(struct archive *archive, const char *name, int *value, int count);
/* An owned string or NULL. Loading frees the old one. */
void archive_text(struct archive *archive, const char *name, char **value);
/* *count values. Loading takes at most room of them and sets *count. */
void archive_i64s(struct archive *archive, const char *name, int64_t *values, size_t *count, size_t room);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_ARCHIVE_H
#define BASE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * State to text and back through one list of fields: each owner writes a single function that names its fields, and
 * the archive either saves or loads them, so the two directions cannot disagree. A field that a text lacks (an older
 * version wrote it) keeps its value; one that nobody asks for (a newer version wrote it) is passed over.
 * The text is "name value" lines; fields are found fastest in the order in which they were saved.
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
/* One of count values, 0 and up; saved as its number, so that enums may grow at their end only. Any other is not loaded. */
void archive_enum(struct archive *archive, const char *name, int *value, int count);
/* An owned string or NULL; when loading, the old one is freed. */
void archive_text(struct archive *archive, const char *name, char **value);
/* count values; when loading, at most room of them, and count is set. */
void archive_i64s(struct archive *archive, const char *name, int64_t *values, size_t *count, size_t room);

#endif

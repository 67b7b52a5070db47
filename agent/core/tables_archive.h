/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_TABLES_ARCHIVE_H
#define CORE_TABLES_ARCHIVE_H

#include "tables.h"

/* What else is saved with a table: the detectors' own state of it. */
typedef void archive_of_table(struct table *table, struct archive *archive);

/* All tables in one text, each followed by what `also` saves of it. */
void tables_archive(struct tables *tables, struct archive *archive, archive_of_table *also);
/*
 * One table, whose place is given. Where it has none yet, loading gives it that one, and free places to those before it: so they are loaded
 * in the order of their places. One that cannot have this place (a damaged state) is left out.
 */
void tables_archive_place(struct tables *tables, size_t place, struct archive *archive, archive_of_table *also);
/* How many places there are, free ones at the end among them. */
void tables_archive_places(struct tables *tables, struct archive *archive);
/* The name of a field: prefix and what. A line break becomes "?". */
void saved_key(const char *prefix, const char *what, struct strbuf *key);
void table_archive_windows(struct table *table, const char *prefix, struct archive *archive);

#endif

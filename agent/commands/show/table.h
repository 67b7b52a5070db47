/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_TABLE_H
#define COMMANDS_SHOW_TABLE_H

#include "terminal.h"

/* A table that is filled once and written as text, Markdown or HTML. Cells hold text as it came; each of these escapes it. */
enum align { ALIGN_LEFT, ALIGN_RIGHT };

struct show_column {
    const char *title;
    enum align align;
    int priority; /* 0: always shown. Where the width is too short, the column with the highest number is left out first. */
};

struct show_table;
struct show_table *show_table_new(const struct show_column *columns,
                                  size_t column_count); /* columns must outlive the table */
void show_table_free(struct show_table *table);
size_t show_table_rows(const struct show_table *table);

/* These add the next cell: row by row, from left to right. */
void show_table_cell(struct show_table *table, enum tone tone, const char *text);
/* Likewise, with a shorter text for a terminal that has no room for the whole one; brief may be NULL. */
void show_table_cell_or(struct show_table *table, enum tone tone, const char *text, const char *brief);
void show_table_count(struct show_table *table, int64_t count);
void show_table_duration(struct show_table *table, int64_t ms);              /* below 0: empty */
void show_table_time(struct show_table *table, int64_t ms, int said_offset); /* 0: empty */

/* Likewise, and in HTML the cell links to that address, which is escaped. */
void show_table_cell_link(struct show_table *table, enum tone tone, const char *text, const char *address);

/* In HTML the cells of the first column link to their own number below that path ("/incidents/"), which is borrowed. */
void show_table_link(struct show_table *table, const char *path);

void show_table_text(const struct show_table *table, const struct terminal *terminal, int indent, struct strbuf *out);
void show_table_markdown(const struct show_table *table, struct strbuf *out);
void show_table_html(const struct show_table *table, struct strbuf *out);

#endif

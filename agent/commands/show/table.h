/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_TABLE_H
#define COMMANDS_SHOW_TABLE_H

#include "terminal.h"

/* A table, filled once and shown as any format wants it. Cells hold raw text; each renderer makes it inert. */
enum align { ALIGN_LEFT, ALIGN_RIGHT };

struct show_column {
    const char *title;
    enum align align;
    int priority; /* 0: always shown; where the width is short, the highest goes first */
};

struct show_table;
struct show_table *show_table_new(const struct show_column *columns,
                                  size_t column_count); /* columns must outlive the table */
void show_table_free(struct show_table *table);
size_t show_table_rows(const struct show_table *table);

/* Cells row by row, left to right. */
void show_table_cell(struct show_table *table, enum tone tone, const char *text);
void show_table_count(struct show_table *table, int64_t count);
void show_table_duration(struct show_table *table, int64_t ms);              /* below 0: empty */
void show_table_time(struct show_table *table, int64_t ms, int said_offset); /* 0: empty */

void show_table_text(const struct show_table *table, const struct terminal *terminal, int indent, struct strbuf *out);
void show_table_markdown(const struct show_table *table, struct strbuf *out);
void show_table_html(const struct show_table *table, struct strbuf *out);

#endif

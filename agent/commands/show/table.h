/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_TABLE_H
#define COMMANDS_SHOW_TABLE_H

#include "terminal.h"

/* A table, filled once and shown as any format wants it. Cells hold raw text; each renderer makes it inert. */
enum grid_align { GRID_LEFT, GRID_RIGHT };

struct grid_column {
    const char *title;
    enum grid_align align;
    int priority; /* 0: always shown; where the width is short, the highest goes first */
};

struct grid;
struct grid *grid_new(const struct grid_column *columns, size_t column_count); /* columns must outlive the grid */
void grid_free(struct grid *grid);
size_t grid_rows(const struct grid *grid);

/* Cells row by row, left to right. */
void grid_cell(struct grid *grid, enum tone tone, const char *text);
void grid_count(struct grid *grid, int64_t count);
void grid_duration(struct grid *grid, int64_t ms);              /* below 0: empty */
void grid_time(struct grid *grid, int64_t ms, int said_offset); /* 0: empty */

void grid_text(const struct grid *grid, const struct face *face, int indent, struct strbuf *out);
void grid_markdown(const struct grid *grid, struct strbuf *out);
void grid_html(const struct grid *grid, struct strbuf *out);

#endif

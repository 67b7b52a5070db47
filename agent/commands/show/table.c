/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <assert.h>
#include <stdlib.h>

#include "escape.h"

enum { GRID_COLUMNS_MAX = 16, GRID_GUTTER = 2, GRID_NARROWEST = 8 };

struct cell {
    enum tone tone;
    char *text;
};

struct grid {
    const struct grid_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t cell_count;
};

struct grid *grid_new(const struct grid_column *columns, size_t column_count)
{
    struct grid *grid = must_alloc(sizeof *grid);
    grid->columns = columns;
    grid->column_count = column_count;
    return grid;
}

/* A grid has columns. */
static size_t column_of(const struct grid *grid, size_t cell)
{
    assert(grid->column_count > 0);
    return cell % grid->column_count;
}

void grid_free(struct grid *grid)
{
    if (!grid)
        return;
    for (size_t i = 0; i < grid->cell_count; i++)
        free(grid->cells[i].text);
    free(grid->cells);
    free(grid);
}

size_t grid_rows(const struct grid *grid)
{
    assert(grid->column_count > 0);
    return grid->cell_count / grid->column_count;
}

void grid_cell(struct grid *grid, enum tone tone, const char *text)
{
    grid->cells = list_room(grid->cells, grid->cell_count, sizeof *grid->cells);
    grid->cells[grid->cell_count++] = (struct cell){ tone, must_copy(text ? text : "", text ? strlen(text) : 0) };
}

static void grid_take(struct grid *grid, struct strbuf *text)
{
    grid_cell(grid, TONE_PLAIN, strbuf_text(text));
    strbuf_free(text);
}

void grid_count(struct grid *grid, int64_t count)
{
    struct strbuf text = { 0 };
    face_count(&text, count);
    grid_take(grid, &text);
}

void grid_duration(struct grid *grid, int64_t ms)
{
    struct strbuf text = { 0 };
    if (ms >= 0)
        face_duration(&text, ms);
    grid_take(grid, &text);
}

void grid_time(struct grid *grid, int64_t ms, int said_offset)
{
    struct strbuf text = { 0 };
    if (ms)
        face_time(&text, ms, said_offset);
    grid_take(grid, &text);
}

/* Which columns a terminal has room for, and how wide each is. */
struct layout {
    int widths[GRID_COLUMNS_MAX]; /* 0: not shown */
};

static int layout_total(const struct grid *grid, const struct layout *layout)
{
    int total = 0;
    for (size_t c = 0; c < grid->column_count; c++)
        total += layout->widths[c] ? layout->widths[c] + GRID_GUTTER : 0;
    return total - GRID_GUTTER;
}

static bool layout_drop(const struct grid *grid, struct layout *layout)
{
    size_t worst = grid->column_count;
    for (size_t c = 0; c < grid->column_count; c++) {
        bool droppable = layout->widths[c] && grid->columns[c].priority > 0;
        if (droppable && (worst == grid->column_count || grid->columns[c].priority >= grid->columns[worst].priority))
            worst = c;
    }
    if (worst == grid->column_count)
        return false;
    layout->widths[worst] = 0;
    return true;
}

static void layout_squeeze(const struct grid *grid, struct layout *layout, int excess)
{
    size_t widest = 0;
    for (size_t c = 1; c < grid->column_count; c++)
        if (grid->columns[c].align == GRID_LEFT && layout->widths[c] > layout->widths[widest])
            widest = c;
    int width = layout->widths[widest] - excess;
    layout->widths[widest] = width < GRID_NARROWEST ? GRID_NARROWEST : width;
}

static struct layout layout_make(const struct grid *grid, char *const *texts, int room)
{
    struct layout layout = { { 0 } };
    for (size_t c = 0; c < grid->column_count; c++)
        layout.widths[c] = face_columns(grid->columns[c].title);
    for (size_t i = 0; i < grid->cell_count; i++) {
        int width = face_columns(texts[i]);
        if (width > layout.widths[column_of(grid, i)])
            layout.widths[column_of(grid, i)] = width;
    }
    while (layout_total(grid, &layout) > room && layout_drop(grid, &layout))
        ;
    if (layout_total(grid, &layout) > room)
        layout_squeeze(grid, &layout, layout_total(grid, &layout) - room);
    return layout;
}

static void cut_put(const struct face *face, struct strbuf *out, const char *text, int width)
{
    int columns = 0;
    while (columns < width - 1 && *text) {
        uint32_t point;
        size_t used = utf8_decode(slice_of(text), &point);
        strbuf_add(out, text, used ? used : 1);
        text += used ? used : 1;
        columns++;
    }
    strbuf_puts(out, face_glyph(face, GLYPH_ELLIPSIS));
}

static void line_put(const struct grid *grid, const struct face *face, const struct layout *layout, int indent,
                     const char *const *texts, const enum tone *tones, struct strbuf *out)
{
    int owed = indent; /* spaces not written yet, so that no line ends in them */
    for (size_t c = 0; c < grid->column_count; c++) {
        if (!layout->widths[c])
            continue;
        struct strbuf cut = { 0 };
        const char *text = texts[c];
        if (face_columns(text) > layout->widths[c]) {
            cut_put(face, &cut, text, layout->widths[c]);
            text = strbuf_text(&cut);
        }
        int pad = layout->widths[c] - face_columns(text);
        bool right = grid->columns[c].align == GRID_RIGHT;
        if (*text) {
            face_spaces(out, owed + (right ? pad : 0));
            face_say(face, out, tones[c], text);
            owed = right ? 0 : pad;
        } else {
            owed += pad;
        }
        owed += GRID_GUTTER;
        strbuf_free(&cut);
    }
    strbuf_puts(out, "\n");
}

void grid_text(const struct grid *grid, const struct face *face, int indent, struct strbuf *out)
{
    char **texts = must_alloc((grid->cell_count + 1) * sizeof *texts);
    for (size_t i = 0; i < grid->cell_count; i++) {
        struct strbuf text = { 0 };
        inert_puts(&text, grid->cells[i].text, face->utf8 ? INERT_TEXT : INERT_ASCII);
        texts[i] = must_copy(strbuf_text(&text), text.len);
        strbuf_free(&text);
    }
    struct layout layout = layout_make(grid, texts, face->width - indent);
    const char *titles[GRID_COLUMNS_MAX];
    enum tone tones[GRID_COLUMNS_MAX];
    for (size_t c = 0; c < grid->column_count; c++) {
        titles[c] = grid->columns[c].title;
        tones[c] = TONE_DIM;
    }
    line_put(grid, face, &layout, indent, titles, tones, out);
    for (size_t row = 0; row < grid_rows(grid); row++) {
        size_t first = row * grid->column_count;
        for (size_t c = 0; c < grid->column_count; c++)
            tones[c] = grid->cells[first + c].tone;
        line_put(grid, face, &layout, indent, (const char *const *)texts + first, tones, out);
    }
    for (size_t i = 0; i < grid->cell_count; i++)
        free(texts[i]);
    free(texts);
}

void grid_markdown(const struct grid *grid, struct strbuf *out)
{
    for (size_t c = 0; c < grid->column_count; c++)
        strbuf_printf(out, "| %s ", grid->columns[c].title);
    strbuf_puts(out, "|\n");
    for (size_t c = 0; c < grid->column_count; c++)
        strbuf_puts(out, grid->columns[c].align == GRID_RIGHT ? "|---:" : "|---");
    strbuf_puts(out, "|\n");
    for (size_t i = 0; i < grid->cell_count; i++) {
        strbuf_puts(out, "| ");
        inert_puts(out, grid->cells[i].text, INERT_MARKDOWN);
        strbuf_puts(out, column_of(grid, i + 1) ? " " : " |\n");
    }
}

void grid_html(const struct grid *grid, struct strbuf *out)
{
    static const char *const classes[] = {
        [TONE_PLAIN] = "",    [TONE_BOLD] = "strong",     [TONE_DIM] = "dim",
        [TONE_GOOD] = "good", [TONE_WARNING] = "warning", [TONE_CRITICAL] = "critical",
    };
    strbuf_puts(out, "<div class=\"scroll\"><table>\n<thead><tr>");
    for (size_t c = 0; c < grid->column_count; c++)
        strbuf_printf(out, "<th scope=\"col\"%s>%s</th>",
                      grid->columns[c].align == GRID_RIGHT ? " class=\"right\"" : "", grid->columns[c].title);
    strbuf_puts(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < grid->cell_count; i++) {
        size_t c = column_of(grid, i);
        const char *tone = classes[grid->cells[i].tone];
        const char *align = grid->columns[c].align == GRID_RIGHT ? "right" : "";
        strbuf_puts(out, c == 0 ? "<tr>" : "");
        if (*tone || *align)
            strbuf_printf(out, "<td class=\"%s%s%s\">", align, *tone && *align ? " " : "", tone);
        else
            strbuf_puts(out, "<td>");
        inert_puts(out, grid->cells[i].text, INERT_HTML);
        strbuf_puts(out, c + 1 == grid->column_count ? "</td></tr>\n" : "</td>");
    }
    strbuf_puts(out, "</tbody>\n</table></div>\n");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"
#include "format.h"

#include <assert.h>
#include <stdlib.h>

#include "escape.h"

enum { TABLE_COLUMNS_MAX = 16, TABLE_GUTTER = 2, TABLE_COLUMN_MIN = 8 };
enum { WRAPS_FROM_BYTES = 24 }; /* a text that is longer takes several lines in HTML, and no time or number is */

struct cell {
    enum tone tone;
    char *text, *brief; /* brief: NULL if there is no shorter one */
    char *address;      /* where it leads in HTML; NULL: nowhere */
};

struct show_table {
    const struct show_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t cell_count;
    const char *link; /* where the first column leads; NULL: nowhere */
};

struct show_table *show_table_new(const struct show_column *columns, size_t column_count)
{
    struct show_table *table = must_alloc(sizeof *table);
    table->columns = columns;
    table->column_count = column_count;
    return table;
}

static size_t column_of(const struct show_table *table, size_t cell)
{
    assert(table->column_count > 0);
    return cell % table->column_count;
}

void show_table_free(struct show_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i].text);
        free(table->cells[i].brief);
        free(table->cells[i].address);
    }
    free(table->cells);
    free(table);
}

size_t show_table_rows(const struct show_table *table)
{
    assert(table->column_count > 0);
    return table->cell_count / table->column_count;
}

void show_table_cell_or(struct show_table *table, enum tone tone, const char *text, const char *brief)
{
    table->cells = list_room(table->cells, table->cell_count, sizeof *table->cells);
    table->cells[table->cell_count++] = (struct cell){ tone, must_copy(text ? text : "", text ? strlen(text) : 0),
                                                       brief ? must_copy(brief, strlen(brief)) : NULL, NULL };
}

void show_table_cell(struct show_table *table, enum tone tone, const char *text)
{
    show_table_cell_or(table, tone, text, NULL);
}

static void take_text(struct show_table *table, struct strbuf *text)
{
    show_table_cell(table, TONE_PLAIN, strbuf_text(text));
    strbuf_free(text);
}

void show_table_cell_link(struct show_table *table, enum tone tone, const char *text, const char *address)
{
    show_table_cell(table, tone, text);
    table->cells[table->cell_count - 1].address = must_copy(address, strlen(address));
}

void show_table_count(struct show_table *table, int64_t count)
{
    struct strbuf text = { 0 };
    format_count(&text, count);
    take_text(table, &text);
}

void show_table_duration(struct show_table *table, int64_t ms)
{
    struct strbuf text = { 0 };
    if (ms >= 0)
        format_duration(&text, ms);
    take_text(table, &text);
}

void show_table_time(struct show_table *table, int64_t ms, int said_offset)
{
    struct strbuf text = { 0 };
    if (ms)
        format_time(&text, ms, said_offset);
    take_text(table, &text);
}

/* Which columns the terminal has room for, and how wide each is. */
struct layout {
    int widths[TABLE_COLUMNS_MAX]; /* 0: not shown */
};

static int layout_total(const struct show_table *table, const struct layout *layout)
{
    int total = 0;
    for (size_t c = 0; c < table->column_count; c++)
        total += layout->widths[c] ? layout->widths[c] + TABLE_GUTTER : 0;
    return total - TABLE_GUTTER;
}

static bool layout_drop_column(const struct show_table *table, struct layout *layout)
{
    size_t worst = table->column_count;
    for (size_t c = 0; c < table->column_count; c++) {
        bool droppable = layout->widths[c] && table->columns[c].priority > 0;
        if (droppable && (worst == table->column_count || table->columns[c].priority >= table->columns[worst].priority))
            worst = c;
    }
    if (worst == table->column_count)
        return false;
    layout->widths[worst] = 0;
    return true;
}

static void layout_narrow_widest(const struct show_table *table, struct layout *layout, int excess)
{
    size_t widest = 0;
    for (size_t c = 1; c < table->column_count; c++)
        if (table->columns[c].align == ALIGN_LEFT && layout->widths[c] > layout->widths[widest])
            widest = c;
    int width = layout->widths[widest] - excess;
    layout->widths[widest] = width < TABLE_COLUMN_MIN ? TABLE_COLUMN_MIN : width;
}

static struct layout layout_natural(const struct show_table *table, char *const *texts)
{
    struct layout layout = { { 0 } };
    for (size_t c = 0; c < table->column_count; c++)
        layout.widths[c] = terminal_columns(table->columns[c].title);
    for (size_t i = 0; i < table->cell_count; i++) {
        int width = terminal_columns(texts[i]);
        if (width > layout.widths[column_of(table, i)])
            layout.widths[column_of(table, i)] = width;
    }
    return layout;
}

/* Cells whose whole text fits into what is left get it back. */
static void give_back(const struct show_table *table, struct layout *layout, char **whole, char **texts, int room)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        int *width = &layout->widths[column_of(table, i)], needed = terminal_columns(whole[i]);
        int left = room - layout_total(table, layout);
        if (texts[i] == whole[i] || !*width || needed > *width + (left > 0 ? left : 0))
            continue;
        texts[i] = whole[i];
        *width = needed > *width ? needed : *width;
    }
}

/* Where the whole texts have no room, the shorter ones are taken, then columns are left out, then the widest is cut. */
static struct layout layout_make(const struct show_table *table, char **whole, char **brief, char **texts, int room)
{
    struct layout layout = layout_natural(table, texts);
    if (layout_total(table, &layout) <= room)
        return layout;
    for (size_t i = 0; i < table->cell_count; i++)
        texts[i] = brief[i] ? brief[i] : whole[i];
    layout = layout_natural(table, texts);
    while (layout_total(table, &layout) > room && layout_drop_column(table, &layout))
        ;
    if (layout_total(table, &layout) > room)
        layout_narrow_widest(table, &layout, layout_total(table, &layout) - room);
    give_back(table, &layout, whole, texts, room);
    return layout;
}

static void put_table_line(const struct show_table *table, const struct terminal *terminal, const struct layout *layout,
                           int indent, const char *const *texts, const enum tone *tones, struct strbuf *out)
{
    int owed = indent; /* spaces that are written only if a text follows, so that no line ends in spaces */
    for (size_t c = 0; c < table->column_count; c++) {
        if (!layout->widths[c])
            continue;
        struct strbuf cut = { 0 };
        const char *text = texts[c];
        if (terminal_columns(text) > layout->widths[c]) {
            strbuf_add(&cut, text, terminal_fitting(text, layout->widths[c] - 1));
            strbuf_puts(&cut, terminal_glyph(terminal, GLYPH_ELLIPSIS));
            text = strbuf_text(&cut);
        }
        int pad = layout->widths[c] - terminal_columns(text);
        bool right = table->columns[c].align == ALIGN_RIGHT;
        if (*text) {
            terminal_spaces(out, owed + (right ? pad : 0));
            terminal_say(terminal, out, tones[c], text);
            owed = right ? 0 : pad;
        } else {
            owed += pad;
        }
        owed += TABLE_GUTTER;
        strbuf_free(&cut);
    }
    strbuf_puts(out, "\n");
}

static char *escaped_copy(const struct terminal *terminal, const char *text)
{
    struct strbuf escaped = { 0 };
    terminal_escape(terminal, &escaped, text);
    char *copy = must_copy(strbuf_text(&escaped), escaped.len);
    strbuf_free(&escaped);
    return copy;
}

void show_table_text(const struct show_table *table, const struct terminal *terminal, int indent, struct strbuf *out)
{
    size_t count = table->cell_count;
    char **whole = must_alloc((3 * count + 1) * sizeof *whole), **brief = whole + count, **texts = brief + count;
    for (size_t i = 0; i < count; i++) {
        texts[i] = whole[i] = escaped_copy(terminal, table->cells[i].text);
        brief[i] = table->cells[i].brief ? escaped_copy(terminal, table->cells[i].brief) : NULL;
    }
    struct layout layout = layout_make(table, whole, brief, texts, terminal->width - indent);
    const char *titles[TABLE_COLUMNS_MAX] = { NULL };
    enum tone tones[TABLE_COLUMNS_MAX] = { TONE_DIM };
    for (size_t c = 0; c < table->column_count; c++) {
        titles[c] = table->columns[c].title;
        tones[c] = TONE_DIM;
    }
    put_table_line(table, terminal, &layout, indent, titles, tones, out);
    for (size_t row = 0; row < show_table_rows(table); row++) {
        size_t first = row * table->column_count;
        for (size_t c = 0; c < table->column_count; c++)
            tones[c] = table->cells[first + c].tone;
        put_table_line(table, terminal, &layout, indent, (const char *const *)texts + first, tones, out);
    }
    for (size_t i = 0; i < count; i++) {
        free(whole[i]);
        free(brief[i]);
    }
    free(whole);
}

void show_table_markdown(const struct show_table *table, struct strbuf *out)
{
    for (size_t c = 0; c < table->column_count; c++)
        strbuf_printf(out, "| %s ", table->columns[c].title);
    strbuf_puts(out, "|\n");
    for (size_t c = 0; c < table->column_count; c++)
        strbuf_puts(out, table->columns[c].align == ALIGN_RIGHT ? "|---:" : "|---");
    strbuf_puts(out, "|\n");
    for (size_t i = 0; i < table->cell_count; i++) {
        strbuf_puts(out, "| ");
        escape_puts(out, table->cells[i].text, ESCAPE_MARKDOWN);
        strbuf_puts(out, column_of(table, i + 1) ? " " : " |\n");
    }
}

void show_table_link(struct show_table *table, const char *path)
{
    table->link = path;
}

/* Of "1,234" the digits alone. */
static void put_link(const char *path, const char *number, struct strbuf *out)
{
    strbuf_printf(out, "<a href=\"%s", path);
    for (; *number; number++)
        if (*number >= '0' && *number <= '9')
            strbuf_add(out, number, 1);
    strbuf_puts(out, "\">");
}

static void put_cell_html(const struct cell *cell, const char *link, struct strbuf *out)
{
    if (link)
        put_link(link, cell->text, out);
    if (!link && cell->address) {
        strbuf_puts(out, "<a href=\"");
        escape_puts(out, cell->address, ESCAPE_HTML);
        strbuf_puts(out, "\">");
    }
    escape_puts(out, cell->text, ESCAPE_HTML);
    strbuf_puts(out, link || cell->address ? "</a>" : "");
}

void show_table_html(const struct show_table *table, struct strbuf *out)
{
    static const char *const classes[] = {
        [TONE_PLAIN] = "",    [TONE_BOLD] = "strong",     [TONE_DIM] = "dim",
        [TONE_GOOD] = "good", [TONE_WARNING] = "warning", [TONE_CRITICAL] = "critical",
    };
    strbuf_puts(out, "<div class=\"scroll\"><table>\n<thead><tr>");
    for (size_t c = 0; c < table->column_count; c++)
        strbuf_printf(out, "<th scope=\"col\"%s>%s</th>",
                      table->columns[c].align == ALIGN_RIGHT ? " class=\"right\"" : "", table->columns[c].title);
    strbuf_puts(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t c = column_of(table, i);
        const char *tone = classes[table->cells[i].tone];
        const char *align = table->columns[c].align == ALIGN_RIGHT            ? "right"
                            : strlen(table->cells[i].text) > WRAPS_FROM_BYTES ? "long"
                                                                              : "";
        strbuf_puts(out, c == 0 ? "<tr>" : "");
        if (*tone || *align)
            strbuf_printf(out, "<td class=\"%s%s%s\">", align, *tone && *align ? " " : "", tone);
        else
            strbuf_puts(out, "<td>");
        put_cell_html(&table->cells[i], c == 0 ? table->link : NULL, out);
        strbuf_puts(out, c + 1 == table->column_count ? "</td></tr>\n" : "</td>");
    }
    strbuf_puts(out, "</tbody>\n</table></div>\n");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "agent/commands/show/format.h"
#include "chart.h"
#include "words.h"

enum { CHART_ROWS = 6, CHART_AXIS = 10, CHART_LEVELS = 8, CHART_STRETCH_MAX = 3 };

/* Where the chart is drawn. */
struct canvas {
    const struct terminal *terminal;
    const struct chart *chart;
    int stretch; /* characters a column */
};

static const char *level_glyph(const struct terminal *terminal, int level)
{
    static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    static const char *const ascii[] = { " ", ".", ".", ":", ":", "|", "|", "#", "#" };
    return terminal->utf8 ? blocks[level] : ascii[level];
}

static enum tone column_tone(const struct report *report, const struct chart_column *column)
{
    if (column->state == CYCLE_BAD || column->duration_ms > report->too_slow_ms)
        return TONE_CRITICAL;
    return column->duration_ms > report->slow_ms || column->state == CYCLE_UNFINISHED ? TONE_WARNING : TONE_GOOD;
}

static void canvas_bar(const struct canvas *canvas, struct strbuf *out, enum tone tone, const char *glyph,
                       const char *rest)
{
    int wide = canvas->stretch > 1 ? canvas->stretch - 1 : 1;
    for (int i = 0; i < wide; i++)
        terminal_say(canvas->terminal, out, tone, glyph);
    if (canvas->stretch > 1)
        terminal_say(canvas->terminal, out, TONE_DIM, rest);
}

static int row_of(const struct chart *chart, int64_t ms)
{
    return (int)(chart_height(chart, ms) * (double)CHART_ROWS);
}

static bool row_holds(const struct chart *chart, int row, int64_t ms)
{
    return row_of(chart, ms) == row;
}

static void canvas_axis(const struct report *report, const struct canvas *canvas, int row, struct strbuf *out)
{
    const int64_t marks[] = { report->too_slow_ms, report->slow_ms, 60000, 10000 };
    struct strbuf label = { 0 };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0] && label.len == 0; i++)
        if (row_holds(canvas->chart, row, marks[i]))
            format_duration(&label, marks[i]);
    terminal_spaces(out, CHART_AXIS - 2 - (int)label.len);
    terminal_say(canvas->terminal, out, TONE_DIM, strbuf_text(&label));
    strbuf_puts(out, " ");
    terminal_say(canvas->terminal, out, TONE_DIM, terminal_glyph(canvas->terminal, GLYPH_RAIL));
    strbuf_free(&label);
}

static const char *canvas_backdrop(const struct report *report, const struct canvas *canvas, int row)
{
    bool threshold =
        row_holds(canvas->chart, row, report->slow_ms) || row_holds(canvas->chart, row, report->too_slow_ms);
    bool usual = report->baseline.cycles && row_of(canvas->chart, report->baseline.low_ms) <= row &&
                 row <= row_of(canvas->chart, report->baseline.high_ms);
    return threshold ? terminal_glyph(canvas->terminal, GLYPH_GAP)
           : usual   ? terminal_glyph(canvas->terminal, GLYPH_BAND)
                     : " ";
}

static void canvas_row(const struct report *report, const struct canvas *canvas, int row, struct strbuf *out)
{
    const char *behind = canvas_backdrop(report, canvas, row);
    canvas_axis(report, canvas, row, out);
    for (size_t i = 0; i < canvas->chart->count; i++) {
        const struct chart_column *column = &canvas->chart->columns[i];
        double filled = chart_height(canvas->chart, column->duration_ms) * (double)CHART_ROWS - row;
        int level = filled >= 1 ? CHART_LEVELS : filled <= 0 ? 0 : (int)(filled * (double)CHART_LEVELS);
        bool missed = row == 0 && !column->cycles && !column->unknown;
        if (row == 0 && column->cycles && level == 0)
            level = 1;
        if (missed)
            canvas_bar(canvas, out, TONE_CRITICAL, terminal_glyph(canvas->terminal, GLYPH_BAD), behind);
        else if (level == 0)
            canvas_bar(canvas, out, TONE_DIM, behind, behind);
        else
            canvas_bar(canvas, out, column_tone(report, column), level_glyph(canvas->terminal, level), behind);
    }
    strbuf_puts(out, "\n");
}

static void canvas_label(const struct canvas *canvas, struct strbuf *out, const char *label)
{
    terminal_spaces(out, CHART_AXIS - 2 - (int)strlen(label));
    terminal_say(canvas->terminal, out, TONE_DIM, label);
    terminal_spaces(out, 2);
}

static void canvas_incidents(const struct canvas *canvas, enum tone tone, struct strbuf *out)
{
    canvas_label(canvas, out, "incident");
    for (size_t i = 0; i < canvas->chart->count; i++) {
        const char *glyph = canvas->chart->columns[i].in_incident ? terminal_glyph(canvas->terminal, GLYPH_SHADE) : " ";
        for (int k = 0; k < canvas->stretch; k++)
            terminal_say(canvas->terminal, out, tone, glyph);
    }
    strbuf_puts(out, "\n");
}

static void canvas_rows_moved(const struct canvas *canvas, struct strbuf *out)
{
    canvas_label(canvas, out, "rows");
    for (size_t i = 0; i < canvas->chart->count; i++) {
        const struct chart_column *column = &canvas->chart->columns[i];
        double share = canvas->chart->rows_max ? (double)column->rows / (double)canvas->chart->rows_max : 0;
        int level = column->rows > 0 ? 1 + (int)(share * (CHART_LEVELS - 1)) : 0;
        canvas_bar(canvas, out, TONE_PLAIN, level_glyph(canvas->terminal, level), " ");
    }
    strbuf_puts(out, "\n");
}

/* The times of some columns, so that their labels do not touch. */
static void canvas_times(const struct canvas *canvas, int offset, struct strbuf *out)
{
    const struct chart *chart = canvas->chart;
    int64_t covered = chart->columns[chart->count - 1].to_ms - chart->columns[0].from_ms;
    bool days = covered > 2 * INT64_C(86400000);
    int wide = days ? 10 : 5, column = 0, owed = CHART_AXIS;
    int64_t tick = INT64_MIN;
    for (size_t i = 0; i < chart->count; i++) {
        int at = (int)i * canvas->stretch;
        struct strbuf text = { 0 };
        int64_t mid = (chart->columns[i].from_ms + chart->columns[i].to_ms) / 2;
        bool due = days ? format_day(mid) != tick : mid / 3600000 != tick;
        tick = days ? format_day(mid) : mid / 3600000;
        if (due && i > 0 && (column == 0 || at > column + 1) && at + wide <= (int)chart->count * canvas->stretch) {
            format_time(&text, mid, offset);
            terminal_spaces(out, owed + at - column);
            char *stamp = must_copy(strbuf_text(&text) + (days ? 0 : 11), (size_t)(days ? 10 : 2));
            terminal_say(canvas->terminal, out, TONE_DIM, stamp);
            terminal_say(canvas->terminal, out, TONE_DIM, days ? "" : ":00");
            free(stamp);
            owed = 0;
            column = at + wide;
        }
        strbuf_free(&text);
    }
    strbuf_puts(out, "\n");
}

/* In figures too, because the band is finer than the rows that it lies in. */
static void canvas_baseline(const struct report *report, const struct canvas *canvas, struct strbuf *out)
{
    enum { WHOLE_FROM_COLUMNS = 60 };
    struct strbuf text = { 0 };
    if (report->baseline.cycles == 0)
        return;
    canvas_label(canvas, out, "usual");
    strbuf_printf(&text, "%s ", terminal_glyph(canvas->terminal, GLYPH_BAND));
    if (canvas->terminal->width < WHOLE_FROM_COLUMNS)
        strbuf_printf(&text, "median %s", brief_duration(report->baseline.median_ms).text);
    else
        strbuf_puts(&text, brief_baseline(&report->baseline).text);
    terminal_say(canvas->terminal, out, TONE_DIM, strbuf_text(&text));
    strbuf_puts(out, "\n");
    strbuf_free(&text);
}

void chart_text(const struct report *report, const struct terminal *terminal, struct strbuf *out)
{
    int room = terminal->width - CHART_AXIS;
    struct chart chart = chart_make(report, (size_t)room);
    struct canvas canvas = { terminal, &chart, room / (int)chart.count };
    canvas.stretch = canvas.stretch > CHART_STRETCH_MAX ? CHART_STRETCH_MAX : canvas.stretch;
    for (int row = CHART_ROWS - 1; row >= 0; row--)
        canvas_row(report, &canvas, row, out);
    canvas_incidents(&canvas, report->incident.critical_ms ? TONE_CRITICAL : TONE_WARNING, out);
    canvas_rows_moved(&canvas, out);
    canvas_times(&canvas, format_offset(report->begin_ms), out);
    canvas_baseline(report, &canvas, out);
    chart_free(&chart);
}

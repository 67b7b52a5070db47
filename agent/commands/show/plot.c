/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plot.h"

#include "base/budgets.h"
#include "escape.h"
#include "format.h"
#include "table.h"

/* Places, in the units of the view box. */
static const double WIDTH = 760, HEIGHT = 210, LEFT = 96, RIGHT = 752, TOP = 16, FLOOR = 170;
static const double BAR_MOST = 16, BAR_LEAST = 2;
static const double SPARK_WIDTH = 120, SPARK_HEIGHT = 24;

/* --- Scale ------------------------------------------------------------------------------------------------------ */

/* Ends of a scale whose half can be said as shortly; longer ones are round numbers of days. */
static const int64_t round_durations[] = { 1000,    2000,     4000,     10000,    20000,   60000,
                                           120000,  240000,   600000,   1200000,  2400000, 3600000,
                                           7200000, 14400000, 28800000, 43200000, 86400000 };

/* The least of 2, 4 and 10 times a power of ten that is not below. */
static int64_t round_count(int64_t most)
{
    int64_t power = 1;
    while (power < HISTORY_NUMBER_MAX / 100 && 10 * power < most)
        power *= 10;
    return most <= 2 * power ? 2 * power : most <= 4 * power ? 4 * power : 10 * power;
}

static int64_t scale_top(enum plot_unit unit, int64_t most)
{
    static const int64_t day_ms = 86400000;
    if (unit == PLOT_COUNT)
        return round_count(most);
    for (size_t i = 0; i < sizeof round_durations / sizeof round_durations[0]; i++)
        if (round_durations[i] >= most)
            return round_durations[i];
    return round_count((most + day_ms - 1) / day_ms) * day_ms;
}

/* "250k", "4 min": a value beside the scale, where there is little room. */
static void put_short(enum plot_unit unit, int64_t value, struct strbuf *out)
{
    static const struct {
        int64_t size;
        const char *name;
    } counts[] = { { 1000000000, "G" }, { 1000000, "M" }, { 1000, "k" } },
      times[] = { { 86400000, " d" }, { 3600000, " h" }, { 60000, " min" }, { 1000, " s" } };
    size_t known = unit == PLOT_DURATION ? sizeof times / sizeof times[0] : sizeof counts / sizeof counts[0];
    for (size_t i = 0; i < known; i++) {
        int64_t size = unit == PLOT_DURATION ? times[i].size : counts[i].size;
        if (value >= size) {
            strbuf_printf(out, "%.3g%s", (double)value / (double)size,
                          unit == PLOT_DURATION ? times[i].name : counts[i].name);
            return;
        }
    }
    strbuf_printf(out, unit == PLOT_DURATION && value ? "%.3g s" : "%.3g",
                  unit == PLOT_DURATION ? (double)value / 1000 : (double)value);
}

static int64_t plot_top(const struct plot *plot)
{
    int64_t most = 0;
    for (size_t i = 0; i < plot->count; i++)
        most = plot->points[i].value > most ? plot->points[i].value : most;
    /* A limit that is far away would leave no room for what there is. */
    for (size_t i = 0; i < plot->limit_count; i++)
        if (plot->limits[i].value > most && plot->limits[i].value <= 4 * most)
            most = plot->limits[i].value;
    return scale_top(plot->unit, most);
}

static double plot_y(int64_t value, int64_t top)
{
    return FLOOR - (FLOOR - TOP) * (double)value / (double)top;
}

static void put_line(const char *class, double y, struct strbuf *out)
{
    strbuf_printf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, LEFT, y, RIGHT,
                  y);
}

static void put_scale(const struct plot *plot, int64_t top, struct strbuf *out)
{
    for (int64_t half = 0; half <= 2; half++) {
        double y = plot_y(top / 2 * half, top);
        put_line(half ? "grid" : "floor", y, out);
        strbuf_printf(out, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6, y + 4);
        put_short(plot->unit, top / 2 * half, out);
        strbuf_puts(out, "</text>\n");
    }
    for (size_t i = 0; i < plot->limit_count; i++)
        if (plot->limits[i].value > 0 && plot->limits[i].value <= top)
            put_line(plot->limits[i].class, plot_y(plot->limits[i].value, top), out);
}

/* --- Bars ------------------------------------------------------------------------------------------------------- */

static void put_value(enum plot_unit unit, int64_t value, struct strbuf *out)
{
    if (unit == PLOT_DURATION)
        format_duration(out, value);
    else
        format_count(out, value);
}

static void put_rect(const char *class, double x, double width, double from, double to, struct strbuf *out)
{
    strbuf_printf(out, "<rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", class, x, from,
                  width, to - from);
}

static void put_bar(const struct plot *plot, const struct plot_frame *frame, const struct plot_point *point,
                    int64_t top, struct strbuf *out)
{
    double from = plot_x(frame, point->from_ms), to = plot_x(frame, point->to_ms);
    double width = (to - from) * 0.76 > BAR_MOST ? BAR_MOST : (to - from) * 0.76;
    width = width < BAR_LEAST ? BAR_LEAST : width;
    double x = (from + to - width) / 2, y = plot_y(point->value, top), part = plot_y(point->part, top);
    if (point->value <= 0)
        return;
    y = FLOOR - y < 1 ? FLOOR - 1 : y;
    part = point->part > 0 && FLOOR - part < 1 ? FLOOR - 1 : part;
    strbuf_puts(out, "<g>");
    if (part > y)
        put_rect(point->class, x, width, y, part, out);
    if (point->part > 0)
        put_rect("bad", x, width, part, FLOOR, out);
    strbuf_puts(out, "<title>");
    format_time(out, point->from_ms, plot->said_offset);
    strbuf_puts(out, ": ");
    put_value(plot->unit, point->value, out);
    if (point->part > 0) {
        strbuf_puts(out, ", of which ");
        put_value(plot->unit, point->part, out);
        strbuf_printf(out, " %s", plot->part_title ? plot->part_title : "failed");
    }
    strbuf_puts(out, "</title></g>\n");
}

static void put_numbers(const struct plot *plot, struct strbuf *out)
{
    const struct show_column columns[] = { { "From", ALIGN_LEFT, 0 },
                                           { plot->value_title, ALIGN_RIGHT, 0 },
                                           { plot->part_title, ALIGN_RIGHT, 0 } };
    struct show_table *table = show_table_new(columns, plot->part_title ? 3 : 2);
    for (size_t i = plot->count; i-- > 0;) {
        const struct plot_point *point = &plot->points[i];
        if (point->value < 0)
            continue;
        show_table_time(table, point->from_ms, plot->said_offset);
        if (plot->unit == PLOT_DURATION)
            show_table_duration(table, point->value);
        else
            show_table_count(table, point->value);
        if (plot->part_title)
            show_table_count(table, point->part);
    }
    strbuf_printf(out, "<details id=\"%s-numbers\"><summary>The numbers of this chart</summary>\n", plot->id);
    show_table_html(table, out);
    strbuf_puts(out, "</details>\n");
    show_table_free(table);
}

void plot_put(const struct plot *plot, struct strbuf *out)
{
    struct plot_frame frame = { plot->points[0].from_ms, plot->points[plot->count - 1].to_ms, LEFT, RIGHT };
    int64_t top = plot_top(plot);
    strbuf_puts(out, "<figure class=\"plot\">\n<div class=\"scroll\">\n");
    plot_open(plot->id, WIDTH, HEIGHT, plot->title, plot->description, out);
    put_scale(plot, top, out);
    for (size_t i = 0; i < plot->count; i++)
        put_bar(plot, &frame, &plot->points[i], top, out);
    plot_times(&frame, FLOOR, plot->said_offset, out);
    strbuf_puts(out, "</svg>\n</div>\n");
    put_numbers(plot, out);
    strbuf_puts(out, "</figure>\n");
}

/* --- Sparklines ------------------------------------------------------------------------------------------------- */

/* The pieces of a sparkline that are above the limit, or those that are not, as one shape. */
static void put_spark_path(const struct plot_point *points, size_t count, int64_t top, int64_t limit, bool above,
                           struct strbuf *out)
{
    double step = SPARK_WIDTH / (double)count;
    strbuf_puts(out, above ? "<path class=\"late\" d=\"" : "<path d=\"");
    for (size_t i = 0; i < count; i++) {
        double height = points[i].value > 0 ? (SPARK_HEIGHT - 1) * (double)points[i].value / (double)top : 0;
        if (height > 0 && (points[i].value > limit) == above)
            strbuf_printf(out, "M%.1f %.1fh%.1fV%.1fh-%.1fz", step * (double)i, SPARK_HEIGHT - height, step,
                          SPARK_HEIGHT, step);
    }
    strbuf_puts(out, "\"/>");
}

void plot_spark(const struct plot_point *points, size_t count, int64_t limit, const char *label, struct strbuf *out)
{
    int64_t top = limit;
    for (size_t i = 0; i < count; i++)
        top = points[i].value > top ? points[i].value : top;
    if (count == 0 || top <= 0)
        return;
    strbuf_printf(out, "<svg class=\"spark\" viewBox=\"0 0 %.0f %.0f\" role=\"img\"><title>", SPARK_WIDTH,
                  SPARK_HEIGHT);
    escape_puts(out, label, ESCAPE_HTML);
    strbuf_puts(out, "</title>");
    put_spark_path(points, count, top, limit, false, out);
    put_spark_path(points, count, top, limit, true, out);
    double y = SPARK_HEIGHT - (SPARK_HEIGHT - 1) * (double)limit / (double)top;
    strbuf_printf(out, "<line class=\"limit severe\" x1=\"0\" y1=\"%.1f\" x2=\"%.0f\" y2=\"%.1f\"/></svg>", y,
                  SPARK_WIDTH, y);
}

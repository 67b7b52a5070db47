/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chart as SVG. The colours come from the style sheet of the page that it stands in. */
#include "agent/commands/show/format.h"
#include "agent/commands/show/plot.h"
#include "agent/commands/show/table.h"
#include "chart.h"
#include "words.h"

enum { MOST_COLUMNS = 120 };

/* Places, in the units of the view box. */
static const double WIDTH = 760, HEIGHT = 306, LEFT = 76, RIGHT = 752;
static const double TOP = 26, FLOOR = 196, ROWS_TOP = 218, ROWS_FLOOR = 272;
static const double BAR_MOST = 16;

struct picture {
    const struct report *report;
    const struct chart *chart;
    struct plot_frame frame;
    struct strbuf *out;
};

static double svg_x(const struct picture *picture, int64_t ms)
{
    return plot_x(&picture->frame, ms);
}

static double svg_y(const struct picture *picture, int64_t duration_ms)
{
    return FLOOR - (FLOOR - TOP) * chart_height(picture->chart, duration_ms);
}

static void svg_shade(const struct picture *picture, const struct report_incident *incident)
{
    double from = svg_x(picture, incident->onset_ms);
    double to = svg_x(picture, incident->resolved_ms ? incident->resolved_ms : picture->report->as_of_ms);
    strbuf_printf(picture->out, "<rect class=\"shade%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                  incident->critical_ms ? " severe" : "", from, TOP, to - from > 1 ? to - from : 1, ROWS_FLOOR - TOP);
}

/* What is usual, behind the bars and over the shades, whose colours it lets through. */
static void svg_band(const struct picture *picture)
{
    const struct report_baseline *baseline = &picture->report->baseline;
    double top = svg_y(picture, baseline->high_ms), bottom = svg_y(picture, baseline->low_ms);
    double middle = svg_y(picture, baseline->median_ms);
    if (baseline->cycles == 0)
        return;
    strbuf_printf(picture->out,
                  "<rect class=\"band\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>usual: %s"
                  "</title></rect><line class=\"band\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                  LEFT, top, RIGHT - LEFT, bottom - top, brief_baseline(baseline).text, LEFT, middle, RIGHT, middle);
}

static void svg_threshold(const struct picture *picture, int64_t ms, const char *class, const char *label_class)
{
    double y = svg_y(picture, ms);
    strbuf_printf(picture->out,
                  "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
                  "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                  class, LEFT, y, RIGHT, y, label_class, LEFT - 6, y + 4, brief_duration(ms).text);
}

static void svg_scale(const struct picture *picture)
{
    svg_threshold(picture, 10000, "grid", "axis");
    if (picture->report->slow_ms > 100000)
        svg_threshold(picture, 60000, "grid", "axis");
    svg_threshold(picture, picture->report->slow_ms, "limit slow", "axis between");
    svg_threshold(picture, picture->report->too_slow_ms, "limit severe", "axis");
    strbuf_printf(picture->out,
                  "<line class=\"floor\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
                  "<line class=\"floor\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
                  "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">rows</text>\n",
                  LEFT, FLOOR, RIGHT, FLOOR, LEFT, ROWS_FLOOR, RIGHT, ROWS_FLOOR, LEFT - 6, ROWS_FLOOR - 2);
}

static const char *svg_bar_class(const struct report *report, const struct chart_column *column)
{
    if (column->state == CYCLE_BAD || column->duration_ms > report->too_slow_ms)
        return "bad";
    return column->duration_ms > report->slow_ms || column->state == CYCLE_UNFINISHED ? "slow" : "fine";
}

/* What a pointer over the bar is told. */
static void svg_title(const struct picture *picture, const struct chart_column *column)
{
    bool several = column->cycles > 1;
    strbuf_printf(picture->out, "<title>%s: %s%s%s, %s rows</title>",
                  brief_time(picture->report, column->from_ms + picture->report->interval_ms / 4).text,
                  several ? brief_count(column->cycles).text : "", several ? " cycles, longest " : "",
                  brief_duration(column->duration_ms).text, brief_count(column->rows).text);
}

static void svg_bar(const struct picture *picture, const struct chart_column *column)
{
    double from = svg_x(picture, column->from_ms), to = svg_x(picture, column->to_ms);
    double width = (to - from) * 0.7 > BAR_MOST ? BAR_MOST : (to - from) * 0.7;
    double x = (from + to - width) / 2, y = svg_y(picture, column->duration_ms);
    if (column->cycles == 0) {
        if (!column->unknown)
            strbuf_printf(
                picture->out,
                "<circle class=\"missed\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>no cycle</title></circle>\n",
                x + width / 2, FLOOR - 6, width / 2 > 3.5 ? 3.5 : width / 2);
        return;
    }
    y = FLOOR - y < 2 ? FLOOR - 2 : y;
    strbuf_printf(picture->out,
                  "<g><rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\"/>",
                  svg_bar_class(picture->report, column), x, y, width, FLOOR - y);
    if (column->rows > 0) {
        double height = (ROWS_FLOOR - ROWS_TOP) * (double)column->rows / (double)picture->chart->rows_max;
        height = height < 1.5 ? 1.5 : height;
        strbuf_printf(picture->out,
                      "<rect class=\"bar rows\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\"/>", x,
                      ROWS_FLOOR - height, width, height);
    }
    svg_title(picture, column);
    strbuf_puts(picture->out, "</g>\n");
}

static void svg_flag(const struct picture *picture, int64_t ms, const char *label, const char *class,
                     const char *anchor)
{
    double x = svg_x(picture, ms);
    double shift = strcmp(anchor, "end") == 0 ? -4 : 4;
    strbuf_printf(picture->out,
                  "<line class=\"flag %s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
                  "<text class=\"flag %s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
                  class, x, TOP - 16, x, FLOOR, class, x + shift, TOP - 8, anchor, label);
}

/* The label of the earlier one stands on its left side and the other's on its right side, so that they do not overlap. */
static void svg_flags(const struct picture *picture)
{
    const struct report_incident *incident = &picture->report->incident;
    bool later = incident->prometheus_ms && incident->notified_ms > incident->prometheus_ms;
    if (incident->notified_ms)
        svg_flag(picture, incident->notified_ms, "paged", "paged", later ? "start" : "end");
    if (incident->prometheus_ms)
        svg_flag(picture, incident->prometheus_ms, "Prometheus", "prometheus", later ? "end" : "start");
}

/* What the picture shows, for somebody who does not see it. */
static void svg_words(const struct report *report, const struct chart *chart, struct strbuf *out)
{
    int64_t cycles = 0, bad = 0, longest_ms = 0;
    for (size_t i = 0; i < report->cycle_count; i++) {
        cycles++;
        bad += report->cycles[i].state == CYCLE_BAD;
        longest_ms = report->cycles[i].duration_ms > longest_ms ? report->cycles[i].duration_ms : longest_ms;
    }
    strbuf_printf(out, "%s cycle%s from %s to ", brief_count(cycles).text, plural(cycles),
                  brief_time(report, chart->columns[0].from_ms).text);
    strbuf_printf(out, "%s, of which %s failed", brief_time(report, chart->columns[chart->count - 1].to_ms).text,
                  brief_count(bad).text);
    if (cycles)
        strbuf_printf(out, "; the longest took %s", brief_duration(longest_ms).text);
    if (report->baseline.cycles)
        strbuf_printf(out, "; usual are %s", brief_baseline(&report->baseline).text);
    strbuf_puts(out, ". Below them are the rows of each.");
}

static const char *column_words(const struct chart_column *column)
{
    static const char *const words[] = {
        [CYCLE_GOOD] = "good", [CYCLE_UNFINISHED] = "running", [CYCLE_BAD] = "failed"
    };
    return column->cycles ? words[column->state] : "no cycle";
}

void chart_numbers(const struct report *report, struct strbuf *out)
{
    static const struct show_column columns[] = { { "From", ALIGN_LEFT, 0 },
                                                  { "Cycles", ALIGN_RIGHT, 0 },
                                                  { "Longest", ALIGN_RIGHT, 0 },
                                                  { "Rows", ALIGN_RIGHT, 0 },
                                                  { "Worst outcome", ALIGN_LEFT, 0 } };
    struct chart chart = chart_make(report, MOST_COLUMNS);
    struct show_table *table = show_table_new(columns, sizeof columns / sizeof columns[0]);
    for (size_t i = chart.count; i-- > 0;) {
        const struct chart_column *column = &chart.columns[i];
        if (column->cycles == 0 && column->unknown)
            continue;
        show_table_time(table, column->from_ms + report->interval_ms / 4, report_offset(report));
        show_table_count(table, column->cycles);
        show_table_duration(table, column->cycles ? column->duration_ms : -1);
        show_table_count(table, column->rows);
        show_table_cell(table, TONE_PLAIN, column_words(column));
    }
    strbuf_puts(out, "<details id=\"cycles-numbers\"><summary>The numbers of this chart</summary>\n");
    show_table_html(table, out);
    strbuf_puts(out, "</details>\n");
    show_table_free(table);
    chart_free(&chart);
}

void chart_svg(const struct report *report, struct strbuf *out)
{
    struct chart chart = chart_make(report, MOST_COLUMNS);
    const struct plot_frame frame = { chart.columns[0].from_ms, chart.columns[chart.count - 1].to_ms, LEFT, RIGHT };
    struct picture picture = { report, &chart, frame, out };
    struct strbuf words = { 0 };
    svg_words(report, &chart, &words);
    plot_open("cycles", WIDTH, HEIGHT, "Cycle durations and rows over time", strbuf_text(&words), out);
    strbuf_free(&words);
    if (report->kind == REPORT_INCIDENT)
        svg_shade(&picture, &report->incident);
    for (size_t i = 0; i < report->incidents.count; i++)
        svg_shade(&picture, &report->incidents.at[i]);
    svg_scale(&picture);
    svg_band(&picture);
    for (size_t i = 0; i < chart.count; i++)
        svg_bar(&picture, &chart.columns[i]);
    if (report->kind == REPORT_INCIDENT)
        svg_flags(&picture);
    plot_times(&frame, ROWS_FLOOR, report_offset(report), out);
    strbuf_puts(out, "</svg>\n");
    chart_free(&chart);
}

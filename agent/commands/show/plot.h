/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_PLOT_H
#define COMMANDS_SHOW_PLOT_H

#include "base/strbuf.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * Charts over time as SVG, for the HTML reports and the pages of `agent serve`. The colours come from the style sheet of the page
 * (classes, and no style attribute, which a page's policy would refuse). Times are Unix time in milliseconds. Texts are plain: these
 * functions escape them.
 */

/* Which time is where, in the units of a view box. */
struct plot_frame {
    int64_t from_ms, to_ms;
    double left, right;
};

double plot_x(const struct plot_frame *frame, int64_t ms); /* within left and right, whatever the time */
/* Ticks and times below a chart whose floor is at y. said_offset as in format.h. */
void plot_times(const struct plot_frame *frame, double y, int said_offset, struct strbuf *out);

/* Opens an <svg> that assistive technology reads as a picture with a title and a description. id is unique in the page. */
void plot_open(const char *id, double width, double height, const char *title, const char *description,
               struct strbuf *out);

enum plot_unit { PLOT_COUNT, PLOT_DURATION };

struct plot_point {
    int64_t from_ms, to_ms;
    int64_t value;     /* below 0: not known, or there was nothing to measure */
    int64_t part;      /* of the value, drawn in the colour of what failed; 0: none */
    const char *class; /* of its bar: fine, slow, bad, rows */
};

struct plot_limit {
    int64_t value;
    const char *class; /* of its line: "limit slow", "limit severe" */
};

struct plot {
    const char *id; /* unique in the page */
    const char *title, *description;
    enum plot_unit unit;
    const char *value_title,
        *part_title; /* of the columns of the numbers; part_title may be NULL: there are no parts */
    const struct plot_point *points;
    size_t count; /* at least one point; they follow one another in time */
    const struct plot_limit *limits;
    size_t limit_count;
    int said_offset;
};

/* The chart, and behind it the same numbers as a table that opens without a script. */
void plot_put(const struct plot *plot, struct strbuf *out);

/* A small chart of durations that stands in a line of text. What is above the limit has the colour of what failed. */
void plot_spark(const struct plot_point *points, size_t count, int64_t limit, const char *label, struct strbuf *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_CHART_H
#define COMMANDS_REPORT_CHART_H

#include "report.h"

/* The cycles in columns of equal time: one slot in a column, or several where there are more slots than columns. */
struct chart_column {
    int64_t from_ms, to_ms;
    int64_t cycles, duration_ms /* the longest */, rows;
    enum cycle_state state; /* the worst */
    bool in_incident;
    bool unknown; /* in the future, or before the first cycle that is known */
};

struct chart {
    struct chart_column *columns;
    size_t count;
    int64_t top_ms; /* the duration at the top of the scale */
    int64_t rows_max;
};

struct chart chart_make(const struct report *report, size_t most_columns);
void chart_free(struct chart *chart);

/* The height of a duration on the logarithmic scale, from 0 (one second or less) to 1 (top_ms or more). */
double chart_height(const struct chart *chart, int64_t duration_ms);

struct terminal;
void chart_text(const struct report *report, const struct terminal *terminal, struct strbuf *out);
void chart_svg(const struct report *report, struct strbuf *out);
/* The numbers of the columns of chart_svg, as a table in HTML that opens without a script. */
void chart_numbers(const struct report *report, struct strbuf *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every chart has: the frame that assistive technology reads, and the times below. */
#include "escape.h"
#include "format.h"
#include "plot.h"

/* A date takes more room than a time of the day. */
enum { TIMES_MOST = 8, DATES_MOST = 5 };
static const int64_t DAY_MS = 86400000;

double plot_x(const struct plot_frame *frame, int64_t ms)
{
    double x = frame->left +
               (frame->right - frame->left) * (double)(ms - frame->from_ms) / (double)(frame->to_ms - frame->from_ms);
    return x < frame->left ? frame->left : x > frame->right ? frame->right : x;
}

/* The distance of two labels: a round one, so that there are no more than fit. */
static int64_t label_step(int64_t span_ms)
{
    static const int64_t steps[] = { 900,   1800,   3600,   7200,    10800,   21600,   43200,
                                     86400, 172800, 604800, 2592000, 7776000, 31536000 };
    size_t step = 0;
    while (step + 1 < sizeof steps / sizeof steps[0] &&
           span_ms / (steps[step] * 1000) > (steps[step] * 1000 < DAY_MS ? TIMES_MOST : DATES_MOST))
        step++;
    int64_t step_ms = steps[step] * 1000;
    while (step_ms >= DAY_MS && span_ms / step_ms > DATES_MOST)
        step_ms *= 10;
    return step_ms;
}

void plot_times(const struct plot_frame *frame, double y, int said_offset, struct strbuf *out)
{
    int64_t step_ms = label_step(frame->to_ms - frame->from_ms);
    int64_t shift = (int64_t)said_offset * 60000;
    bool days = step_ms >= DAY_MS;
    for (int64_t at = ((frame->from_ms + shift) / step_ms + 1) * step_ms - shift; at < frame->to_ms; at += step_ms) {
        struct strbuf label = { 0 };
        double x = plot_x(frame, at);
        format_time(&label, at, said_offset);
        strbuf_printf(out, "<line class=\"tick\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>", x, y, x, y + 4);
        if (x > frame->left + 20 && x < frame->right - 20)
            strbuf_printf(out, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.*s</text>\n", x,
                          y + 22, days ? 10 : 5, strbuf_text(&label) + (days ? 0 : 11));
        strbuf_free(&label);
    }
}

void plot_open(const char *id, double width, double height, const char *title, const char *description,
               struct strbuf *out)
{
    strbuf_printf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height);
    escape_puts(out, title, ESCAPE_HTML);
    strbuf_printf(out, "\" aria-describedby=\"%s-words\">\n<title>", id);
    escape_puts(out, title, ESCAPE_HTML);
    strbuf_printf(out, "</title>\n<desc id=\"%s-words\">", id);
    escape_puts(out, description, ESCAPE_HTML);
    strbuf_puts(out, "</desc>\n");
}

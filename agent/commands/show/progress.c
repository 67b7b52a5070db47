/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "format.h"

enum { REDRAW_MS = 200 };

static const double MB = 1e6;

struct progress progress_begin(int64_t total_bytes)
{
    int64_t now_ms = clock_running_ms();
    return (struct progress){
        .wanted = isatty(STDERR_FILENO) == 1,
        .total_bytes = total_bytes,
        .begun_ms = now_ms,
        .drawn_ms = now_ms,
    };
}

/* "123 MB of 1,047 MB, 210 MB/s, 4.4 s left" */
static void words_put(const struct progress *progress, int64_t done_bytes, int64_t spent_ms, struct strbuf *out)
{
    double rate = (double)done_bytes / (double)spent_ms; /* bytes per millisecond */
    strbuf_printf(out, "%.0f MB", (double)done_bytes / MB);
    if (progress->total_bytes)
        strbuf_printf(out, " of %.0f MB", (double)progress->total_bytes / MB);
    strbuf_printf(out, ", %.0f MB/s", rate * 1000 / MB);
    if (progress->total_bytes > done_bytes && rate > 0) {
        strbuf_puts(out, ", ");
        format_duration(out, (int64_t)((double)(progress->total_bytes - done_bytes) / rate));
        strbuf_puts(out, " left");
    }
}

void progress_show(struct progress *progress, int64_t done_bytes)
{
    if (!progress->wanted)
        return;
    int64_t now_ms = clock_running_ms();
    if (now_ms - progress->drawn_ms < REDRAW_MS)
        return;
    struct strbuf text = { 0 };
    words_put(progress, done_bytes, now_ms - progress->begun_ms, &text);
    fprintf(stderr, "\r%s\033[K", strbuf_text(&text));
    strbuf_free(&text);
    progress->drawn_ms = now_ms;
    progress->shown = true;
}

void progress_hide(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}

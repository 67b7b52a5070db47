/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell/ingest.h"

static void take_event(void *ctx, const struct event *event)
{
    struct ingest *ingest = ctx;
    if (event->time_ms >= ingest->live_from_ms) {
        ingest->live_from_ms = INT64_MIN;
        engine_tick(ingest->engine, event->time_ms - 1);   /* what was missed before it is old news as well */
        engine_go_live(ingest->engine);
    }
    engine_feed(ingest->engine, event);
}

void ingest_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct ingest *ingest = ctx;
    parser_feed(ingest->parser, line, len, offset, take_event, ingest);
}

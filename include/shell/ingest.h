/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SHELL_INGEST_H
#define SHELL_INGEST_H

#include <stddef.h>
#include <stdint.h>

#include "engine.h"
#include "parser.h"

/*
 * The way of a line through the core: parser, then engine. run and replay share it. Backlog is history until a line is
 * younger than live_from_ms; from there on the engine is live.
 */
struct ingest {
    struct parser *parser;
    struct engine *engine;
    int64_t live_from_ms;    /* INT64_MIN: everything is live */
};

/* ctx is a struct ingest: fits struct follow_sink's line. */
void ingest_line(void *ctx, const char *line, size_t len, int64_t offset);

#endif

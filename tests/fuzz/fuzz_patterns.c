/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "parser.h"

/*
 * A patterns file, a line "----", then a log: a file is refused with one reason that names the place, or reads any log,
 * within PCRE2's limits whatever the patterns are, and takes nothing from beyond the line.
 */
static int fd = -1;
static char path[64];

static void put_file(struct slice text)
{
    if (fd < 0) {
        fd = memfd_create("patterns", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    must(ftruncate(fd, 0) == 0 && pwrite(fd, text.at, text.len, 0) == (ssize_t)text.len);
}

static void hear(void *ctx, struct event *event)
{
    const struct slice *line = ctx;
    must(event->kind < EVENT_WRITER_GONE && lies_within(event->line, *line) && lies_within(event->text, *line));
    must(event->table.len == 0 || event->table.at);
}

static void read_log(struct parser *parser, struct slice log)
{
    int64_t lines = 0;
    for (; log.len > 0; lines++) {
        struct slice line = cut_off(&log, "\n");
        parser_feed(parser, line.at, line.len, lines, hear, &line);
    }
    const struct parser_counts *counts = parser_counts(parser);
    must(counts->lines == lines && counts->records <= lines && counts->misses <= lines &&
         counts->limit_hits <= 2 * lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct strbuf error;
    struct slice log = { (const char *)data, size };
    put_file(cut_off(&log, "\n----\n"));
    strbuf_clear(&error);
    struct parser *parser = parser_open(path, &error);
    if (parser) {
        must(error.len == 0);
        read_log(parser, log);
    } else {
        must(strncmp(strbuf_text(&error), path, strlen(path)) == 0 && !strchr(error.at, '\n'));
    }
    parser_free(parser);
    return 0;
}

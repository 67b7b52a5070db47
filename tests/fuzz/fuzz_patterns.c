/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parser.h"

/*
 * A patterns file, a line "----", then a log: a file is refused with a reason or reads any log, within PCRE2's
 * limits whatever the patterns are.
 */
static void hear(void *ctx, const struct event *event)
{
    size_t *sum = ctx;
    *sum += event->table.len + event->text.len + event->line.len;
}

static void read_log(struct parser *parser, const char *log, size_t size)
{
    size_t sum = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(log + at, '\n', size - at);
        size_t len = end ? (size_t)(end - log) - at : size - at;
        parser_feed(parser, log + at, len, (int64_t)at, hear, &sum);
        at += len + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char border[] = "\n----\n";
    static int fd = -1;
    char path[64];
    struct strbuf error = { 0 };
    const uint8_t *found = memmem(data, size, border, sizeof border - 1);
    size_t head = found ? (size_t)(found - data) + 1 : size;
    fd = fd < 0 ? memfd_create("patterns", MFD_CLOEXEC) : fd;
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, head, 0) != (ssize_t)head)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct parser *parser = parser_open(path, &error);
    if ((parser == NULL) != (error.len > 0))
        abort();
    if (parser && found)
        read_log(parser, (const char *)found + sizeof border - 1, size - head - (sizeof border - 2));
    if (parser)
        parser_free(parser);
    strbuf_free(&error);
    return 0;
}

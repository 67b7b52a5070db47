/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "parser.h"

/*
 * Any bytes as a log: straight through one parser, and through two that hand their state over after each line. Both
 * ways must say the same, and every slice they hand out must lie where it may be read.
 */
struct told {
    uint64_t sum;
    uint64_t events;
};

static void sum_slice(struct told *told, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        told->sum = told->sum * 31 + (unsigned char)text.at[i];
    }
}

static void hear(void *ctx, const struct event *event)
{
    struct told *told = ctx;
    told->events++;
    told->sum = told->sum * 31 + (uint64_t)event->kind + (uint64_t)event->time_ms;
    sum_slice(told, event->table);
    sum_slice(told, event->text);
    sum_slice(told, event->line);
}

static void hand_over(struct parser *from, struct parser *to)
{
    struct strbuf saved = { 0 };
    struct archive archive;
    archive_save_to(&archive, &saved);
    parser_archive(from, &archive);
    archive_load_from(&archive, strbuf_slice(&saved));
    parser_archive(to, &archive);
    strbuf_free(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct parser *parsers[4];   /* compiled once; the last one stays as it was opened */
    struct strbuf error = { 0 };
    struct told straight = { 0 };
    struct told relayed = { 0 };
    for (size_t i = 4; i-- > 0; hand_over(parsers[3], parsers[i])) {
        parsers[i] = parsers[i] ? parsers[i] : parser_open(NULL, &error);
    }
    for (size_t at = 0, turn = 0; at < size; turn++) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end ? (size_t)(end - data) - at : size - at;
        parser_feed(parsers[2], (const char *)data + at, len, (int64_t)at, hear, &straight);
        parser_feed(parsers[turn % 2], (const char *)data + at, len, (int64_t)at, hear, &relayed);
        hand_over(parsers[turn % 2], parsers[(turn + 1) % 2]);
        at += len + 1;
    }
    if (straight.sum != relayed.sum || straight.events != relayed.events) {
        abort();
    }
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budgets.h"
#include "fuzz.h"
#include "parser.h"

/*
 * Any bytes as a log: straight through one parser, and through two that hand their state over after each line, as a restart
 * does. Both ways must say the same, no time may go astray, and every slice they hand out must lie where it may be read.
 */
struct told {
    uint64_t sum;
    uint64_t events;
};

static void sum_slice(struct told *told, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        told->sum = told->sum * 31 + (unsigned char)text.at[i];
}

static void hear(void *ctx, struct event *event)
{
    struct told *told = ctx;
    must(event->kind < EVENT_WRITER_GONE && event->line.len <= LINE_MAX_BYTES &&
         event->table.len <= TABLE_NAME_MAX_BYTES);
    must(!event->table.at || !memchr(event->table.at, '\0', event->table.len));
    told->events++;
    told->sum = told->sum * 31 + (uint64_t)event->kind + (uint64_t)event->time_ms + (uint64_t)event->at_ms;
    told->sum = told->sum * 31 + (uint64_t)event->number + (uint64_t)event->duration_ms;
    sum_slice(told, event->table);
    sum_slice(told, event->text);
    sum_slice(told, event->line);
}

static void save(struct parser *parser, struct strbuf *state)
{
    struct archive archive;
    strbuf_clear(state);
    archive_save_to(&archive, state);
    parser_archive(parser, &archive);
}

static void load(struct parser *parser, const struct strbuf *state)
{
    struct archive archive;
    archive_load_from(&archive, strbuf_slice(state));
    parser_archive(parser, &archive);
}

static void hear_nothing(void *ctx, struct event *event)
{
    (void)ctx;
    (void)event;
}

static void read_log(struct slice log)
{
    static struct parser *parser;
    struct strbuf error = { 0 };
    if (!parser)
        parser = parser_open(NULL, &error);
    for (int64_t offset = 0; log.len > 0; offset++) {
        struct slice line = cut_off(&log, "\n");
        parser_feed(parser, line.at, line.len, offset, hear_nothing, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct parser *straight, *relayed[2]; /* compiled once */
    static struct strbuf fresh, state;
    struct strbuf error = { 0 };
    struct told told = { 0 }, told_relayed = { 0 };
    if (!straight) {
        straight = parser_open(NULL, &error);
        relayed[0] = parser_open(NULL, &error);
        relayed[1] = parser_open(NULL, &error);
        save(straight, &fresh);
    }
    load(straight, &fresh);
    load(relayed[0], &fresh);
    struct slice log = { (const char *)data, size };
    fuzz_cost(read_log, log);
    for (size_t turn = 0; log.len > 0; turn++) {
        int64_t offset = log.at - (const char *)data;
        struct slice line = cut_off(&log, "\n");
        parser_feed(straight, line.at, line.len, offset, hear, &told);
        parser_feed(relayed[turn % 2], line.at, line.len, offset, hear, &told_relayed);
        save(relayed[turn % 2], &state);
        load(relayed[(turn + 1) % 2], &state);
    }
    must(told.sum == told_relayed.sum && told.events == told_relayed.events);
    return 0;
}

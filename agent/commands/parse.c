/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/say.h"
#include "commands.h"
#include "parser.h"
#include "scrub.h"
#include "stream.h"

struct printer {
    struct scrub *scrub;
    struct strbuf line;
};

/* Puts the fields that an event of this kind has beside its table (include/event.h lists them). */
static void put_fields(struct json_writer *json, const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_COMPLETED:
        if (event->number >= 0)
            json_put_int(json, "number", event->number);
        json_put_int(json, "duration_ms", event->duration_ms);
        break;
    case EVENT_CYCLE_TABLES:
    case EVENT_SCHEDULER_TABLES:
    case EVENT_RUN_EXIT_CODE:
    case EVENT_CYCLE_ROWS:
    case EVENT_SIGNAL_RECEIVED: json_put_int(json, "number", event->number); break;
    case EVENT_SCHEDULE:
    case EVENT_CYCLE_DURATION:
    case EVENT_WAITING: json_put_int(json, "duration_ms", event->duration_ms); break;
    case EVENT_NEXT_RUN: json_put_time(json, "at", event->at_ms); break;
    case EVENT_CYCLE_SUMMARY:
        json_put_int(json, "succeeded", event->succeeded);
        json_put_int(json, "failed", event->failed);
        json_put_int(json, "timed_out", event->timed_out);
        break;
    case EVENT_RUN_STDERR:
    case EVENT_CYCLE_EXCEPTION:
    case EVENT_SCHEDULER_CRASHED: json_put_slice(json, "text", event->text); break;
    default: break;
    }
}

static void print_event(void *ctx, struct event *event)
{
    struct printer *printer = ctx;
    struct json_writer json = { .out = &printer->line };
    scrub_event(printer->scrub, event);
    strbuf_clear(&printer->line);
    json_open(&json, NULL, '{');
    json_put_text(&json, "event", event_name(event->kind));
    json_put_time(&json, "time", event->time_ms);
    json_put_int(&json, "offset", event->offset);
    if (event->table.len > 0)
        json_put_slice(&json, "table", event->table);
    put_fields(&json, event);
    json_close(&json, '}');
    puts(strbuf_text(&printer->line));
}

struct reading {
    struct parser *parser;
    struct printer *printer;
};

static void parse_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct reading *reading = ctx;
    parser_feed(reading->parser, line, len, offset, print_event, reading->printer);
}

static bool parse_path(struct parser *parser, const char *path, struct printer *printer)
{
    struct reading reading = { parser, printer };
    struct stream_sink sink = { .ctx = &reading, .line = parse_line };
    struct strbuf error = { 0 };
    bool read = stream_read(path, &sink, &error) == 0;
    if (!read)
        say_error("%s", error.at);
    strbuf_free(&error);
    return read;
}

static bool parse_paths(struct parser *parser, const struct options *options, struct printer *printer)
{
    bool fine = true;
    for (int i = 0; i < options->operand_count; i++)
        fine = parse_path(parser, options->operands[i], printer) && fine;
    if (options->operand_count == 0)
        fine = parse_path(parser, "-", printer);
    return fine;
}

const struct arguments parse_arguments = { .usage = "[LOG...]", .operands_most = OPERANDS_ANY };

int command_parse(struct options *options)
{
    struct printer printer = { 0 };
    struct strbuf error = { 0 };
    struct parser *parser = NULL;
    struct config *config = options_config(options);
    int code = EXIT_USAGE;
    if (!config)
        goto cleanup;
    parser = parser_open(config->log_patterns, &error);
    if (!parser) {
        say_error("%s", error.at);
        goto cleanup;
    }
    printer.scrub = scrub_open();
    code = parse_paths(parser, options, &printer) ? EXIT_OK : EXIT_FAILED;

cleanup:
    parser_free(parser);
    scrub_close(printer.scrub);
    strbuf_free(&printer.line);
    strbuf_free(&error);
    return code;
}

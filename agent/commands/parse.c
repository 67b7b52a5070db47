/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "base/budgets.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/say.h"
#include "base/text.h"
#include "commands.h"
#include "log_days.h"
#include "parser.h"
#include "scrub.h"
#include "stream.h"

enum { OPTION_MISSES, OPTION_DATE, OPTIONS };

static const struct option_spec parse_specs[OPTIONS] = {
    [OPTION_MISSES] = { "misses", NULL,
                        "print the scheduler's records that no pattern takes instead; how many there are, on stderr" },
    [OPTION_DATE] = LOG_DAYS_OPTION,
};

struct printer {
    struct scrub *scrub;
    struct masker *masker;
    struct strbuf line;
    bool misses; /* print these, and not the events */
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
    case EVENT_RUN_ROWS:
    case EVENT_CYCLE_ROWS:
    case EVENT_SIGNAL_RECEIVED: json_put_int(json, "number", event->number); break;
    case EVENT_SCHEDULE:
    case EVENT_CYCLE_DURATION:
    case EVENT_RUN_DURATION:
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

/* A log whose lines say by name whose they are may say more than the kind of the event promises. */
static void put_names(struct json_writer *json, const struct event *event)
{
    bool is_layer =
        event->kind == EVENT_LAYER_STARTED || event->kind == EVENT_LAYER_RETRY || event->kind == EVENT_LAYER_COMPLETED;
    bool has_text = event->kind != EVENT_RUN_STDERR && event->kind != EVENT_CYCLE_EXCEPTION && event->text.len > 0;
    if (event->run.len > 0)
        json_put_slice(json, "run", event->run);
    if (event->cycle.len > 0)
        json_put_slice(json, is_layer ? "layer" : "cycle", event->cycle);
    if (has_text && (event_has_name(event) || event->kind == EVENT_MAINTENANCE_FAILED))
        json_put_slice(json, "text", event->text);
}

static void print_event(void *ctx, struct event *event)
{
    struct printer *printer = ctx;
    struct json_writer json = { .out = &printer->line };
    if (printer->misses)
        return;
    scrub_event(printer->scrub, event);
    strbuf_clear(&printer->line);
    json_open(&json, NULL, '{');
    json_put_text(&json, "event", event_name(event->kind));
    json_put_time(&json, "time", event->time_ms);
    json_put_int(&json, "offset", event->offset);
    if (event->table.len > 0)
        json_put_slice(&json, "table", event->table);
    put_fields(&json, event);
    put_names(&json, event);
    json_close(&json, '}');
    puts(strbuf_text(&printer->line));
}

struct reading {
    struct parser *parser;
    struct frames *frames;
    struct printer *printer;
    size_t len; /* of the line at hand, and where it begins */
    int64_t offset;
    int64_t long_lines, first_long_offset, first_long_bytes; /* of which not even the whole was read */
};

/* A record as it stands in the log, but for its secrets and for what would act on a terminal. */
static void print_miss(void *ctx, struct slice line, int64_t offset)
{
    struct reading *reading = ctx;
    struct printer *printer = reading->printer;
    struct strbuf masked = { 0 };
    masker_text(printer->masker, line, &masked);
    strbuf_clear(&printer->line);
    text_add_visible(&printer->line, strbuf_text(&masked), masked.len);
    if (offset == reading->offset && reading->len > LINE_MAX_BYTES)
        strbuf_printf(&printer->line, " [cut: the first %zu bytes of %zu]", line.len, reading->len);
    puts(strbuf_text(&printer->line));
    strbuf_free(&masked);
}

static void parse_messages(struct reading *reading)
{
    struct frame_message message;
    while (frames_next(reading->frames, &message)) {
        parser_set_moment(reading->parser, message.written_ms, 0);
        parser_feed(reading->parser, message.text.at, message.text.len, message.offset, print_event, reading->printer);
    }
}

static void parse_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct reading *reading = ctx;
    reading->len = len;
    reading->offset = offset;
    frames_take(reading->frames, (struct slice){ line, len }, offset);
    parse_messages(reading);
}

static void take_long_line(void *ctx, int64_t offset, int64_t len)
{
    struct reading *reading = ctx;
    if (reading->long_lines++ > 0)
        return;
    reading->first_long_offset = offset;
    reading->first_long_bytes = len;
}

static bool parse_path(struct parser *parser, struct frames *frames, const char *path, struct printer *printer)
{
    struct reading reading = { .parser = parser, .frames = frames, .printer = printer };
    struct stream_sink sink = { .ctx = &reading, .line = parse_line, .cut = take_long_line };
    struct strbuf error = { 0 };
    parser_set_miss(parser, printer->misses ? print_miss : NULL, &reading);
    bool read = stream_read(path, &sink, &error) == 0;
    frames_finish(frames);
    parse_messages(&reading);
    parser_set_miss(parser, NULL, NULL);
    if (!read)
        say_error("%s", error.at);
    if (reading.long_lines > 0)
        say_warning("%s: %" PRId64 " line%s longer than %d bytes, of which only so much was read; the first begins at "
                    "byte %" PRId64 " and has %" PRId64,
                    path, reading.long_lines, reading.long_lines == 1 ? " is" : "s are", LINE_READ_MAX_BYTES,
                    reading.first_long_offset, reading.first_long_bytes);
    strbuf_free(&error);
    return read;
}

/* On stderr, so that stdout holds events or records alone. */
static void say_counts(const struct parser *parser, bool misses)
{
    const struct parser_counts *counts = parser_counts(parser);
    struct strbuf unknown = { 0 }, masked = { 0 };
    if (counts->cut_lines > 0)
        say_warning("%" PRId64 " line%s longer than %d bytes: only the beginning was looked at", counts->cut_lines,
                    counts->cut_lines == 1 ? " is" : "s are", LINE_MAX_BYTES);
    if (counts->limit_hits > 0)
        say_warning("%" PRId64 " record%s given up at PCRE2's limits", counts->limit_hits,
                    counts->limit_hits == 1 ? " was" : "s were");
    if (misses)
        say_note("no pattern took %" PRId64 " of the scheduler's records; lines: %" PRId64
                 ", records with a time and a logger: %" PRId64 ", events: %" PRId64,
                 counts->misses, counts->lines, counts->records, counts->events);
    if (misses && counts->events == 0 && counts->lines > 0 && parser_unknown_lines(parser, &unknown) > 0) {
        mask_secrets(strbuf_text(&unknown), &masked);
        say_note("no line was understood; %s", strbuf_text(&masked));
    }
    strbuf_free(&masked);
    strbuf_free(&unknown);
}

static void say_broken(const struct frames *frames)
{
    struct strbuf words = { 0 };
    frames_describe_broken(frames, &words);
    if (words.len > 0)
        say_warning("%s", strbuf_text(&words));
    strbuf_free(&words);
}

static bool parse_paths(struct parser *parser, const struct options *options, const struct config *config,
                        struct printer *printer)
{
    struct frames *frames = frames_new(config->log_format);
    int count = options->operand_count > 0 ? options->operand_count : 1;
    int64_t date_ms;
    bool fine = log_days_read("parse", options->values[OPTION_DATE], &date_ms);
    for (int i = 0; i < count && (fine || i > 0); i++) {
        const char *path = options->operand_count > 0 ? options->operands[i] : "-";
        log_days_begin(parser, config, path, i == 0 ? date_ms : 0);
        fine = parse_path(parser, frames, path, printer) && fine;
    }
    say_broken(frames);
    frames_free(frames);
    return fine;
}

const struct arguments parse_arguments = {
    .usage = "[--misses] [--date DAY] [LOG...]",
    .specs = parse_specs,
    .spec_count = OPTIONS,
    .operands_most = OPERANDS_ANY,
};

int command_parse(struct options *options)
{
    struct printer printer = { .misses = options->values[OPTION_MISSES] != NULL };
    struct strbuf error = { 0 };
    struct parser *parser = NULL;
    struct config *config = options_config(options);
    int code = EXIT_USAGE;
    if (!config)
        goto cleanup;
    parser = parser_open(config_patterns(config), &error);
    if (!parser) {
        say_error("%s", error.at);
        goto cleanup;
    }
    printer.scrub = scrub_open();
    printer.masker = masker_open();
    code = parse_paths(parser, options, config, &printer) ? EXIT_OK : EXIT_FAILED;
    say_counts(parser, printer.misses);

cleanup:
    parser_free(parser);
    scrub_close(printer.scrub);
    masker_close(printer.masker);
    strbuf_free(&printer.line);
    strbuf_free(&error);
    return code;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/say.h"
#include "base/text.h"
#include "base/zone.h"
#include "commands.h"
#include "parser.h"
#include "scrub.h"

/* A JSON merge patch drops the members that are null, so that each event shows only the fields that it has. */
static const char EVENT_JSON[] =
    "SELECT json_patch('{}', json_object('event', ?1, 'time', ?2, 'offset', ?3, 'table', ?4, 'number', ?5,"
    " 'duration_ms', ?6, 'at', ?7, 'succeeded', ?8, 'failed', ?9, 'timed_out', ?10, 'text', ?11))";

struct printer {
    sqlite3 *db;
    sqlite3_stmt *json;
    struct scrub *scrub;
    struct strbuf clean;
    int64_t failures;
};

static bool printer_open(struct printer *printer)
{
    if (sqlite3_open(":memory:", &printer->db) != SQLITE_OK ||
        sqlite3_prepare_v2(printer->db, EVENT_JSON, -1, &printer->json, NULL) != SQLITE_OK) {
        say_error("JSON: %s", sqlite3_errmsg(printer->db));
        return false;
    }
    printer->scrub = scrub_open();
    return true;
}

static void printer_close(struct printer *printer)
{
    sqlite3_finalize(printer->json);
    sqlite3_close(printer->db);
    scrub_close(printer->scrub);
    strbuf_free(&printer->clean);
}

static void bind_time(sqlite3_stmt *json, int column, int64_t ms)
{
    char text[40];
    zone_format_rfc3339(ms, text);
    sqlite3_bind_text(json, column, text, -1, SQLITE_TRANSIENT);
}

static void bind_slice(struct printer *printer, int column, struct slice text)
{
    strbuf_clear(&printer->clean);
    text_add_valid(&printer->clean, text.at, text.len);
    sqlite3_bind_text64(printer->json, column, strbuf_text(&printer->clean), printer->clean.len, SQLITE_TRANSIENT,
                        SQLITE_UTF8);
}

/* Binds the fields that an event of this kind has beside its table (include/event.h lists them). */
static void bind_fields(struct printer *printer, const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_COMPLETED:
        if (event->number >= 0)
            sqlite3_bind_int64(printer->json, 5, event->number);
        sqlite3_bind_int64(printer->json, 6, event->duration_ms);
        break;
    case EVENT_CYCLE_TABLES:
    case EVENT_RUN_EXIT_CODE:
    case EVENT_CYCLE_ROWS:
    case EVENT_SIGNAL_RECEIVED: sqlite3_bind_int64(printer->json, 5, event->number); break;
    case EVENT_SCHEDULE:
    case EVENT_CYCLE_DURATION:
    case EVENT_WAITING: sqlite3_bind_int64(printer->json, 6, event->duration_ms); break;
    case EVENT_NEXT_RUN: bind_time(printer->json, 7, event->at_ms); break;
    case EVENT_CYCLE_SUMMARY:
        sqlite3_bind_int(printer->json, 8, event->succeeded);
        sqlite3_bind_int(printer->json, 9, event->failed);
        sqlite3_bind_int(printer->json, 10, event->timed_out);
        break;
    case EVENT_RUN_STDERR:
    case EVENT_CYCLE_EXCEPTION:
    case EVENT_SCHEDULER_CRASHED: bind_slice(printer, 11, event->text); break;
    default: break;
    }
}

static void print_event(void *ctx, struct event *event)
{
    struct printer *printer = ctx;
    scrub_event(printer->scrub, event);
    sqlite3_clear_bindings(printer->json);
    sqlite3_bind_text(printer->json, 1, event_name(event->kind), -1, SQLITE_STATIC);
    bind_time(printer->json, 2, event->time_ms);
    sqlite3_bind_int64(printer->json, 3, event->offset);
    if (event->table.len > 0)
        bind_slice(printer, 4, event->table);
    bind_fields(printer, event);
    if (sqlite3_step(printer->json) == SQLITE_ROW)
        puts((const char *)sqlite3_column_text(printer->json, 0));
    else
        printer->failures++;
    sqlite3_reset(printer->json);
}

static bool parse_file(struct parser *parser, FILE *file, struct printer *printer)
{
    char *line = NULL;
    size_t room = 0;
    int64_t offset = 0;
    ssize_t len;
    while ((len = getline(&line, &room, file)) > 0) {
        size_t text_len = (size_t)len - (line[len - 1] == '\n' ? 1 : 0);
        parser_feed(parser, line, text_len, offset, print_event, printer);
        offset += len;
    }
    free(line);
    return !ferror(file);
}

static bool parse_path(struct parser *parser, const char *path, struct printer *printer)
{
    if (strcmp(path, "-") == 0) {
        bool read = parse_file(parser, stdin, printer);
        if (!read)
            say_error("standard input: %s", strerror(errno));
        return read;
    }
    FILE *file = fopen(path, "re");
    if (!file) {
        say_error("%s: %s", path, strerror(errno));
        return false;
    }
    bool read = parse_file(parser, file, printer);
    if (!read)
        say_error("%s: %s", path, strerror(errno));
    fclose(file);
    return read;
}

static bool parse_paths(struct parser *parser, const struct options *options, struct printer *printer)
{
    bool fine = true;
    for (int i = 0; i < options->operand_count; i++)
        fine = parse_path(parser, options->operands[i], printer) && fine;
    if (options->operand_count == 0)
        fine = parse_path(parser, "-", printer);
    if (printer->failures > 0)
        say_error("JSON: %lld events lost: %s", (long long)printer->failures, sqlite3_errmsg(printer->db));
    return fine && printer->failures == 0;
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
    code = printer_open(&printer) && parse_paths(parser, options, &printer) ? EXIT_OK : EXIT_FAILED;

cleanup:
    parser_free(parser);
    printer_close(&printer);
    strbuf_free(&error);
    return code;
}

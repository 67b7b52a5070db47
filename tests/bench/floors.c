/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each part of a replay costs: `floors PART LOG` does so much of it and no more, with the agent's own objects, and each part
 * includes those before it. tests/bench/floors.py runs all of them beside the agent and its peers. Prints how much it did, so that the
 * parts cannot be taken for one another. The log must have the built-in form, and no excerpts of failed jobs are looked for.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/commands/stream.h"
#include "agent/core/model.h"
#include "agent/core/moment.h"
#include "agent/core/schedule.h"
#include "agent/core/tables.h"
#include "base/zone.h"
#include "engine.h"
#include "ingest.h"
#include "parser.h"
#include "parsers/patterns_file.h"
#include "scrub.h"

struct floors {
    int64_t lines, records, events, facts;
    struct patterns patterns;
    struct timestamp_reader clock;
    struct parser *parser;
    struct moment moment;
    struct settings settings;
    struct schedule schedule;
    struct tables tables;
    struct model model;
};

static void fail(const char *what)
{
    fprintf(stderr, "floors: %s\n", what);
    exit(1);
}

/* --- reading, and lines --------------------------------------------------------------------------------------- */

static void only_read(const char *path)
{
    static char buffer[256 * 1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;
    int64_t bytes = 0;
    while (fd >= 0 && (got = read(fd, buffer, sizeof buffer)) > 0)
        bytes += got;
    if (fd < 0 || got < 0)
        fail("cannot read the log");
    close(fd);
    printf("%" PRId64 " bytes\n", bytes);
}

static void take_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct floors *floors = ctx;
    (void)line, (void)len, (void)offset;
    floors->lines++;
}

/* --- prefix, and patterns ------------------------------------------------------------------------------------- */

static bool read_prefix(struct floors *floors, const char *line, size_t len, struct record *record)
{
    floors->lines++;
    record_read(&floors->patterns.format, (struct slice){ line, len }, &floors->clock, record);
    if (record->form == RECORD_NONE || !record->own)
        return false;
    timestamp_seen(&floors->clock, record->time_ms);
    floors->records++;
    return true;
}

static void take_prefix(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct record record;
    (void)offset;
    read_prefix(ctx, line, len, &record);
}

static void take_patterns(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct floors *floors = ctx;
    struct record record;
    struct event event;
    (void)offset;
    if (read_prefix(floors, line, len, &record) && !record_is_rule(&record))
        floors->events += vocabulary_match(floors->patterns.vocabulary, &record, &event) == VOCABULARY_EVENT;
}

/* --- the parser, and the model without detectors -------------------------------------------------------------- */

static void count_event(void *ctx, struct event *event)
{
    struct floors *floors = ctx;
    (void)event;
    floors->events++;
}

static void take_parser(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct floors *floors = ctx;
    floors->lines++;
    parser_feed(floors->parser, line, len, offset, count_event, floors);
}

static void model_take(void *ctx, struct event *event)
{
    struct floors *floors = ctx;
    floors->events++;
    moment_advance(&floors->moment, moment_engine_ms(&floors->moment, event->time_ms));
    moment_take(&floors->moment, event);
    model_event(&floors->model);
}

static void take_model(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct floors *floors = ctx;
    floors->lines++;
    parser_feed(floors->parser, line, len, offset, model_take, floors);
}

static void no_table(struct table *table)
{
    (void)table;
}

static void no_cycle(void *ctx, const struct cycle *cycle)
{
    (void)ctx, (void)cycle;
}

static void no_run(void *ctx, const struct run *run)
{
    (void)ctx, (void)run;
}

static void no_answer(void *ctx, const struct run_answer *answer)
{
    (void)ctx, (void)answer;
}

/* The promise is what the model itself reads of all that detectors would note. */
static void count_fact(void *ctx, const struct fact *fact)
{
    struct floors *floors = ctx;
    floors->facts++;
    if (fact->kind == FACT_PROMISE)
        floors->schedule.promise_ms = fact->at_ms;
}

static void make_model(struct floors *floors)
{
    moment_init(&floors->moment);
    settings_default(&floors->settings);
    floors->schedule = (struct schedule){ .settings = &floors->settings, .moment = &floors->moment };
    floors->tables.begin = floors->tables.end = no_table;
    floors->model = (struct model){
        .moment = &floors->moment,
        .schedule = &floors->schedule,
        .tables = &floors->tables,
        .sink = { floors, no_cycle, no_run, no_answer, floors, count_fact },
        .run_table = -1,
    };
}

/* --- detectors: all that a replay does, but for its answers to the user --------------------------------------- */

static void replay(const char *path)
{
    struct ingest ingest = { .live_from_ms = INT64_MIN };
    struct settings settings;
    struct strbuf error = { 0 };
    const struct engine_sink none = { 0 };
    const struct stream_sink sink = { .ctx = &ingest, .line = ingest_line };
    settings_default(&settings);
    ingest.parser = parser_open(NULL, &error);
    ingest.scrub = scrub_open();
    ingest.engine = engine_new(&settings, &none);
    if (!ingest.parser)
        fail(strbuf_text(&error));
    ingest_begin(&ingest);
    if (stream_read(path, &sink, &error) != 0)
        fail(strbuf_text(&error));
    printf("%" PRId64 " lines, %" PRId64 " events\n", parser_counts(ingest.parser)->lines,
           parser_counts(ingest.parser)->events);
    ingest_end(&ingest);
}

/* --- SQLite's bare inserts of the rows that a replay stored ----------------------------------------------------- */

enum { ROWS_AT_ONCE = 4000, COLUMNS_MOST = 32 };

static void must(sqlite3 *db, int code)
{
    if (code != SQLITE_OK && code != SQLITE_DONE)
        fail(sqlite3_errmsg(db));
}

static sqlite3_stmt *prepared(sqlite3 *db, const char *format, const char *table)
{
    sqlite3_stmt *statement = NULL;
    char sql[400];
    sqlite3_snprintf(sizeof sql, sql, format, table);
    must(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
    return statement;
}

/* The table and its indexes, empty. */
static void copy_table(sqlite3 *from, sqlite3 *to, const char *table)
{
    sqlite3_stmt *each = prepared(from, "SELECT sql FROM sqlite_schema WHERE tbl_name = %Q AND sql IS NOT NULL", table);
    while (sqlite3_step(each) == SQLITE_ROW)
        must(to, sqlite3_exec(to, (const char *)sqlite3_column_text(each, 0), NULL, NULL, NULL));
    sqlite3_finalize(each);
}

static sqlite3_stmt *prepared_insert(sqlite3 *to, const char *table, int columns)
{
    struct strbuf sql = { 0 };
    strbuf_puts(&sql, "INSERT INTO %s VALUES (?");
    for (int i = 1; i < columns; i++)
        strbuf_puts(&sql, ", ?");
    strbuf_puts(&sql, ")");
    sqlite3_stmt *insert = prepared(to, strbuf_text(&sql), table);
    strbuf_free(&sql);
    return insert;
}

static double cpu_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Inserts the rows in one transaction. Returns its CPU. */
static double insert_rows(sqlite3 *to, sqlite3_stmt *insert, sqlite3_value **values, int rows, int columns)
{
    double begun_s = cpu_s();
    must(to, sqlite3_exec(to, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    for (int row = 0; row < rows; row++) {
        for (int i = 0; i < columns; i++)
            must(to, sqlite3_bind_value(insert, i + 1, values[row * columns + i]));
        sqlite3_step(insert);
        must(to, sqlite3_reset(insert));
    }
    must(to, sqlite3_exec(to, "COMMIT", NULL, NULL, NULL));
    return cpu_s() - begun_s;
}

/* Reads some rows, whose time does not count, and inserts them, until there are no more. */
static double insert_table(sqlite3 *from, sqlite3 *to, const char *table, int64_t *count)
{
    static sqlite3_value *values[ROWS_AT_ONCE * COLUMNS_MOST];
    sqlite3_stmt *each = prepared(from, "SELECT * FROM %s ORDER BY id", table);
    int columns = sqlite3_column_count(each), rows = ROWS_AT_ONCE;
    sqlite3_stmt *insert = prepared_insert(to, table, columns);
    double spent_s = 0;
    if (columns > COLUMNS_MOST)
        fail("too many columns");
    while (rows == ROWS_AT_ONCE) {
        for (rows = 0; rows < ROWS_AT_ONCE && sqlite3_step(each) == SQLITE_ROW; rows++)
            for (int i = 0; i < columns; i++)
                values[rows * columns + i] = sqlite3_value_dup(sqlite3_column_value(each, i));
        spent_s += insert_rows(to, insert, values, rows, columns);
        *count += rows;
        for (int i = 0; i < rows * columns; i++)
            sqlite3_value_free(values[i]);
    }
    sqlite3_finalize(insert);
    sqlite3_finalize(each);
    return spent_s;
}

static void bare_inserts(const char *path)
{
    static const char *const tables[] = { "cycle", "run" };
    sqlite3 *from = NULL, *to = NULL;
    struct strbuf copy = { 0 };
    int64_t rows = 0;
    double spent_s = 0;
    strbuf_puts(&copy, path);
    strbuf_puts(&copy, ".bare.db");
    must(from, sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY, NULL));
    must(to, sqlite3_open(strbuf_text(&copy), &to));
    must(to, sqlite3_exec(to, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024", NULL,
                          NULL, NULL));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        copy_table(from, to, tables[i]);
        spent_s += insert_table(from, to, tables[i], &rows);
    }
    sqlite3_close(from);
    sqlite3_close(to);
    strbuf_free(&copy);
    printf("%" PRId64 " rows %.3f s\n", rows, spent_s);
}

/* --- a part --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*take)(void *ctx, const char *line, size_t len, int64_t offset);
} parts[] = {
    { "lines", take_line },    { "prefix", take_prefix }, { "patterns", take_patterns },
    { "parser", take_parser }, { "model", take_model },
};

static void run_part(size_t part, const char *path)
{
    struct floors *floors = must_alloc(sizeof *floors);
    struct strbuf error = { 0 };
    const struct stream_sink sink = { .ctx = floors, .line = parts[part].take };
    timestamp_reader_init(&floors->clock);
    make_model(floors);
    floors->parser = parser_open(NULL, &error);
    if (!floors->parser || !patterns_load(&floors->patterns, NULL, &error) || stream_read(path, &sink, &error) != 0)
        fail(strbuf_text(&error));
    printf("%" PRId64 " lines, %" PRId64 " records, %" PRId64 " events, %" PRId64 " facts\n", floors->lines,
           floors->records, floors->events, floors->facts);
    parser_free(floors->parser);
    patterns_free(&floors->patterns);
    model_free(&floors->model);
    tables_free(&floors->tables);
    free(floors);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        fail("floors read|lines|prefix|patterns|parser|model|detectors LOG, or floors rows DB");
    zone_set("UTC");
    if (strcmp(argv[1], "rows") == 0) {
        bare_inserts(argv[2]);
        return 0;
    }
    if (strcmp(argv[1], "read") == 0) {
        only_read(argv[2]);
        return 0;
    }
    if (strcmp(argv[1], "detectors") == 0) {
        replay(argv[2]);
        return 0;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(argv[1], parts[i].name) == 0) {
            run_part(i, argv[2]);
            return 0;
        }
    }
    fail("no such part");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "base/json.h"
#include "iceberg.h"

/*
 * A table's metadata lists every snapshot that was not expired, which may be many megabytes. So the file is read in pieces, and each
 * object of its list "snapshots" is handed to SQLite's JSON functions by itself. All else is passed over by its brackets and quotes.
 */

enum { PIECE_BYTES = 64 * 1024, TOKEN_MAX_BYTES = 64 };
/* A snapshot that is dated after this has a date that cannot be true: the year 9999. */
static const int64_t DATE_MAX_MS = 253402300799000;

struct scan {
    struct iceberg_table *table;
    sqlite3 *reader;
    sqlite3_stmt *question;
    int depth; /* of brackets */
    bool in_string, is_escaped, is_over, is_bad;
    char token[TOKEN_MAX_BYTES]; /* a key or a plain value of the outermost object */
    size_t token_len;
    char key[TOKEN_MAX_BYTES]; /* of the value that is being read there */
    bool gathering;
    struct strbuf snapshot; /* its text, while gathering */
};

static const char sql_snapshot[] =
    "SELECT json_extract(?1, '$.\"snapshot-id\"'), json_extract(?1, '$.\"parent-snapshot-id\"'),"
    " json_extract(?1, '$.\"timestamp-ms\"'), json_extract(?1, '$.summary.operation'),"
    " json_extract(?1, '$.summary.\"added-records\"')";

enum column { ID, PARENT_ID, AT, OPERATION, ADDED };

/* The summary's numbers are texts. A number below 0 is a lie: it is taken as not said. */
static int64_t count_of(sqlite3_stmt *row, enum column column)
{
    int64_t count = sqlite3_column_int64(row, (int)column);
    return sqlite3_column_type(row, (int)column) == SQLITE_NULL || count < 0 || count > ICEBERG_MAX_RECORDS ? -1
                                                                                                            : count;
}

static int64_t id_of(sqlite3_stmt *row, enum column column)
{
    return sqlite3_column_type(row, (int)column) == SQLITE_INTEGER ? sqlite3_column_int64(row, (int)column) : -1;
}

/* Version 1 of the format knows snapshots without a summary: they may have added any number of rows. */
static bool operation_moves_rows(const char *operation)
{
    return !operation || strcmp(operation, "append") == 0 || strcmp(operation, "overwrite") == 0;
}

static void take_snapshot(struct scan *scan)
{
    sqlite3_stmt *row = scan->question;
    struct iceberg_table *table = scan->table;
    sqlite3_bind_text(row, 1, scan->snapshot.at, (int)scan->snapshot.len, SQLITE_STATIC);
    if (sqlite3_step(row) == SQLITE_ROW && table->count < ICEBERG_MAX_SNAPSHOTS) {
        struct iceberg_snapshot snapshot = {
            .id = id_of(row, ID),
            .parent_id = id_of(row, PARENT_ID),
            .at_ms = sqlite3_column_int64(row, AT),
            .moves_rows = operation_moves_rows((const char *)sqlite3_column_text(row, OPERATION)),
            .added = count_of(row, ADDED),
        };
        scan->is_bad = scan->is_bad || snapshot.id < 0 || snapshot.at_ms < 0 || snapshot.at_ms > DATE_MAX_MS;
        table->snapshots = list_room(table->snapshots, table->count, sizeof *table->snapshots);
        table->snapshots[table->count++] = snapshot;
    } else {
        scan->is_bad = true;
    }
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
}

/* A plain value of the outermost object has been read. */
static void take_value(struct scan *scan)
{
    if (strcmp(scan->key, "current-snapshot-id") == 0 && scan->token_len > 0)
        scan->table->current_id = strtoll(scan->token, NULL, 10); /* "null" is 0, which is no snapshot's id */
    scan->token_len = 0;
    scan->token[0] = '\0';
    scan->key[0] = '\0';
}

static void add_to_token(struct scan *scan, char byte)
{
    if (scan->depth != 1 || scan->token_len + 1 >= sizeof scan->token)
        return;
    scan->token[scan->token_len++] = byte;
    scan->token[scan->token_len] = '\0';
}

static void take_bracket(struct scan *scan, char byte)
{
    if (byte == '{' || byte == '[') {
        scan->depth++;
        if (scan->depth == 3 && byte == '{' && strcmp(scan->key, "snapshots") == 0) {
            scan->gathering = true;
            strbuf_clear(&scan->snapshot);
            strbuf_add(&scan->snapshot, &byte, 1);
        }
        return;
    }
    scan->depth--;
    if (scan->gathering && scan->depth == 2) {
        scan->gathering = false;
        take_snapshot(scan);
    } else if (scan->depth == 0) {
        take_value(scan);
        scan->is_over = true;
    }
}

static void take_plain(struct scan *scan, char byte)
{
    switch (byte) {
    case '"': scan->in_string = true; break;
    case '{':
    case '[':
    case '}':
    case ']': take_bracket(scan, byte); break;
    case ':':
        if (scan->depth == 1) {
            memcpy(scan->key, scan->token, sizeof scan->key);
            scan->token_len = 0;
            scan->token[0] = '\0';
        }
        break;
    case ',':
        if (scan->depth == 1)
            take_value(scan);
        break;
    case ' ':
    case '\t':
    case '\r':
    case '\n': break;
    default: add_to_token(scan, byte); break;
    }
}

static void take_byte(struct scan *scan, char byte)
{
    if (scan->gathering)
        strbuf_add(&scan->snapshot, &byte, 1);
    if (!scan->in_string)
        take_plain(scan, byte);
    else if (scan->is_escaped)
        scan->is_escaped = false;
    else if (byte == '\\')
        scan->is_escaped = true;
    else if (byte == '"')
        scan->in_string = false;
    else
        add_to_token(scan, byte);
    scan->is_bad = scan->is_bad || scan->depth < 0 || scan->snapshot.len > ICEBERG_MAX_SNAPSHOT_BYTES;
}

/* Returns NULL if the whole file was read and is what it should be, else what is wrong with it. */
static const char *scan_file(struct scan *scan, gzFile file, int64_t deadline_ms)
{
    char piece[PIECE_BYTES];
    int64_t bytes = 0;
    int len;
    while ((len = gzread(file, piece, sizeof piece)) > 0) {
        for (int i = 0; i < len && !scan->is_bad; i++)
            take_byte(scan, piece[i]);
        bytes += len;
        if (scan->is_bad)
            return "its metadata is not as Iceberg writes it";
        if (bytes > ICEBERG_MAX_BYTES || clock_running_ms() > deadline_ms)
            return "its metadata is too large";
    }
    if (len < 0 || !scan->is_over || scan->depth != 0 || scan->in_string)
        return "its metadata is not whole";
    return NULL;
}

bool iceberg_scan(int descriptor, int64_t deadline_ms, struct iceberg_table *table, struct strbuf *why)
{
    struct scan scan = { .table = table, .reader = json_reader_open() };
    const char *wrong = "no memory";
    gzFile file = gzdopen(descriptor, "rb"); /* it reads what is not packed as it is */
    table->current_id = -1;
    if (!file)
        close(descriptor);
    else if (scan.reader && sqlite3_prepare_v2(scan.reader, sql_snapshot, -1, &scan.question, NULL) == SQLITE_OK)
        wrong = scan_file(&scan, file, deadline_ms);
    if (wrong)
        strbuf_puts(why, wrong);
    sqlite3_finalize(scan.question);
    sqlite3_close(scan.reader);
    strbuf_free(&scan.snapshot);
    if (file)
        gzclose_r(file);
    return !wrong;
}

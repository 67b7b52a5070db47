/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_HELP_H
#define HISTORY_HELP_H

/* What the history's tests share: a directory of one's own, a look into the database from outside, and some rows. */

#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "history.h"

struct place {
    char directory[128];
    char path[160];
};

static inline void place_make(struct place *place)
{
    snprintf(place->directory, sizeof place->directory, "/tmp/test_history.XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->path, sizeof place->path, "%s/history.db", place->directory);
}

static inline void place_remove(const struct place *place)
{
    DIR *directory = opendir(place->directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    assert_int_equal(rmdir(place->directory), 0);
}

/* How many files there have a name that contains part. */
static inline int place_count(const struct place *place, const char *part)
{
    int count = 0;
    DIR *directory = opendir(place->directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        count += strstr(entry->d_name, part) != NULL;
    closedir(directory);
    return count;
}

static inline struct history *must_open(const struct place *place)
{
    struct strbuf notice = { 0 }, error = { 0 };
    struct history *history = history_open(place->path, &notice, &error);
    if (!history || notice.len)
        fail_msg("history_open: %s%s", strbuf_text(&error), strbuf_text(&notice));
    return history;
}

/* What the loop does in time, at once. Returns what a reader holds. */
static inline int64_t tend(struct history *history)
{
    history_idle(history);
    history_checkpoint(history);
    history_wait_checkpoint(history);
    return history_held_bytes(history);
}

static inline void must_commit(struct history *history)
{
    struct strbuf error = { 0 };
    enum history_status status = history_commit(history, &error);
    if (status != HISTORY_OK || error.len)
        fail_msg("history_commit: %d: %s", status, strbuf_text(&error));
    assert_false(history_dirty(history));
}

/* The first row of a query, its columns joined by "|", as another process would see it. The caller frees it. */
static inline char *look_with(const struct place *place, const char *vfs, const char *query)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open_v2(place->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs), SQLITE_OK);
    if (sqlite3_prepare_v2(db, query, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", query, sqlite3_errmsg(db));
    struct strbuf row = { 0 };
    strbuf_puts(&row, "");
    if (sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const char *text = (const char *)sqlite3_column_text(statement, i);
            strbuf_printf(&row, "%s%s", i ? "|" : "", text ? text : "NULL");
        }
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return row.at;
}

static inline void assert_row(const struct place *place, const char *query, const char *expected)
{
    char *row = look_with(place, NULL, query);
    if (strcmp(row, expected) != 0)
        fail_msg("%s\n  is       %s\n  expected %s", query, row, expected);
    free(row);
}

static inline void change(const struct place *place, const char *sql)
{
    free(look_with(place, NULL, sql));
}

static inline struct cycle sample_cycle(int64_t id)
{
    return (struct cycle){ .id = id, .started_ms = id * 1000, .tables = 2 };
}

static inline struct run sample_run(int64_t id, const char *table)
{
    return (
        struct run){ .id = id, .cycle_id = 1, .table = table, .started_ms = 1000 + id, .rows = -1, .exit_code = -1 };
}

static inline struct incident sample_incident(int64_t id)
{
    static const char *const tables[] = { "bronze \"a\"", "bronze_b" };
    return (struct incident){
        .id = id,
        .alert = ALERT_LAG_ELEVATED,
        .severity = SEVERITY_WARNING,
        .open = true,
        .table = tables[0],
        .tables = tables,
        .table_count = 2,
        .onset_ms = 500,
        .opened_ms = 1000 * id,
        .summary = "late",
        .cause.scenario = "2/1",
    };
}

static inline struct message *sample_message(int64_t incident_id, int64_t sequence)
{
    struct incident incident = sample_incident(incident_id);
    struct notification notification = {
        .time_ms = 2000,
        .status = NOTIFY_FIRING,
        .severity = SEVERITY_WARNING,
        .alert = ALERT_LAG_ELEVATED,
        .sequence = sequence,
        .summary = "it is late",
        .incident = &incident,
    };
    return message_from(&notification);
}

/* Gathers a notification with an entry for each of two webhooks; returns the first entry's id. */
static inline int64_t gather_message(struct history *history, int64_t incident_id, int64_t sequence)
{
    struct message *message = sample_message(incident_id, sequence);
    int64_t notification = history_put_message(history, message, false);
    int64_t first = history_put_outbox(history, notification, incident_id, "pager", 2000);
    assert_int_equal(history_put_outbox(history, notification, incident_id, "chat", 2000), first + 1);
    message_free(message);
    return first;
}

static inline void note_silence(void *ctx, const struct silence *silence)
{
    int64_t *now_and_end_ms = ctx;
    if (silence_is_in_force(silence, now_and_end_ms[0]) && silence->ends_ms > now_and_end_ms[1])
        now_and_end_ms[1] = silence->ends_ms;
}

/* When the silences end that are in force at now_ms; 0 if none is. */
static inline int64_t silence_end(struct history *history, int64_t now_ms)
{
    int64_t now_and_end_ms[] = { now_ms, 0 };
    history_get_silences(history, now_ms, note_silence, now_and_end_ms);
    return now_and_end_ms[1];
}

static inline void free_entries(struct outbox_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        message_free(entries[i].message);
}

/* Each with two runs. */
static inline void gather_cycles(struct history *history, int64_t first, int64_t count)
{
    struct engine_sink sink = history_sink(history);
    for (int64_t id = first; id < first + count; id++) {
        struct cycle cycle = sample_cycle(id);
        sink.cycle(sink.ctx, &cycle);
        for (int64_t i = 0; i < 2; i++) {
            struct run run = sample_run(2 * id + i, i ? "bronze_b" : "bronze_a");
            run.cycle_id = id;
            run.error = "Connection refused";
            sink.run(sink.ctx, &run);
        }
    }
}

/* Of the history ("") or of what lies beside it ("-wal"); 0 if it is not there. */
static inline int64_t file_bytes(const struct place *place, const char *suffix)
{
    char name[192];
    struct stat status;
    snprintf(name, sizeof name, "%s%s", place->path, suffix);
    return stat(name, &status) == 0 ? status.st_size : 0;
}

#endif

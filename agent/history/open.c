/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history_private.h"
#include "schema.h"

/* While opening nobody waits for us; later the loop has lines to read, and a commit can be tried again. */
enum { OPEN_BUSY_MS = 2000, COMMIT_BUSY_MS = 50 };

/* A database up to this size is checked wholly at the start, in a few milliseconds. */
enum { FULL_CHECK_PAGES = 512 };

/*
 * synchronous=NORMAL: only a checkpoint syncs (the WAL before pages are moved, the database behind them); a commit costs 0.02 ms,
 * with FULL 0.5 ms and a disk that wakes up for each. What a power cut may then take is the end of the WAL, anything behind the
 * last checkpoint's sync. Each frame's checksum covers all before it, so what is left ends with a whole transaction, however the
 * disk tore or reordered it: some of the last transactions are gone, never half of one.
 *
 * Reading positions, their effects, the engine's state and the outbox are of one transaction, so they go back together: the
 * log is read again from the older position and tells the same incidents with the same ids and times.
 *
 * A page may have been sent whose delivery, or whose very outbox row, is among what is gone: it goes out a second time under
 * the same key, which the receiver drops. FULL would not spare that. The answer and the commit behind it are two moments, a
 * cut between them sends twice as well, and a sync before each page would delay it by the slowest disk's worst second.
 *
 * No more than 4 MB of WAL are left behind. The cache holds the right edge of each tree, which is all that appending needs.
 */
static const char settings_wal[] = "PRAGMA synchronous = NORMAL;"
                                   "PRAGMA foreign_keys = OFF;"
                                   "PRAGMA journal_size_limit = 4194304;"
                                   "PRAGMA cache_size = -1024;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA analysis_limit = 200;";

/* Where there is no WAL (no shared memory on this file system), only FULL keeps a rollback journal safe. */
static const char settings_no_wal[] = "PRAGMA synchronous = FULL;";

static bool is_corruption(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

int history_judge(struct history *history, int code)
{
    if (is_corruption(code))
        history->corrupt = true;
    return code & 0xff;
}

int history_run(struct history *history, enum sql sql)
{
    sqlite3_stmt *statement = history->statements[sql];
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return history_judge(history, code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code);
}

/* "a/b/c/history.db" makes a, a/b and a/b/c, for nobody else to read. */
static int make_parents(const char *path, struct strbuf *error)
{
    char *parent = must_copy(path, strlen(path));
    int code = SQLITE_OK;
    for (char *slash = strchr(parent + 1, '/'); slash && code == SQLITE_OK; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(parent, 0700) != 0 && errno != EEXIST) {
            strbuf_printf(error, "%s: cannot make this directory: %s", parent, strerror(errno));
            code = SQLITE_CANTOPEN;
        }
        *slash = '/';
    }
    free(parent);
    return code;
}

static int check_path(const char *path, struct strbuf *error)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        if (S_ISREG(status.st_mode))
            return SQLITE_OK;
        strbuf_printf(error, "%s: %s", path, S_ISDIR(status.st_mode) ? "is a directory" : "is not a file");
        return SQLITE_CANTOPEN;
    }
    if (errno != ENOENT) {
        strbuf_printf(error, "%s: %s", path, strerror(errno));
        return SQLITE_CANTOPEN;
    }
    return make_parents(path, error);
}

static int read_text(sqlite3 *db, const char *query, struct strbuf *out)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, query, -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        strbuf_puts(out, text ? text : "");
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int read_number(sqlite3 *db, const char *query, int64_t *number)
{
    struct strbuf text = { 0 };
    int code = read_text(db, query, &text);
    *number = strtoll(strbuf_text(&text), NULL, 10);
    strbuf_free(&text);
    return code;
}

int history_configure(sqlite3 *db)
{
    return sqlite3_exec(db, settings_wal, NULL, NULL, NULL);
}

static int set_journal(sqlite3 *db, struct strbuf *notice)
{
    struct strbuf mode = { 0 };
    int code = read_text(db, "PRAGMA journal_mode = WAL", &mode);
    bool wal = slice_equals(strbuf_slice(&mode), "wal");
    if (code == SQLITE_OK)
        code = history_configure(db);
    if (code == SQLITE_OK && !wal) {
        strbuf_puts(notice, "the history's file system has no WAL mode: commits are slower and wait for readers");
        code = sqlite3_exec(db, settings_no_wal, NULL, NULL, NULL);
    }
    /* The WAL's files stay when we end, so that a user who may only read can still look. */
    int persist = 1;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    strbuf_free(&mode);
    return code;
}

static int prepare_statements(struct history *history)
{
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < SQL_STATEMENTS; i++)
        code =
            sqlite3_prepare_v3(history->db, sql_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &history->statements[i], NULL);
    return code;
}

/*
 * A whole check of a ten-year history would take seconds. Opening has read the header and the schema by now; here both edges of
 * every tree follow, which is where the agent writes, and all of what it starts from: the state and what waits to be sent. Damage
 * in between shows when somebody comes across it.
 */
static int check_integrity(sqlite3 *db)
{
    struct strbuf text = { 0 };
    int64_t pages = 0;
    int code = read_number(db, "PRAGMA page_count", &pages);
    if (code == SQLITE_OK && pages <= FULL_CHECK_PAGES) {
        code = read_text(db, "PRAGMA quick_check(1)", &text);
        if (code == SQLITE_OK && !slice_equals(strbuf_slice(&text), "ok"))
            code = SQLITE_CORRUPT;
    } else if (code == SQLITE_OK) {
        code = sqlite3_exec(
            db,
            "SELECT (SELECT min(id) FROM cycle), (SELECT max(id) FROM cycle),"
            " (SELECT min(started_at) FROM cycle), (SELECT max(started_at) FROM cycle),"
            " (SELECT min(id) FROM run), (SELECT max(id) FROM run), (SELECT max(cycle_id) FROM run),"
            " (SELECT max(id) FROM incident), (SELECT max(opened_at) FROM incident),"
            " (SELECT max(id) FROM timeline), (SELECT max(id) FROM notification),"
            " (SELECT max(id) FROM outbox), (SELECT sum(offset) FROM source), (SELECT sum(length(value)) FROM state),"
            " (SELECT count(notification_id) FROM outbox WHERE status = 'pending')",
            NULL, NULL, NULL);
    }
    strbuf_free(&text);
    return code;
}

static void keep_highest(int64_t *highest, int64_t id)
{
    if (id > *highest)
        *highest = id;
}

static int read_sequences(struct history *history)
{
    sqlite3_stmt *statement = history->statements[SQL_GET_SEQUENCES];
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        int64_t id = sqlite3_column_int64(statement, 1);
        if (name && strcmp(name, "timeline") == 0)
            keep_highest(&history->last_fact, id);
        else if (name && strcmp(name, "notification") == 0)
            keep_highest(&history->last_message, id);
        else if (name && strcmp(name, "outbox") == 0)
            keep_highest(&history->last_outbox, id);
    }
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

void history_disconnect(struct history *history)
{
    history_tend_wait(history);
    for (int i = 0; i < SQL_STATEMENTS; i++) {
        sqlite3_finalize(history->statements[i]);
        history->statements[i] = NULL;
    }
    sqlite3_close(history->db);
    history->db = NULL;
}

/* Retention keeps the size flat by giving pages back in small steps, which must be chosen before the first table is there. */
static int set_vacuum(sqlite3 *db)
{
    int64_t pages = 0;
    int code = read_number(db, "PRAGMA page_count", &pages);
    return code == SQLITE_OK && pages == 0 ? sqlite3_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL)
                                           : code;
}

enum found { FOUND_NOTHING, FOUND_EMPTY, FOUND_BYTES };

/* An empty file is what a power loss, or `>`, leaves of a history; SQLite takes it for a new database without a word. */
static enum found look_for(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return FOUND_NOTHING;
    return status.st_size == 0 ? FOUND_EMPTY : FOUND_BYTES;
}

static bool is_full(sqlite3 *db, int code)
{
    int cause = db ? sqlite3_system_errno(db) : 0;
    return (code & 0xff) == SQLITE_FULL || (code != SQLITE_OK && (cause == ENOSPC || cause == EDQUOT));
}

/* There was no room for all of a new database, so nothing of it stays: the next attempt, or the next agent, begins at nothing. */
static void take_back(const char *path)
{
    static const char *const suffixes[] = { "", "-journal", "-wal", "-shm" };
    struct strbuf name = { 0 };
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        strbuf_clear(&name);
        strbuf_printf(&name, "%s%s", path, suffixes[i]);
        unlink(name.at);
    }
    strbuf_free(&name);
}

static int open_once(struct history *history, struct strbuf *notice, struct strbuf *error)
{
    struct strbuf why = { 0 };
    enum found found = look_for(history->path);
    int code = sqlite3_open_v2(history->path, &history->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK && sqlite3_db_readonly(history->db, "main") == 1) {
        strbuf_puts(&why, "may not be written");
        code = SQLITE_READONLY;
    }
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(history->db, OPEN_BUSY_MS);
        code = set_vacuum(history->db);
    }
    if (code == SQLITE_OK)
        code = schema_migrate(history->db, &why);
    if (code == SQLITE_OK)
        code = set_journal(history->db, notice);
    if (code == SQLITE_OK)
        code = prepare_statements(history);
    if (code == SQLITE_OK)
        code = check_integrity(history->db);
    if (code == SQLITE_OK)
        code = read_sequences(history);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(history->db, COMMIT_BUSY_MS);
        sqlite3_wal_hook(history->db, history_note_wal, history);
        if (found == FOUND_EMPTY)
            strbuf_printf(notice, "%s%s: the history is empty, without even a header: a new one is begun",
                          notice->len > 0 ? "; " : "", history->path);
    } else {
        strbuf_printf(error, "%s: %s", history->path,
                      why.len       ? why.at
                      : history->db ? sqlite3_errmsg(history->db)
                                    : sqlite3_errstr(code));
        if (is_full(history->db, code))
            code = SQLITE_FULL;
        history_disconnect(history);
        if (code == SQLITE_FULL && found != FOUND_BYTES)
            take_back(history->path);
    }
    strbuf_free(&why);
    return code;
}

int history_connect(struct history *history, struct strbuf *notice, struct strbuf *error)
{
    struct strbuf why = { 0 }, unlocked = { 0 };
    int code = check_path(history->path, error);
    if (code == SQLITE_OK)
        code = history_lock(history, &unlocked, error);
    if (code == SQLITE_OK) {
        code = open_once(history, notice, &why);
        if (is_corruption(code)) {
            code = history_move_aside(history, sqlite3_errstr(code), notice, error);
            if (code == SQLITE_OK) {
                strbuf_clear(&why);
                code = open_once(history, notice, &why);
            }
        }
        if (code != SQLITE_OK)
            strbuf_add(error, strbuf_text(&why), why.len);
        else if (unlocked.len > 0)
            strbuf_printf(notice, "%s%s", notice->len > 0 ? "; " : "", unlocked.at);
    }
    strbuf_free(&unlocked);
    strbuf_free(&why);
    return code & 0xff;
}

/*
 * SQLite's count of its own memory, under a lock at each of its allocations, costs a catch-up a twentieth, and nobody asks for it.
 * Once SQLite is in use this is refused, and then only slower.
 */
static void spare_statistics(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct history *history_open(const char *path, struct strbuf *notice, struct strbuf *error)
{
    spare_statistics();
    struct history *history = must_alloc(sizeof *history);
    history->path = must_copy(path, strlen(path));
    history->lock_fd = -1;
    history->json = json_maker_open(error);
    int code = history->json ? history_connect(history, notice, error) : SQLITE_NOMEM;
    if (code == SQLITE_FULL && look_for(path) == FOUND_NOTHING) {
        strbuf_printf(notice, "%s%s: no room for a new history: it begins in memory", notice->len > 0 ? "; " : "",
                      path);
        strbuf_clear(error);
    } else if (code != SQLITE_OK) {
        history_close(history);
        history = NULL;
    }
    return history;
}

void history_close(struct history *history)
{
    if (!history)
        return;
    history_disconnect(history);
    history_unlock(history);
    json_maker_free(history->json);
    batch_free(&history->batch);
    for (size_t i = 0; i < history->state_count; i++) {
        free(history->states[i].key);
        strbuf_free(&history->states[i].value);
    }
    free(history->states);
    free(history->sources);
    strbuf_free(&history->scratch);
    strbuf_free(&history->notice);
    free(history->path);
    free(history);
}

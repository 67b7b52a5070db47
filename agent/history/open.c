/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budgets.h"
#include "defend.h"
#include "history_private.h"
#include "reader.h"
#include "schema.h"

/* How long a lock is waited for. At the start nobody waits for the agent; later the loop has lines to read, and tries again. */
enum { OPEN_BUSY_MS = 2000, COMMIT_BUSY_MS = 50 };

/* A database of at most so many pages (2 MB) is checked as a whole at the start, which takes a few milliseconds. */
enum { FULL_CHECK_PAGES = 512 };

static bool is_corruption(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

int history_note_result(struct history *history, int code)
{
    if (is_corruption(code))
        history->corrupt = "damage was found while it was in use";
    return code & 0xff;
}

int history_run_statement(struct history *history, enum sql sql)
{
    sqlite3_stmt *statement = history->statements[sql];
    if (sql == SQL_BEGIN)
        defend_without_limit(history->db);
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return history_note_result(history, code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code);
}

/* For "a/b/c/history.db" the directories a, a/b and a/b/c, which only the agent's user may enter. */
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
        const char *stranger = history_stranger(&status);
        /* Somebody named a file of another kind, which is left alone; or wrote it over a history, and then it is moved aside. */
        if (!stranger && !history_was_here(path))
            stranger = history_stranger_text(path);
        if (stranger)
            strbuf_printf(error, "%s: %s", path, stranger);
        return stranger ? SQLITE_MISMATCH : SQLITE_OK;
    }
    if (errno != ENOENT) {
        strbuf_printf(error, "%s: %s", path, strerror(errno));
        return SQLITE_CANTOPEN;
    }
    return make_parents(path, error);
}

/* Whether the first row of a query begins with this text. */
static int compare_text(sqlite3 *db, const char *query, const char *text, bool *equal)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, query, -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *found = (const char *)sqlite3_column_text(statement, 0);
        *equal = found && strcmp(found, text) == 0;
    }
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

void history_keep_wal(sqlite3 *db)
{
    int persist = 1;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
}

static int set_journal(sqlite3 *db, struct strbuf *notice)
{
    bool wal = false;
    int code = compare_text(db, "PRAGMA journal_mode = WAL", "wal", &wal);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, sql_set_wal, NULL, NULL, NULL);
    if (code == SQLITE_OK && !wal) {
        strbuf_puts(notice, "the history's file system has no WAL mode: commits are slower and wait for readers");
        code = sqlite3_exec(db, sql_set_no_wal, NULL, NULL, NULL);
    }
    history_keep_wal(db);
    return code;
}

int history_prepare(struct history *history, enum sql sql)
{
    sqlite3_stmt **statement = &history->statements[sql];
    if (*statement)
        return SQLITE_OK;
    return history_note_result(
        history, sqlite3_prepare_v3(history->db, sql_texts[sql], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL));
}

static int prepare_statements(struct history *history)
{
    int code = SQLITE_OK;
    history->edited_version = -1; /* it is another connection */
    for (int i = 0; code == SQLITE_OK && i < SQL_PREPARED_LATER; i++)
        code =
            sqlite3_prepare_v3(history->db, sql_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &history->statements[i], NULL);
    return code;
}

/*
 * To check a ten-year history as a whole would take seconds. Opening has read the header and the schema; of a large database only
 * the edges of every tree are read beside them. Damage elsewhere shows when a statement comes across it.
 */
static int check_integrity(sqlite3 *db)
{
    int64_t pages = 0;
    bool well = true;
    int code = sql_read_number(db, "PRAGMA page_count", &pages);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, sql_check_edges, NULL, NULL, NULL);
    if (code == SQLITE_OK && pages <= FULL_CHECK_PAGES)
        code = compare_text(db, "PRAGMA quick_check(1)", "ok", &well);
    return well ? code : SQLITE_CORRUPT;
}

int history_read_sequences(struct history *history)
{
    const int64_t IDS_MOST = (int64_t)1 << 53;
    sqlite3_stmt *statement = history->statements[SQL_GET_SEQUENCES];
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        int64_t id = sqlite3_column_int64(statement, 1), *last = NULL;
        if (name && strcmp(name, "timeline") == 0)
            last = &history->last_fact;
        else if (name && strcmp(name, "notification") == 0)
            last = &history->last_message;
        else if (name && strcmp(name, "outbox") == 0)
            last = &history->last_outbox;
        if (last && id > IDS_MOST) {
            sqlite3_reset(statement);
            return SQLITE_CORRUPT;
        }
        if (last && id > *last)
            *last = id;
    }
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

void history_read_past(struct history *history, struct strbuf *past)
{
    sqlite3_stmt *statement = history->statements[SQL_GET_PAST];
    strbuf_clear(past);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        strbuf_puts(past, (const char *)sqlite3_column_text(statement, 0));
    sqlite3_reset(statement);
}

void history_disconnect(struct history *history)
{
    history_wait_checkpoint(history);
    for (int i = 0; i < SQL_STATEMENTS; i++) {
        sqlite3_finalize(history->statements[i]);
        history->statements[i] = NULL;
    }
    sqlite3_close(history->db);
    history->db = NULL;
    history->place = HISTORY_IN_MEMORY;
}

/* Retention gives free pages back to the file system in small steps. SQLite takes this setting only before the first table. */
static int set_vacuum(sqlite3 *db)
{
    int64_t pages = 0;
    int code = sql_read_number(db, "PRAGMA page_count", &pages);
    return code == SQLITE_OK && pages == 0 ? sqlite3_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL)
                                           : code;
}

enum found { FOUND_NOTHING, FOUND_EMPTY, FOUND_BYTES };

/* An empty file is what a power cut or a shell's `>` leaves of a history. SQLite takes it for a new database without a word. */
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
    return (code & 0xff) == SQLITE_FULL ||
           (code != SQLITE_OK && (cause == ENOSPC || cause == EDQUOT || cause == EFBIG));
}

/* There was no room for all of a new database. Nothing of it may stay, so that the next attempt begins with no file again. */
static void remove_unfinished(const char *path)
{
    struct strbuf name = { 0 };
    for (int i = 0; i < HISTORY_FILES; i++) {
        strbuf_clear(&name);
        strbuf_printf(&name, "%s%s", path, history_suffixes[i]);
        unlink(name.at);
    }
    strbuf_free(&name);
}

static int open_file(struct history *history, struct strbuf *notice, struct strbuf *why)
{
    int code = sqlite3_open_v2(history->path, &history->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK && sqlite3_db_readonly(history->db, "main") == 1) {
        strbuf_puts(why, "may not be written");
        code = SQLITE_READONLY;
    }
    if (code == SQLITE_OK)
        code = defend_connection(history->db);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(history->db, OPEN_BUSY_MS);
        defend_limit_cpu(history->db, HISTORY_OPEN_CPU_MS);
        code = schema_load(history->db, why);
    }
    if (code == SQLITE_OK)
        code = set_vacuum(history->db);
    if (code == SQLITE_OK)
        history_keep_old(history, notice);
    if (code == SQLITE_OK)
        code = schema_migrate(history->db, why);
    if (code == SQLITE_OK)
        code = set_journal(history->db, notice);
    if (code == SQLITE_OK)
        code = prepare_statements(history);
    if (code == SQLITE_OK)
        code = check_integrity(history->db);
    if (code == SQLITE_OK)
        code = history_read_sequences(history);
    return code;
}

/* Which budget a file was beyond, if that is why it cannot be opened. None of them is reached by what the agent wrote. */
static const char *beyond_budget(int code)
{
    switch (code & 0xff) {
    case SQLITE_INTERRUPT: return "it needs too much time to open";
    case SQLITE_TOOBIG: return "a value or the schema in it is too long";
    case SQLITE_NOMEM: return "it needs too much memory to open";
    default: return NULL;
    }
}

static int open_once(struct history *history, struct strbuf *notice, struct strbuf *why)
{
    enum found found = look_for(history->path);
    int code = open_file(history, notice, why);
    if (code == SQLITE_OK) {
        history->place = HISTORY_ON_DISK;
        defend_without_limit(history->db);
        sqlite3_busy_timeout(history->db, COMMIT_BUSY_MS);
        sqlite3_wal_hook(history->db, history_note_wal, history);
        if (found == FOUND_EMPTY)
            strbuf_printf(notice, "%s%s: the history is empty, without even a header: a new one is begun",
                          notice->len > 0 ? "; " : "", history->path);
        return code;
    }
    const char *beyond = beyond_budget(code);
    if (beyond) {
        strbuf_clear(why);
        strbuf_puts(why, beyond);
        code = SQLITE_CORRUPT;
    } else if (why->len == 0) {
        strbuf_puts(why, history->db ? sqlite3_errmsg(history->db) : sqlite3_errstr(code));
    }
    if (is_full(history->db, code))
        code = SQLITE_FULL;
    history_disconnect(history);
    if (code == SQLITE_FULL && found != FOUND_BYTES)
        remove_unfinished(history->path);
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
            code = history_move_aside(history, why.at, notice, error);
            if (code == SQLITE_OK) {
                strbuf_clear(&why);
                code = open_once(history, notice, &why);
            }
        }
        if (code != SQLITE_OK && why.len > 0 && error->len == 0)
            strbuf_printf(error, "%s: %s", history->path, why.at);
        else if (unlocked.len > 0)
            strbuf_printf(notice, "%s%s", notice->len > 0 ? "; " : "", unlocked.at);
    }
    strbuf_free(&unlocked);
    strbuf_free(&why);
    return code;
}

void history_connect_read_only(struct history *history)
{
    struct strbuf ignored = { 0 };
    history->db = reader_open(history->path, &ignored);
    if (history->db && prepare_statements(history) == SQLITE_OK && history_read_sequences(history) == SQLITE_OK)
        history->place = HISTORY_READ_ONLY;
    else
        history_disconnect(history);
    strbuf_free(&ignored);
}

/* The history cannot be written now, and later perhaps it can. What an earlier run stored is used, if it can be read. */
static void begin_without_file(struct history *history, struct strbuf *notice, struct strbuf *error)
{
    bool is_new = look_for(history->path) == FOUND_NOTHING;
    history_connect_read_only(history);
    if (history->db)
        history_read_past(history, &history->past);
    strbuf_printf(notice, "%s%s: %s", notice->len > 0 ? "; " : "", strbuf_text(error),
                  is_new ? "no room for a new history: it begins in memory"
                         : "the history is kept in memory until it can be written");
    strbuf_clear(error);
}

struct history *history_open(const char *path, struct strbuf *notice, struct strbuf *error)
{
    /*
     * SQLite counts its memory under a lock at each allocation, which costs a catch-up 5 %, and nobody asks for the counts. SQLite
     * refuses this setting once it is in use; then it is only slower.
     */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    struct history *history = must_alloc(sizeof *history);
    history->path = must_copy(path, strlen(path));
    history->lock_fd = -1;
    int code = history_connect(history, notice, error);
    enum history_status status = history_status_of(code);
    if (code == SQLITE_OK) {
        history->owned = true;
    } else if (code != HELD_BY_AGENT && (status == HISTORY_FULL || status == HISTORY_BUSY)) {
        begin_without_file(history, notice, error);
    } else {
        history_close(history);
        history = NULL;
    }
    return history;
}

bool history_on_disk(const struct history *history)
{
    return history->place == HISTORY_ON_DISK;
}

void history_close(struct history *history)
{
    if (!history)
        return;
    history_disconnect(history);
    history_unlock(history);
    batch_free(&history->batch);
    for (size_t i = 0; i < history->state_count; i++) {
        free(history->states[i].key);
        strbuf_free(&history->states[i].value);
    }
    free(history->states);
    free(history->sources);
    history_free_witnesses(history);
    strbuf_free(&history->scratch);
    strbuf_free(&history->notice);
    strbuf_free(&history->damage);
    strbuf_free(&history->past);
    free(history->path);
    free(history);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/budgets.h"
#include "defend.h"
#include "history_private.h"
#include "schema.h"

/* Longer than the agent's longest transaction: a person rather waits than reads "locked". */
enum { READER_BUSY_MS = 2000 };

/*
 * For a WAL without its index (-shm), which SQLite may make neither: in this locking mode it builds the index in its own memory, and writes
 * nothing (https://www.sqlite.org/wal.html#noshm). Without this option it would move the WAL into the database and remove it when the
 * connection is closed.
 */
static int keep_to_itself(sqlite3 *db)
{
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return code == SQLITE_OK ? sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL) : code;
}

/* Returns a SQLite result code; the caller closes *db in any case. */
static int reader_connect(const char *name, int flags, bool is_alone, sqlite3 **db, struct strbuf *why)
{
    int code = sqlite3_open_v2(name, db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = defend_connection(*db);
    if (code == SQLITE_OK && is_alone)
        code = keep_to_itself(*db);
    if (code != SQLITE_OK) {
        strbuf_printf(why, "cannot open the history: %s", *db ? sqlite3_errmsg(*db) : sqlite3_errstr(code));
        return code;
    }
    sqlite3_busy_timeout(*db, READER_BUSY_MS);
    defend_limit_cpu(*db, HISTORY_READER_CPU_MS);
    code = schema_load(*db, why);
    return code == SQLITE_OK ? schema_check(*db, why) : code;
}

/* "file:/var/lib/a%20b/history.db?immutable=1" */
static int connect_by_uri(const char *path, const char *parameters, bool is_alone, sqlite3 **db, struct strbuf *why)
{
    struct strbuf uri = { 0 };
    strbuf_puts(&uri, "file:");
    for (const char *at = path; *at; at++)
        strbuf_printf(&uri, strchr("%?# ", *at) ? "%%%02x" : "%c", *at);
    strbuf_puts(&uri, parameters);
    int code = reader_connect(uri.at, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, is_alone, db, why);
    strbuf_free(&uri);
    return code;
}

/*
 * For a reader that may write neither the files nor their directory, while no agent writes. It takes no locks: of a database without a WAL
 * SQLite is told that it does not change, and one with a WAL is opened by the file system that does not lock
 * (https://www.sqlite.org/vfs.html). An agent that starts meanwhile is not seen by this connection, see reader_is_frozen.
 */
static int connect_beside(const char *path, sqlite3 **db, struct strbuf *why)
{
    struct stat status;
    struct strbuf wal = { 0 };
    sqlite3_close(*db);
    *db = NULL;
    strbuf_clear(why);
    strbuf_printf(&wal, "%s-wal", path);
    bool has_wal = stat(wal.at, &status) == 0 && status.st_size > 0;
    strbuf_free(&wal);
    return connect_by_uri(path, has_wal ? "?vfs=unix-none" : "?immutable=1", has_wal, db, why);
}

static bool is_refused(int code)
{
    return (code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY;
}

static struct sqlite3 *open_with(const char *path, int flags, struct strbuf *error)
{
    struct stat status;
    struct strbuf why = { 0 };
    sqlite3 *db = NULL;
    if (stat(path, &status) != 0) {
        strbuf_printf(error, "%s: %s", path, errno == ENOENT ? "no history here yet" : strerror(errno));
        return NULL;
    }
    const char *stranger = history_stranger(&status); /* opening a pipe would wait for its other end */
    if (!stranger && status.st_size == 0)
        stranger = "is empty: there is no history in it yet";
    if (stranger) {
        strbuf_printf(error, "%s: %s", path, stranger);
        return NULL;
    }
    int code = reader_connect(path, flags, false, &db, &why);
    if (is_refused(code) && flags == SQLITE_OPEN_READONLY && history_lock_is_free(path))
        code = connect_beside(path, &db, &why);
    if ((code & 0xff) == SQLITE_NOTADB) {
        sqlite3_close(db);
        db = NULL;
        stranger = history_stranger_text(path);
        if (stranger) {
            strbuf_clear(&why);
            strbuf_puts(&why, stranger);
        }
    }
    if (code == SQLITE_OK && flags == SQLITE_OPEN_READWRITE && sqlite3_db_readonly(db, "main") == 1) {
        strbuf_puts(&why, "may not be written");
        code = SQLITE_READONLY;
    }
    if (code != SQLITE_OK) {
        strbuf_printf(error, "%s: %s", path, why.len ? why.at : sqlite3_errstr(code));
        sqlite3_close(db);
        db = NULL;
    }
    strbuf_free(&why);
    return db;
}

struct sqlite3 *reader_open(const char *path, struct strbuf *error)
{
    return open_with(path, SQLITE_OPEN_READONLY, error);
}

bool reader_is_frozen(sqlite3 *db)
{
    const char *name = sqlite3_db_filename(db, "main");
    return !name || sqlite3_uri_boolean(name, "immutable", 0) || sqlite3_uri_parameter(name, "vfs");
}

bool reader_look_again(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    defend_limit_cpu(db, HISTORY_READER_CPU_MS);
    bool is_ours = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int64(statement, 0) == SCHEMA_VERSION;
    sqlite3_finalize(statement);
    return is_ours;
}

struct sqlite3 *editor_open(const char *path, struct strbuf *error)
{
    sqlite3 *db = open_with(path, SQLITE_OPEN_READWRITE, error);
    if (db)
        history_keep_wal(db);
    return db;
}

int64_t reader_number(sqlite3_stmt *row, int column)
{
    int64_t number = sqlite3_column_int64(row, column);
    return number < HISTORY_NUMBER_MIN ? HISTORY_NUMBER_MIN : number > HISTORY_NUMBER_MAX ? HISTORY_NUMBER_MAX : number;
}

const char *reader_text(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/budgets.h"
#include "defend.h"
#include "history_private.h"
#include "schema.h"

/* Longer than the agent's longest transaction: a person rather waits than reads "locked". */
enum { READER_BUSY_MS = 2000 };

/* Returns a SQLite result code; the caller closes *db in any case. */
static int reader_connect(const char *name, int flags, sqlite3 **db, struct strbuf *why)
{
    int code = sqlite3_open_v2(name, db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = defend_connection(*db);
    if (code != SQLITE_OK) {
        strbuf_printf(why, "cannot open the history: %s", *db ? sqlite3_errmsg(*db) : sqlite3_errstr(code));
        return code;
    }
    sqlite3_busy_timeout(*db, READER_BUSY_MS);
    defend_limit_cpu(*db, HISTORY_READER_CPU_MS);
    code = schema_load(*db, why);
    return code == SQLITE_OK ? schema_check(*db, why) : code;
}

/* "file:/var/lib/a%20b/history.db?immutable=1": SQLite then neither locks the file nor looks for a WAL. */
static int connect_immutable(const char *path, sqlite3 **db, struct strbuf *why)
{
    struct strbuf uri = { 0 };
    strbuf_puts(&uri, "file:");
    for (const char *at = path; *at; at++)
        strbuf_printf(&uri, strchr("%?# ", *at) ? "%%%02x" : "%c", *at);
    strbuf_puts(&uri, "?immutable=1");
    int code = reader_connect(uri.at, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, db, why);
    strbuf_free(&uri);
    return code;
}

/* Copies path and suffix into the directory, as "history.db" and suffix. False if it is not there or cannot be copied. */
static bool copy_into(const char *directory, const char *path, const char *suffix)
{
    char block[1 << 16];
    ssize_t len = -1;
    struct stat status;
    struct strbuf from = { 0 }, to = { 0 };
    strbuf_printf(&from, "%s%s", path, suffix);
    strbuf_printf(&to, "%s/history.db%s", directory, suffix);
    int in = open(from.at, O_RDONLY | O_CLOEXEC), out = open(to.at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (in >= 0 && out >= 0 && fstat(in, &status) == 0 && status.st_size <= HISTORY_COPY_MAX_BYTES)
        while ((len = read(in, block, sizeof block)) > 0)
            if (write(out, block, (size_t)len) != len) {
                len = -1;
                break;
            }
    close(in);
    close(out);
    strbuf_free(&from);
    strbuf_free(&to);
    return len == 0;
}

/*
 * SQLite needs an index of the WAL (-shm) to read it. Where there is none and none may be made, the two files are copied to a directory
 * of our own and read there. SQLite keeps its files open, so that the copies are removed at once.
 */
static int connect_copy(const char *path, sqlite3 **db, struct strbuf *why)
{
    const char *parent = getenv("TMPDIR");
    struct strbuf directory = { 0 }, name = { 0 };
    int code = SQLITE_CANTOPEN;
    strbuf_printf(&directory, "%s/agent-history.XXXXXX", parent && *parent ? parent : "/tmp");
    if (!mkdtemp(directory.at)) {
        strbuf_printf(why, "cannot make a directory for a copy of the history: %s", strerror(errno));
        strbuf_free(&directory);
        return code;
    }
    strbuf_printf(&name, "%s/history.db", directory.at);
    if (copy_into(directory.at, path, "") && copy_into(directory.at, path, "-wal"))
        code = reader_connect(name.at, SQLITE_OPEN_READWRITE, db, why);
    else
        strbuf_printf(why, "cannot copy the history and its write-ahead log to %s", directory.at);
    if (code == SQLITE_OK)
        code = sqlite3_exec(*db, "PRAGMA query_only = ON; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    for (int i = 0; i < HISTORY_FILES; i++) {
        strbuf_clear(&name);
        strbuf_printf(&name, "%s/history.db%s", directory.at, history_suffixes[i]);
        unlink(name.at);
    }
    rmdir(directory.at);
    strbuf_free(&directory);
    strbuf_free(&name);
    return code;
}

/* For a reader that may write neither the files nor their directory. */
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
    return has_wal ? connect_copy(path, db, why) : connect_immutable(path, db, why);
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
    int code = reader_connect(path, flags, &db, &why);
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

/* A history that nobody wrote when it was opened: SQLite was told that it does not change, or it is a copy that has no name any more. */
static bool is_frozen(sqlite3 *db)
{
    struct stat status;
    const char *name = sqlite3_db_filename(db, "main");
    return !name || sqlite3_uri_boolean(name, "immutable", 0) || stat(name, &status) != 0;
}

bool reader_look_again(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    if (is_frozen(db))
        return false;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "schema.h"

/* Longer than the agent's longest transaction: a person waits rather than sees "locked". */
enum { READER_BUSY_MS = 2000 };

static int version_read(sqlite3 *db, int *version)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        *version = sqlite3_column_int(statement, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

static int version_check(sqlite3 *db, const char *path, struct strbuf *error)
{
    int version = 0;
    int code = version_read(db, &version);
    if (code != SQLITE_OK) {
        strbuf_printf(error, "%s: cannot read the history: %s", path, sqlite3_errmsg(db));
    } else if (version > SCHEMA_VERSION) {
        strbuf_printf(error, "%s: database version %d is newer than this agent's %d", path, version, SCHEMA_VERSION);
        code = SQLITE_MISMATCH;
    } else if (version < SCHEMA_VERSION) {
        strbuf_printf(error, "%s: database version %d is older than this agent's %d: `agent run` migrates it", path,
                      version, SCHEMA_VERSION);
        code = SQLITE_MISMATCH;
    }
    return code;
}

static struct sqlite3 *open_with(const char *path, int flags, struct strbuf *error)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        strbuf_printf(error, "%s: %s", path, errno == ENOENT ? "no history here yet" : strerror(errno));
        return NULL;
    }
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        strbuf_printf(error, "%s: cannot open the history: %s", path, db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
    } else {
        sqlite3_busy_timeout(db, READER_BUSY_MS);
        code = version_check(db, path, error);
    }
    if (code != SQLITE_OK) {
        sqlite3_close(db);
        db = NULL;
    }
    return db;
}

struct sqlite3 *reader_open(const char *path, struct strbuf *error)
{
    return open_with(path, SQLITE_OPEN_READONLY, error);
}

struct sqlite3 *editor_open(const char *path, struct strbuf *error)
{
    struct sqlite3 *db = open_with(path, SQLITE_OPEN_READWRITE, error);
    if (db && sqlite3_db_readonly(db, "main") == 1) {
        strbuf_printf(error, "%s: may not be written", path);
        sqlite3_close(db);
        db = NULL;
    }
    return db;
}

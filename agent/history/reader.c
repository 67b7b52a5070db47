/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "base/budgets.h"
#include "defend.h"
#include "schema.h"

/* Longer than the agent's longest transaction: a person rather waits than reads "locked". */
enum { READER_BUSY_MS = 2000 };

static struct sqlite3 *open_with(const char *path, int flags, struct strbuf *error)
{
    struct stat status;
    struct strbuf why = { 0 };
    sqlite3 *db = NULL;
    if (stat(path, &status) != 0) {
        strbuf_printf(error, "%s: %s", path, errno == ENOENT ? "no history here yet" : strerror(errno));
        return NULL;
    }
    int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        strbuf_printf(&why, "cannot open the history: %s", db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
    } else {
        sqlite3_busy_timeout(db, READER_BUSY_MS);
        defend_limit_cpu(db, HISTORY_READER_CPU_MS);
        code = defend_connection(db);
        code = code == SQLITE_OK ? schema_check(db, &why) : code;
    }
    if (code == SQLITE_OK && (flags & SQLITE_OPEN_READWRITE) && sqlite3_db_readonly(db, "main") == 1) {
        strbuf_puts(&why, "may not be written");
        code = SQLITE_READONLY;
    }
    if (code != SQLITE_OK) {
        strbuf_printf(error, "%s: %s", path, why.at);
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

struct sqlite3 *editor_open(const char *path, struct strbuf *error)
{
    return open_with(path, SQLITE_OPEN_READWRITE, error);
}

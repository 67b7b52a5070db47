/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/budgets.h"
#include "history_private.h"
#include "schema.h"

/*
 * Before a history is brought to a newer version, it is copied beside itself, so that the agent that wrote it can be installed again. One copy is
 * kept, the newest: history.db.version-6. It is complete under that name:
 *   1. the copies of earlier versions and what an earlier attempt left are removed, to have the room for this one;
 *   2. the copy is made as history.db.version-6.part, by SQLite, so that what is in the write-ahead log is in it;
 *   3. it is renamed, and only when the new name is on the disk, too, the history is changed.
 * A copy that cannot be made keeps nobody from the new version; that it was not made is said.
 */
static const char suffix[] = ".version-", unfinished[] = ".part";

static bool is_kept_copy(const char *name, const char *of)
{
    size_t len = strlen(of);
    return strncmp(name, of, len) == 0 && strncmp(name + len, suffix, strlen(suffix)) == 0;
}

/* Removes all copies of the history at path. */
static void remove_copies(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct strbuf folder = { 0 }, copy = { 0 };
    strbuf_add(&folder, path, (size_t)(name - path));
    strbuf_puts(&folder, ".");
    DIR *directory = opendir(strbuf_text(&folder));
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!is_kept_copy(entry->d_name, name))
            continue;
        strbuf_clear(&copy);
        strbuf_add(&copy, path, (size_t)(name - path));
        strbuf_puts(&copy, entry->d_name);
        unlink(strbuf_text(&copy));
    }
    if (directory)
        closedir(directory);
    strbuf_free(&copy);
    strbuf_free(&folder);
}

/* The folder of the history at path, which the caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? must_copy(path, (size_t)(slash - path) + 1) : must_copy(".", 1);
}

/* Why a copy of so many bytes may not be made; NULL: it may. As much again stays free. */
static const char *refuse_copy(const char *path, int64_t bytes)
{
    struct statvfs fs;
    char *folder = folder_of(path);
    bool is_known = statvfs(folder, &fs) == 0;
    free(folder);
    if (bytes > HISTORY_KEPT_MAX_BYTES)
        return "it is too large for a copy";
    return is_known && (int64_t)(fs.f_bavail * fs.f_frsize) / 2 < bytes ? "there is no room for a copy" : NULL;
}

static int write_copy(sqlite3 *db, const char *path)
{
    sqlite3 *copy = NULL;
    int code = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_backup *backup = code == SQLITE_OK ? sqlite3_backup_init(copy, "main", db, "main") : NULL;
    if (backup) {
        sqlite3_backup_step(backup, -1);
        code = sqlite3_backup_finish(backup);
    } else if (code == SQLITE_OK) {
        code = sqlite3_errcode(copy);
    }
    sqlite3_close(copy);
    return code;
}

/* Writes the folder's entries to the disk. Returns 0 or -1 with errno. */
static int sync_folder(const char *path)
{
    char *folder = folder_of(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0)
        return -1;
    int result = fsync(fd), error = errno;
    if (result != 0 && error == EINVAL) /* fsync(2): this file system has no such request for a folder */
        result = 0;
    close(fd);
    errno = error;
    return result;
}

/* Returns why it failed; NULL: it is there, under its name. */
static const char *copy_to(sqlite3 *db, const char *path, const char *target)
{
    struct strbuf part = { 0 };
    const char *why = NULL;
    struct stat status;
    strbuf_printf(&part, "%s%s", target, unfinished);
    int code = write_copy(db, strbuf_text(&part));
    if (code != SQLITE_OK)
        why = sqlite3_errstr(code);
    else if ((stat(path, &status) == 0 && chmod(strbuf_text(&part), status.st_mode & 0777) != 0) ||
             rename(strbuf_text(&part), target) != 0 || sync_folder(path) != 0)
        why = strerror(errno);
    if (why)
        unlink(strbuf_text(&part));
    strbuf_free(&part);
    return why;
}

static int64_t size_in_bytes(sqlite3 *db)
{
    int64_t pages = 0, page_bytes = 0;
    if (sql_read_number(db, "PRAGMA page_count", &pages) != SQLITE_OK ||
        sql_read_number(db, "PRAGMA page_size", &page_bytes) != SQLITE_OK)
        return INT64_MAX;
    return pages * page_bytes;
}

void history_keep_old(struct history *history, struct strbuf *notice)
{
    int64_t version = 0;
    struct strbuf target = { 0 };
    if (sql_read_number(history->db, "PRAGMA user_version", &version) != SQLITE_OK || version <= 0 ||
        version >= SCHEMA_VERSION || !schema_is_ours(history->db))
        return;
    strbuf_printf(&target, "%s%s%" PRId64, history->path, suffix, version);
    remove_copies(history->path);
    const char *why = refuse_copy(history->path, size_in_bytes(history->db));
    if (!why)
        why = copy_to(history->db, history->path, strbuf_text(&target));
    strbuf_printf(notice, "%s%s: ", notice->len > 0 ? "; " : "", history->path);
    if (why)
        strbuf_printf(notice, "brought to version %d; the old history of version %" PRId64 " is not kept: %s",
                      SCHEMA_VERSION, version, why);
    else
        strbuf_printf(notice, "brought to version %d; the old history is kept as %s", SCHEMA_VERSION,
                      strbuf_text(&target));
    strbuf_free(&target);
}

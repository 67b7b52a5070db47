/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "look.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "reader.h"

enum { VERSION_BITS = 32 };

static struct look_file look_file_read(const char *path, const char *suffix)
{
    struct stat status;
    struct strbuf name = { 0 };
    struct look_file file = { 0 };
    strbuf_printf(&name, "%s%s", path, suffix);
    if (stat(name.at, &status) == 0)
        file = (struct look_file){ true, status.st_dev, status.st_ino, status.st_size, status.st_mtim };
    strbuf_free(&name);
    return file;
}

static bool is_same_file(const struct look_file *one, const struct look_file *other)
{
    return one->is_there && other->is_there && one->device == other->device && one->inode == other->inode;
}

static bool is_unwritten(const struct look_file *before, const struct look_file *now)
{
    if (!before->is_there && !now->is_there)
        return true;
    return is_same_file(before, now) && before->size == now->size && before->written.tv_sec == now->written.tv_sec &&
           before->written.tv_nsec == now->written.tv_nsec;
}

static bool sees_what_is_there(struct look *look, const struct look_file *history, const struct look_file *wal)
{
    if (!is_same_file(&look->history, history))
        return false;
    return !reader_is_frozen(look->db) || (is_unwritten(&look->history, history) && is_unwritten(&look->wal, wal));
}

struct sqlite3 *look_at(struct look *look, const char *path, struct strbuf *error)
{
    struct look_file history = look_file_read(path, ""), wal = look_file_read(path, "-wal");
    if (look->db && sees_what_is_there(look, &history, &wal) && reader_look_again(look->db))
        return look->db;
    look_close(look);
    look->db = reader_open(path, error);
    if (!look->db)
        return NULL;
    look->history = history;
    look->wal = wal;
    look->opened++;
    return look->db;
}

/* PRAGMA data_version tells apart what one connection saw (https://www.sqlite.org/pragma.html#pragma_data_version). */
int64_t look_version(const struct look *look)
{
    sqlite3_stmt *statement = NULL;
    int64_t version = 0;
    if (look->db && sqlite3_prepare_v2(look->db, "PRAGMA data_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = look->opened << VERSION_BITS | (int64_t)(uint32_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return version;
}

void look_close(struct look *look)
{
    sqlite3_close(look->db);
    look->db = NULL;
}

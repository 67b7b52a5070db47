/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "look.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "reader.h"

enum { VERSION_BITS = 32 };

struct sqlite3 *look_at(struct look *look, const char *path, struct strbuf *error)
{
    struct stat status;
    bool is_there = stat(path, &status) == 0;
    if (look->db && is_there && status.st_dev == look->device && status.st_ino == look->inode &&
        reader_look_again(look->db))
        return look->db;
    look_close(look);
    look->db = reader_open(path, error);
    if (!look->db)
        return NULL;
    look->device = is_there ? status.st_dev : 0;
    look->inode = is_there ? status.st_ino : 0;
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

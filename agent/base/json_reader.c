/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sqlite3.h>

#include "base/json.h"

/* In a file of its own, so that a program that only writes JSON needs no SQLite. */
struct sqlite3 *json_reader_open(void)
{
    sqlite3 *reader = NULL;
    if (sqlite3_open_v2(":memory:", &reader, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        sqlite3_close(reader);
        reader = NULL;
    }
    return reader;
}

bool json_is_valid(const char *text)
{
    sqlite3 *reader = json_reader_open();
    sqlite3_stmt *row = NULL;
    bool valid = reader && sqlite3_prepare_v2(reader, "SELECT json_valid(?1)", -1, &row, NULL) == SQLITE_OK &&
                 sqlite3_bind_text(row, 1, text, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(row) == SQLITE_ROW &&
                 sqlite3_column_int(row, 0) != 0;
    sqlite3_finalize(row);
    sqlite3_close(reader);
    return valid;
}

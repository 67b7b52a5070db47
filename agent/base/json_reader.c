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

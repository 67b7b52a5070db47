/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "defend.h"

#include <sqlite3.h>
#include <stddef.h>

#include "base/budgets.h"
#include "base/clock.h"

/* The processor's time is looked at once in so many instructions of SQLite, which take about a millisecond. */
enum { INSTRUCTIONS_PER_LOOK = 20000 };

int defend_connection(sqlite3 *db)
{
    static const struct {
        int option, value;
    } options[] = {
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },      { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
        { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 }, { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
        { SQLITE_DBCONFIG_DQS_DDL, 0 },        { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int code = sqlite3_db_config(db, options[i].option, options[i].value, NULL);
        if (code != SQLITE_OK)
            return code;
    }
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, HISTORY_VALUE_MAX_BYTES);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, HISTORY_SCHEMA_MAX_BYTES);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    return sqlite3_exec(db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", NULL, NULL, NULL);
}

/* The end is a number in the place of a pointer: a connection that its user closes with sqlite3_close can own no memory of ours. */
static int is_beyond_limit(void *end_ms)
{
    return clock_thread_cpu_ms() > (int64_t)(intptr_t)end_ms;
}

void defend_limit_cpu(sqlite3 *db, int64_t cpu_ms)
{
    sqlite3_progress_handler(db, INSTRUCTIONS_PER_LOOK, is_beyond_limit,
                             (void *)(intptr_t)(clock_thread_cpu_ms() + cpu_ms));
}

void defend_without_limit(sqlite3 *db)
{
    sqlite3_progress_handler(db, 0, NULL, NULL);
}

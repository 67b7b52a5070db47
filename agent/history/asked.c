/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/budgets.h"
#include "defend.h"
#include "history_private.h"
#include "reader.h"

/* What people ask for with `agent ack` and `agent silence`: those commands write it, and the agent only reads it. */

enum { CLOCK_BACK_MS = 24 * 60 * 60 * 1000 }; /* a silence that ended is in force again where the clock is set back */

/* SQLite counts the commits of other connections for this one. The checkpoint's thread is another connection too, which does no harm. */
bool history_was_edited(struct history *history)
{
    int64_t version = -1;
    if (!history->db)
        return false;
    sqlite3_stmt *statement = history_read_begin(history, SQL_GET_EDITED);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        version = sqlite3_column_int64(statement, 0);
    history_read_end(history, statement, code);
    bool is_edited = version != history->edited_version || version < 0;
    history->edited_version = version;
    return is_edited;
}

void history_get_acknowledgements(struct history *history,
                                  void (*take)(void *ctx, const struct acknowledgement *acknowledgement), void *ctx)
{
    int code;
    if (!history->db)
        return;
    sqlite3_stmt *statement = history_read_begin(history, SQL_GET_ACKNOWLEDGEMENTS);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        take(ctx, &(struct acknowledgement){
                      .id = reader_number(statement, 0),
                      .incident_id = reader_number(statement, 1),
                      .at_ms = reader_number(statement, 2),
                      .by = reader_text(statement, 3),
                      .note = reader_text(statement, 4),
                      .undone_ms = reader_number(statement, 5),
                      .undone_by = reader_text(statement, 6),
                  });
    history_read_end(history, statement, code);
}

static struct text_list one_glob(char **glob, sqlite3_stmt *statement, int column)
{
    *glob = (char *)(uintptr_t)reader_text(statement, column);
    return (struct text_list){ glob, sqlite3_column_type(statement, column) != SQLITE_NULL };
}

/* If the database cannot be asked, there is no silence: one page too many is better than one too few. */
void history_get_silences(struct history *history, int64_t now_ms,
                          void (*take)(void *ctx, const struct silence *silence), void *ctx)
{
    int code;
    if (!history->db)
        return;
    sqlite3_stmt *statement = history_read_begin(history, SQL_GET_SILENCES);
    sqlite3_bind_int64(statement, 1, now_ms - CLOCK_BACK_MS);
    sqlite3_bind_int(statement, 2, SILENCES_MAX);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        char *alert, *table;
        take(ctx, &(struct silence){
                      .id = reader_number(statement, 0),
                      .starts_ms = reader_number(statement, 1),
                      .ends_ms = reader_number(statement, 2),
                      .scope.alerts = one_glob(&alert, statement, 3),
                      .scope.tables = one_glob(&table, statement, 4),
                      .scope.most = strcmp(reader_text(statement, 5), severity_name(SEVERITY_CRITICAL)) == 0
                                        ? SEVERITY_CRITICAL
                                        : SEVERITY_WARNING,
                  });
    }
    history_read_end(history, statement, code);
}

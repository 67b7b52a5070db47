/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_SQL_H
#define HISTORY_SQL_H

#include <stdint.h>

struct sqlite3;

/* How many rows of cycles or of runs one statement takes where so many wait, and the values of each. */
enum { SQL_ROWS_AT_ONCE = 16, SQL_ROW_VALUES = 10 };

/* Every statement that is prepared once, as a rule when the database is opened. sql.c is the page with their texts. */
enum sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_PUT_CYCLE,
    SQL_PUT_RUN,
    SQL_PUT_ANSWER,
    SQL_PUT_INCIDENT,
    SQL_PUT_TIMELINE,
    SQL_PUT_NOTIFICATION,
    SQL_PUT_OUTBOX,
    SQL_PUT_DELIVERY,
    SQL_PUT_STATE,
    SQL_DROP_STATE,
    SQL_PUT_TABLE, /* the parts of the engine's state, in the order of enum engine_part */
    SQL_PUT_WINDOWS,
    SQL_PUT_INCIDENT_STATE,
    SQL_DROP_TABLE,
    SQL_DROP_WINDOWS,
    SQL_DROP_INCIDENT_STATE,
    SQL_PUT_SOURCE,
    SQL_CUT_SOURCES,
    SQL_PUT_WITNESS,
    SQL_CUT_WITNESSES,
    SQL_GET_STATE,
    SQL_GET_TABLE_STATES,
    SQL_GET_WINDOWS,
    SQL_GET_INCIDENT_STATES,
    SQL_GET_SOURCES,
    SQL_GET_WITNESS,
    SQL_GET_SEQUENCES,
    SQL_GET_PAST,
    SQL_GET_OUTBOX,
    SQL_GET_TOLD,
    SQL_NEXT_WEBHOOK,
    SQL_GET_NOTIFICATION,
    SQL_GET_TABLES,
    SQL_GET_SILENCES,
    SQL_GET_EDITED,
    SQL_GET_ACKNOWLEDGEMENTS,
    SQL_FIND_OUTBOX,
    SQL_GET_UNSETTLED,
    SQL_PRUNE_RUNS,
    SQL_PRUNE_CYCLES,
    SQL_PICK_INCIDENT,
    SQL_PRUNE_TIMELINE,
    SQL_PRUNE_OUTBOX,
    SQL_PRUNE_NOTIFICATIONS,
    SQL_PRUNE_ACKNOWLEDGEMENTS,
    SQL_PRUNE_INCIDENT,
    SQL_PRUNE_SILENCES,
    SQL_NOTE_LOST,
    SQL_CLOSE_LOST,
    SQL_PREPARED_LATER, /* those from here on when they are first needed: they are long, and only a backlog needs them */
    SQL_PUT_CYCLES = SQL_PREPARED_LATER,
    SQL_PUT_RUNS,
    SQL_STATEMENTS
};

extern const char *const sql_texts[SQL_STATEMENTS];

/* Statements that are run now and then, by their text. */
extern const char sql_set_wal[], sql_set_no_wal[], sql_check_edges[], sql_count_checkpoint[], sql_list_schema[],
    sql_count_names[], sql_find_active[], sql_set_state_aside[], sql_clear_starts[], sql_clear_parts[],
    sql_list_texts[];

/* Reads the one number that a query gives; *number stays as it is if it gives no row. Returns a SQLite result code. */
int sql_read_number(struct sqlite3 *db, const char *query, int64_t *number);

#endif

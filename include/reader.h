/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef READER_H
#define READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

struct sqlite3;
struct sqlite3_stmt;

/*
 * A read-only connection to a history, for commands that look at it while the agent runs. Close it with sqlite3_close. Open a new one
 * for each look, or see reader_look_again: while a transaction is open the write-ahead log grows, and after HISTORY_READER_CPU_MS of
 * processor time all statements end with SQLITE_INTERRUPT. It works for a user who may only read the files, too. Returns NULL if there is no history, if it
 * cannot be read, or if its version is not this agent's, with the reason in *error.
 */
struct sqlite3 *reader_open(const char *path, struct strbuf *error);

/*
 * For who keeps a connection between two looks, with no statement running: gives the next look its processor time. False if the history has
 * another version by now: then close it and open a new one.
 */
bool reader_look_again(struct sqlite3 *db);

/*
 * Whether the connection sees nothing that is written after it was opened: nobody was writing then, and SQLite was told that the
 * files do not change. Who keeps such a connection has to notice when the history or its write-ahead log is another.
 */
bool reader_is_frozen(struct sqlite3 *db);

/* The same for the commands that add what a person says (a cause, a silence). It may write, but never creates a history. */
struct sqlite3 *editor_open(const char *path, struct strbuf *error);

/*
 * The columns of a row that anybody may have written. A number lies between HISTORY_NUMBER_MIN and HISTORY_NUMBER_MAX, whatever the
 * column holds. A text is never NULL, and belongs to SQLite until the statement is stepped again.
 */
int64_t reader_number(struct sqlite3_stmt *row, int column);
const char *reader_text(struct sqlite3_stmt *row, int column);

#endif

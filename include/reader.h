/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef READER_H
#define READER_H

#include "base/strbuf.h"

struct sqlite3;

/*
 * A read-only connection to a history, for the commands that look at it while the agent runs; close it with
 * sqlite3_close. Keep its transactions short: while one is open the WAL cannot be reset.
 * NULL if there is no history, it cannot be read or its version is another: why in *error.
 */
struct sqlite3 *reader_open(const char *path, struct strbuf *error);

/* The same for the commands that add a person's word to a history (a cause, a silence): it may be written, not created. */
struct sqlite3 *editor_open(const char *path, struct strbuf *error);

#endif

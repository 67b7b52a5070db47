/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_SCHEMA_H
#define HISTORY_SCHEMA_H

#include <stdbool.h>

struct sqlite3;
struct strbuf;

enum { SCHEMA_VERSION = 7 };

/*
 * To be called before anything else is asked. SQLite reads the whole schema then, and each statement in it takes thirty times its length in
 * memory. A schema of more than HISTORY_SCHEMA_MAX_BYTES is not read to its end: SQLITE_TOOBIG if it is one of the agent's histories,
 * else SQLITE_MISMATCH. Returns a SQLite result code, with the reason in *error.
 */
int schema_load(struct sqlite3 *db, struct strbuf *error);

/* True if the tables of a database have the agent's names: it need not be whole. */
bool schema_is_ours(struct sqlite3 *db);

/*
 * Brings an open database to SCHEMA_VERSION in one transaction. A newer database, and one that another program made, is refused
 * with SQLITE_MISMATCH and not changed. One of the agent's whose tables are not as the agent made them, or that has views, triggers
 * or virtual tables, is SQLITE_CORRUPT. The tables are a documented interface. Returns a SQLite result code, with the reason in
 * *error.
 */
int schema_migrate(struct sqlite3 *db, struct strbuf *error);

/* For those who only read: SQLITE_OK if the database has exactly SCHEMA_VERSION and its tables; else the reason is in *error. */
int schema_check(struct sqlite3 *db, struct strbuf *error);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_SCHEMA_H
#define HISTORY_SCHEMA_H

struct sqlite3;
struct strbuf;

enum { SCHEMA_VERSION = 2 };

/*
 * Brings an open database to SCHEMA_VERSION in one transaction; a newer one is refused. The tables are a documented
 * interface (README.md). Returns a SQLite result code, with why in *error.
 */
int schema_migrate(struct sqlite3 *db, struct strbuf *error);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORY_DEFEND_H
#define HISTORY_DEFEND_H

#include <stdint.h>

struct sqlite3;

/*
 * For every connection to a history, right after it is opened. A history may come from anybody (for a post-mortem), so SQLite is told
 * to distrust what the file says: no views, no triggers, no dangerous functions in its schema, no values beyond
 * HISTORY_VALUE_MAX_BYTES. Returns a SQLite result code.
 */
int defend_connection(struct sqlite3 *db);

/*
 * From now on the calling thread may use cpu_ms of processor time. Beyond it every statement of this connection ends with
 * SQLITE_INTERRUPT. defend_without_limit takes the limit away.
 */
void defend_limit_cpu(struct sqlite3 *db, int64_t cpu_ms);
void defend_without_limit(struct sqlite3 *db);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/strbuf.h"
#include "sql.h"

/*
 * Version 1. Three tables say AUTOINCREMENT: their ids leave the database (in deduplication keys and a sender's queue), so an id
 * must not be given a second time after retention has removed the newest row. Indexed columns are numbers that grow with time: an
 * index on text would make the inserts ten times slower.
 */
static const char version_1[] = "CREATE TABLE cycle ("
                                "  id INTEGER PRIMARY KEY,"
                                "  started_at INTEGER NOT NULL,"
                                "  ended_at INTEGER,"
                                "  duration_ms INTEGER,"
                                "  outcome TEXT NOT NULL," /* running, success, partial, failed, aborted */
                                "  tables INTEGER,"
                                "  succeeded INTEGER,"
                                "  failed INTEGER,"
                                "  timed_out INTEGER,"
                                "  rows INTEGER"
                                ");"
                                "CREATE INDEX cycle_started ON cycle (started_at);"

                                "CREATE TABLE run ("
                                "  id INTEGER PRIMARY KEY,"
                                "  cycle_id INTEGER NOT NULL,"
                                "  table_name TEXT NOT NULL,"
                                "  started_at INTEGER NOT NULL,"
                                "  ended_at INTEGER,"
                                "  duration_ms INTEGER,"
                                "  outcome TEXT NOT NULL," /* running, success, failed, timeout, aborted */
                                "  rows INTEGER,"
                                "  exit_code INTEGER,"
                                "  error TEXT"
                                ");"
                                "CREATE INDEX run_cycle ON run (cycle_id);"

                                "CREATE TABLE incident ("
                                "  id INTEGER PRIMARY KEY,"
                                "  alert TEXT NOT NULL,"
                                "  table_name TEXT,"
                                "  tables TEXT NOT NULL," /* a JSON array */
                                "  severity TEXT NOT NULL,"
                                "  state TEXT NOT NULL," /* open, resolved */
                                "  onset_at INTEGER,"
                                "  opened_at INTEGER NOT NULL,"
                                "  critical_at INTEGER,"
                                "  resolved_at INTEGER,"
                                "  verified_at INTEGER,"
                                "  escalated_at INTEGER,"
                                "  prometheus_at INTEGER,"
                                "  cause TEXT," /* a person's, as is deviations: the agent never writes them */
                                "  deviations TEXT,"
                                "  likely_cause TEXT,"
                                "  scenario TEXT,"
                                "  runbook TEXT,"
                                "  first_command TEXT,"
                                "  evidence TEXT,"
                                "  summary TEXT"
                                ");"
                                "CREATE INDEX incident_opened ON incident (opened_at);"

                                "CREATE TABLE timeline ("
                                "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                "  incident_id INTEGER NOT NULL,"
                                "  at INTEGER NOT NULL,"
                                "  kind TEXT NOT NULL,"
                                "  text TEXT NOT NULL,"
                                "  log_offset INTEGER"
                                ");"
                                "CREATE INDEX timeline_incident ON timeline (incident_id);"

                                "CREATE TABLE notification ("
                                "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                "  incident_id INTEGER NOT NULL,"
                                "  sequence INTEGER NOT NULL,"
                                "  at INTEGER NOT NULL,"
                                "  status TEXT NOT NULL," /* firing, escalated, reminder, resolved */
                                "  severity TEXT NOT NULL,"
                                "  alert TEXT NOT NULL,"
                                "  table_name TEXT,"
                                "  tables TEXT NOT NULL,"
                                "  onset_at INTEGER,"
                                "  opened_at INTEGER,"
                                "  resolved_at INTEGER,"
                                "  prometheus_at INTEGER,"
                                "  summary TEXT,"
                                "  likely_cause TEXT,"
                                "  scenario TEXT,"
                                "  first_command TEXT,"
                                "  evidence TEXT,"
                                "  escalate_to TEXT,"
                                "  silenced INTEGER NOT NULL DEFAULT 0"
                                ");"
                                "CREATE INDEX notification_incident ON notification (incident_id);"

                                "CREATE TABLE outbox ("
                                "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                "  incident_id INTEGER NOT NULL,"
                                "  notification_id INTEGER NOT NULL,"
                                "  webhook TEXT NOT NULL,"
                                "  status TEXT NOT NULL," /* pending, delivered, refused, superseded, silenced */
                                "  created_at INTEGER NOT NULL,"
                                "  attempts INTEGER NOT NULL DEFAULT 0,"
                                "  next_attempt_at INTEGER,"
                                "  delivered_at INTEGER,"
                                "  last_error TEXT"
                                ");"
                                "CREATE INDEX outbox_pending ON outbox (webhook, id) WHERE status = 'pending';"
                                "CREATE INDEX outbox_incident ON outbox (incident_id);"

                                "CREATE TABLE source ("
                                "  id INTEGER PRIMARY KEY," /* the order, oldest file first */
                                "  device INTEGER NOT NULL,"
                                "  inode INTEGER NOT NULL,"
                                "  offset INTEGER NOT NULL,"
                                "  fingerprint TEXT NOT NULL," /* hexadecimal */
                                "  fingerprint_len INTEGER NOT NULL"
                                ");"

                                "CREATE TABLE silence ("
                                "  id INTEGER PRIMARY KEY,"
                                "  starts_at INTEGER NOT NULL,"
                                "  ends_at INTEGER NOT NULL,"
                                "  reason TEXT,"
                                "  ended_at INTEGER" /* by hand, before its time */
                                ");"

                                "CREATE TABLE state ("
                                "  key TEXT PRIMARY KEY,"
                                "  value TEXT NOT NULL"
                                ") WITHOUT ROWID;";

/* Version 2. begun_at: a log that was truncated in place began later than its file, and later than copies of its old content. */
static const char version_2[] = "ALTER TABLE source ADD COLUMN begun_at INTEGER NOT NULL DEFAULT 0;";

/* steps[n] leads from version n to n + 1. A change of the schema is one more step; old steps are never edited. */
static const char *const steps[SCHEMA_VERSION] = { version_1, version_2 };

static int version_read(sqlite3 *db, int64_t *version, struct strbuf *error)
{
    int code = sql_read_number(db, "PRAGMA user_version", version);
    if (code != SQLITE_OK)
        strbuf_printf(error, "cannot read the database's version: %s", sqlite3_errmsg(db));
    return code;
}

static int refuse_newer(int64_t version, struct strbuf *error)
{
    if (version <= SCHEMA_VERSION)
        return SQLITE_OK;
    strbuf_printf(error, "database version %" PRId64 " is newer than this agent's %d", version, SCHEMA_VERSION);
    return SQLITE_MISMATCH;
}

/* A database of version 0 must be empty, else another program made it. */
static int refuse_foreign(sqlite3 *db, int64_t version, struct strbuf *error)
{
    int64_t objects = 0;
    int code = version == 0 ? sql_read_number(db, "SELECT count(*) FROM sqlite_schema", &objects) : SQLITE_OK;
    if (code != SQLITE_OK) {
        strbuf_printf(error, "cannot read the database's schema: %s", sqlite3_errmsg(db));
    } else if (version < 0 || objects > 0) {
        strbuf_puts(error, "the database is not one of this agent's");
        code = SQLITE_MISMATCH;
    }
    return code;
}

static int migrate_from(sqlite3 *db, int64_t version, struct strbuf *error)
{
    char set_version[40];
    snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", SCHEMA_VERSION);
    int code = SQLITE_OK;
    for (; code == SQLITE_OK && version < SCHEMA_VERSION; version++)
        code = sqlite3_exec(db, steps[version], NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, set_version, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        strbuf_printf(error, "cannot bring the database to version %d: %s", SCHEMA_VERSION, sqlite3_errmsg(db));
    return code;
}

int schema_migrate(sqlite3 *db, struct strbuf *error)
{
    int64_t version = 0;
    int code = version_read(db, &version, error);
    if (code != SQLITE_OK || version == SCHEMA_VERSION)
        return code;
    code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        strbuf_printf(error, "cannot lock the database: %s", sqlite3_errmsg(db));
    else
        code = version_read(db, &version, error); /* another process may have migrated it before we had the lock */
    if (code == SQLITE_OK)
        code = refuse_newer(version, error);
    if (code == SQLITE_OK)
        code = refuse_foreign(db, version, error);
    if (code == SQLITE_OK)
        code = migrate_from(db, version, error);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

int schema_check(sqlite3 *db, struct strbuf *error)
{
    int64_t version = 0;
    int code = version_read(db, &version, error);
    if (code == SQLITE_OK)
        code = refuse_newer(version, error);
    if (code == SQLITE_OK && version < SCHEMA_VERSION) {
        strbuf_printf(error, "database version %" PRId64 " is older than this agent's %d: `agent run` migrates it",
                      version, SCHEMA_VERSION);
        code = SQLITE_MISMATCH;
    }
    return code;
}

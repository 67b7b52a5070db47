/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/budgets.h"
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

/* Version 3: who owned the log, so that another user's file is not taken for it after a restart. -1: not known. */
static const char version_3[] = "ALTER TABLE source ADD COLUMN owner INTEGER NOT NULL DEFAULT -1;";

/* Version 4: what a page says of a runbook, which the alert alone does not tell: a failure's cause may have another runbook. */
static const char version_4[] = "ALTER TABLE incident ADD COLUMN scenario_title TEXT;"
                                "ALTER TABLE notification ADD COLUMN runbook TEXT;"
                                "ALTER TABLE notification ADD COLUMN scenario_title TEXT;";

/*
 * Version 5: what others than the log say. witness: the last word of each. run.rows is a witness's number where rows_from is not 'log', and
 * witnessed_rows what was counted in any case: -1 for rows without a number.
 */
static const char version_5[] = "CREATE TABLE witness ("
                                "  name TEXT PRIMARY KEY,"
                                "  state TEXT NOT NULL," /* silent, well, trouble */
                                "  words TEXT NOT NULL,"
                                "  said_at INTEGER," /* NULL: not asked yet */
                                "  since_at INTEGER"
                                ") WITHOUT ROWID;"
                                "ALTER TABLE run ADD COLUMN rows_from TEXT NOT NULL DEFAULT 'log';"
                                "ALTER TABLE run ADD COLUMN witness TEXT;"
                                "ALTER TABLE run ADD COLUMN witnessed_rows INTEGER;"
                                "ALTER TABLE run ADD COLUMN watermark_at INTEGER;"
                                "ALTER TABLE run ADD COLUMN ahead_ms INTEGER;"
                                "ALTER TABLE run ADD COLUMN answered_at INTEGER;";

/*
 * Version 6: what people ask for. An acknowledgement that was taken back stays as a row. A silence may be narrower than everything: its globs
 * are NULL where it is for all, and an older one held back criticals too.
 */
static const char version_6[] = "CREATE TABLE acknowledgement ("
                                "  id INTEGER PRIMARY KEY,"
                                "  incident_id INTEGER NOT NULL,"
                                "  at INTEGER NOT NULL,"
                                "  by_name TEXT NOT NULL,"
                                "  note TEXT,"
                                "  undone_at INTEGER,"
                                "  undone_by TEXT"
                                ");"
                                "CREATE INDEX acknowledgement_incident ON acknowledgement (incident_id);"
                                "ALTER TABLE silence ADD COLUMN alert_glob TEXT;"
                                "ALTER TABLE silence ADD COLUMN table_glob TEXT;"
                                "ALTER TABLE silence ADD COLUMN max_severity TEXT NOT NULL DEFAULT 'critical';";

/*
 * Version 7: the engine's state by part, so that a line writes what it changed. (An index by number, and not WITHOUT ROWID, whose rows go to pages
 * of their own when they are longer than a quarter of a page.)
 */
static const char version_7[] = "CREATE TABLE table_state (place INTEGER PRIMARY KEY, value TEXT NOT NULL);"
                                "CREATE TABLE table_windows (place INTEGER PRIMARY KEY, value TEXT NOT NULL);"
                                "CREATE TABLE incident_state (incident_id INTEGER PRIMARY KEY, value TEXT NOT NULL);";

/* steps[n] leads from version n to n + 1. A change of the schema is one more step; old steps are never edited. */
static const char *const steps[SCHEMA_VERSION] = { version_1, version_2, version_3, version_4,
                                                   version_5, version_6, version_7 };

static const char not_ours[] = "the database is not one of this agent's";

/* --- Whether the tables are those that the agent made --- */

/* Returns the database's first row of a query, or NULL; *code says which. The caller finalizes it. */
static sqlite3_stmt *first_row(sqlite3 *db, const char *query, const char *name, int *code)
{
    sqlite3_stmt *statement = NULL;
    *code = sqlite3_prepare_v2(db, query, -1, &statement, NULL);
    if (*code == SQLITE_OK && name)
        sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (*code == SQLITE_OK)
        *code = sqlite3_step(statement);
    if (*code == SQLITE_ROW)
        return statement;
    sqlite3_finalize(statement);
    *code = *code == SQLITE_DONE ? SQLITE_OK : *code;
    return NULL;
}

static const char *column_or_empty(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? text : "";
}

/* expected is at a row (type, name, sql) of a schema as the agent makes it. An index may be missing: then queries are slower. */
static int verify_object(sqlite3 *db, sqlite3_stmt *expected, struct strbuf *error)
{
    const char *type = column_or_empty(expected, 0), *name = column_or_empty(expected, 1);
    int code = SQLITE_OK;
    sqlite3_stmt *found = first_row(db, "SELECT type, sql FROM sqlite_schema WHERE name = ?1", name, &code);
    if (code == SQLITE_OK && !found && strcmp(type, "table") == 0) {
        strbuf_printf(error, "the table %s is missing", name);
        code = SQLITE_CORRUPT;
    } else if (found && strcmp(column_or_empty(found, 0), type) != 0) {
        strbuf_printf(error, "%s is a %s instead of a %s", name, column_or_empty(found, 0), type);
        code = SQLITE_CORRUPT;
    } else if (found && strcmp(column_or_empty(found, 1), column_or_empty(expected, 2)) != 0) {
        strbuf_printf(error, "the %s %s is not as the agent made it", type, name);
        code = SQLITE_CORRUPT;
    }
    sqlite3_finalize(found);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

static int verify_nothing_active(sqlite3 *db, struct strbuf *error)
{
    int code = SQLITE_OK;
    sqlite3_stmt *found = first_row(db, sql_find_active, NULL, &code);
    if (found) {
        strbuf_printf(error, "it has the %s %s, which does not belong into a history", column_or_empty(found, 0),
                      column_or_empty(found, 1));
        code = SQLITE_CORRUPT;
    }
    sqlite3_finalize(found);
    return code;
}

/*
 * Compares the database with one that the agent makes in memory, table by table. A file from anybody may have views or triggers in
 * their place, or tables without their NOT NULL.
 */
static int verify_tables(sqlite3 *db, int64_t version, struct strbuf *error)
{
    sqlite3 *model = NULL;
    sqlite3_stmt *expected = NULL;
    size_t before = error->len;
    int code = sqlite3_open(":memory:", &model);
    for (int64_t i = 0; code == SQLITE_OK && i < version; i++)
        code = sqlite3_exec(model, steps[i], NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(model, sql_list_schema, -1, &expected, NULL);
    while (code == SQLITE_OK && sqlite3_step(expected) == SQLITE_ROW)
        code = verify_object(db, expected, error);
    if (code == SQLITE_OK)
        code = verify_nothing_active(db, error);
    if (code != SQLITE_OK && error->len == before)
        strbuf_printf(error, "cannot read the database's schema: %s", sqlite3_errmsg(db));
    sqlite3_finalize(expected);
    sqlite3_close(model);
    return code;
}

enum { NAMES_LEAST = 5 }; /* of fourteen tables */

bool schema_is_ours(sqlite3 *db)
{
    int64_t names = 0;
    return sql_read_number(db, sql_count_names, &names) == SQLITE_OK && names >= NAMES_LEAST;
}

/* Another program may number its schema as the agent does. Its database is left alone, which few names of the agent's tell. */
static int verify(sqlite3 *db, int64_t version, struct strbuf *error)
{
    int64_t names = 0;
    int code = sql_read_number(db, sql_count_names, &names);
    if (code == SQLITE_OK && names < NAMES_LEAST) {
        strbuf_puts(error, not_ours);
        return SQLITE_MISMATCH;
    }
    return verify_tables(db, version, error);
}

/* --- Its size --- */

struct load {
    sqlite3 *db;
    int64_t bytes, names; /* of statements, and of tables that are called as one of the agent's */
};

/* While SQLite reads the schema, this is told of each of its rows: type, name, table, root page and statement. */
static int load_row(unsigned kind, void *ctx, void *statement, void *unused)
{
    (void)kind;
    (void)unused;
    struct load *load = ctx;
    char quoted[32];
    const char *name = (const char *)sqlite3_column_text(statement, 1);
    snprintf(quoted, sizeof quoted, "'%s'", name ? name : "");
    load->names += strstr(sql_count_names, quoted) ? 1 : 0;
    load->bytes += sqlite3_column_bytes(statement, 4);
    if (load->bytes > HISTORY_SCHEMA_MAX_BYTES)
        sqlite3_interrupt(load->db);
    return 0;
}

int schema_load(sqlite3 *db, struct strbuf *error)
{
    struct load load = { .db = db };
    sqlite3_stmt *statement = NULL;
    sqlite3_trace_v2(db, SQLITE_TRACE_ROW, load_row, &load);
    int code = sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_schema", -1, &statement, NULL);
    sqlite3_trace_v2(db, 0, NULL, NULL);
    sqlite3_finalize(statement);
    if (load.bytes > HISTORY_SCHEMA_MAX_BYTES) {
        code = load.names < NAMES_LEAST ? SQLITE_MISMATCH : SQLITE_TOOBIG;
        strbuf_puts(error, code == SQLITE_MISMATCH ? not_ours : "the schema in it is too long");
    } else if (code != SQLITE_OK) {
        strbuf_printf(error, "cannot read the database's schema: %s", sqlite3_errmsg(db));
    }
    return code;
}

/* --- Versions --- */

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
    if (version > 0)
        return verify(db, version, error);
    int code = sql_read_number(db, "SELECT count(*) FROM sqlite_schema", &objects);
    if (code != SQLITE_OK) {
        strbuf_printf(error, "cannot read the database's schema: %s", sqlite3_errmsg(db));
    } else if (version < 0 || objects > 0) {
        strbuf_puts(error, not_ours);
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
    if (code == SQLITE_OK && version == SCHEMA_VERSION)
        return verify(db, version, error);
    if (code != SQLITE_OK)
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
    if (code == SQLITE_OK && version <= 0)
        code = refuse_foreign(db, version, error);
    if (code == SQLITE_OK && version == 0) {
        strbuf_puts(error, "a database without tables: there is no history in it yet");
        code = SQLITE_MISMATCH;
    } else if (code == SQLITE_OK && version < SCHEMA_VERSION) {
        strbuf_printf(error, "database version %" PRId64 " is older than this agent's %d: `agent run` migrates it",
                      version, SCHEMA_VERSION);
        code = SQLITE_MISMATCH;
    }
    return code == SQLITE_OK ? verify(db, version, error) : code;
}
